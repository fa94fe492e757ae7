// Conversions where they cost least. The slice of cheap operations behind a conversion is computed again in
// the conversion's layout; values that are not cheap are converted at the slice's leaves if they are smaller
// there.
#include "backend/gpu/layout/conversion.h"
#include "backend/nvptx/passes/layouts/layout_rules.h"
#include "backend/nvptx/passes/pass.h"

#include <llvm/ADT/MapVector.h>
#include <mlir/IR/Builders.h>
#include <mlir/IR/IRMapping.h>

namespace tuned::nvptx {
namespace {

constexpr size_t largestSlice = 48; ///< operations computed again for one conversion

bool isTensor(mlir::Value value) {
  return mlir::isa<mlir::RankedTensorType>(value.getType());
}

int64_t bytesOf(mlir::Type type) {
  int64_t bytes = std::max<int64_t>(1, tt::elementBits(tt::elementType(type)) / 8);
  for (int64_t size : tt::shapeOf(type))
    bytes *= size;
  return bytes;
}

/// Worth computing twice: no memory, no special function, no dot.
bool cheap(mlir::Operation* op) {
  if (mlir::isa<tt::MakeRangeOp, tt::SplatOp, tt::ExpandDimsOp, tt::BroadcastOp, tt::AddPtrOp, tt::TransOp,
                tt::ReshapeOp, tt::BitcastOp, tt::IntToPtrOp, tt::PtrToIntOp, mlir::arith::ConstantOp>(op))
    return true;
  if (mlir::isa<mlir::arith::DivFOp, mlir::arith::DivSIOp, mlir::arith::DivUIOp, mlir::arith::RemSIOp,
                mlir::arith::RemUIOp, mlir::arith::RemFOp, mlir::arith::FloorDivSIOp,
                mlir::arith::CeilDivSIOp>(op)) {
    // Divisions of index tensors of one dimension are few.
    return tt::shapeOf(op->getResult(0).getType()).size() <= 1;
  }
  return op->getDialect()->getNamespace() == "arith";
}

/// Whether a thread would divide floats more often in this layout: several instructions for each, where a
/// conversion moves the quotient with one or two.
bool dividesMore(mlir::Operation* op, const LinearLayout& layout) {
  if (!mlir::isa<mlir::arith::DivFOp>(op)) return false;
  auto present = layoutOf(op->getResult(0).getType());
  return present && layout.registerCount() > present->registerCount();
}

/// What a conversion would take to be pushed to the leaves of the slice behind it.
class Slice {
public:
  /// Each value of the slice with the layout it is to be computed in.
  llvm::MapVector<std::pair<mlir::Value, mlir::Type>, bool>
      nodes; ///< true: computed again, false: converted there
  int64_t leafBytes = 0;

  bool collect(mlir::Value value, const LinearLayout& layout) {
    auto type = withLayout(value.getType(), layout);
    if (value.getType() == type) return true;
    if (nodes.count({value, type})) return true;
    mlir::Operation* op = value.getDefiningOp();
    bool again = op && op->getNumResults() == 1 && cheap(op) && !dividesMore(op, layout);
    if (!again) {
      nodes.insert({{value, type}, false});
      leafBytes += bytesOf(type);
      return true;
    }
    for (unsigned i = 0; i < op->getNumOperands(); ++i) {
      if (!isTensor(op->getOperand(i))) continue;
      auto operandLayout = layoutBackward(op, i, layout);
      if (!operandLayout || !collect(op->getOperand(i), *operandLayout)) return false;
    }
    nodes.insert({{value, type}, true});
    return nodes.size() <= largestSlice;
  }
};

class Rewriter {
public:
  /// The value in the layout of `type`: computed again where the slice says so.
  mlir::Value materialize(mlir::Value value, mlir::RankedTensorType type, const Slice& slice) {
    if (value.getType() == type) return value;
    auto key = std::make_pair(value, mlir::Type(type));
    if (mlir::Value known = done.lookup(key)) return known;
    auto node = slice.nodes.find(key);
    bool again = node != slice.nodes.end() && node->second;
    mlir::Value result = again ? repeat(value, type, slice) : convert(value, type);
    done[key] = result;
    return result;
  }

private:
  mlir::Value convert(mlir::Value value, mlir::RankedTensorType type) {
    mlir::OpBuilder builder(type.getContext());
    builder.setInsertionPointAfterValue(value);
    return ConvertLayoutOp::create(builder, value.getLoc(), type, value);
  }

  mlir::Value repeat(mlir::Value value, mlir::RankedTensorType type, const Slice& slice) {
    mlir::Operation* op = value.getDefiningOp();
    mlir::IRMapping mapping;
    LinearLayout layout = *layoutOf(type);
    for (unsigned i = 0; i < op->getNumOperands(); ++i) {
      mlir::Value operand = op->getOperand(i);
      if (!isTensor(operand)) continue;
      auto operandType = withLayout(operand.getType(), *layoutBackward(op, i, layout));
      mapping.map(operand, materialize(operand, operandType, slice));
    }
    mlir::OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    mlir::Operation* copy = builder.clone(*op, mapping);
    copy->getResult(0).setType(type);
    if (auto constant = mlir::dyn_cast<mlir::arith::ConstantOp>(copy)) {
      auto elements = mlir::cast<mlir::DenseElementsAttr>(constant.getValue());
      constant.setValueAttr(elements.isSplat() ? elements.resizeSplat(type) : elements.reshape(type));
    }
    return copy->getResult(0);
  }

  llvm::DenseMap<std::pair<mlir::Value, mlir::Type>, mlir::Value> done;
};

/// A conversion that only renames registers costs nothing where it is.
bool isFree(ConvertLayoutOp op) {
  auto move = planWarpMove(*layoutOf(op.getSrc().getType()), *layoutOf(op.getType()));
  return move && move->rename();
}

} // namespace

Result<void> removeConversions(PassContext& context) {
  std::vector<ConvertLayoutOp> conversions;
  context.function.walk([&](ConvertLayoutOp op) { conversions.push_back(op); });
  Rewriter rewriter;
  for (ConvertLayoutOp conversion : conversions) {
    if (isFree(conversion)) continue;
    Slice slice;
    auto type = mlir::cast<mlir::RankedTensorType>(conversion.getType());
    if (!slice.collect(conversion.getSrc(), *layoutOf(type))) continue;
    // Pushing it to the leaves must not convert more bytes than the conversion itself does.
    if (slice.leafBytes >= bytesOf(type)) continue;
    conversion.getResult().replaceAllUsesWith(rewriter.materialize(conversion.getSrc(), type, slice));
  }
  // What is no longer used goes, last first.
  std::vector<mlir::Operation*> dead;
  context.function.walk<mlir::WalkOrder::PostOrder>([&](mlir::Operation* op) { dead.push_back(op); });
  for (mlir::Operation* op : llvm::reverse(dead))
    if (mlir::isOpTriviallyDead(op)) op->erase();
  return {};
}

} // namespace tuned::nvptx
