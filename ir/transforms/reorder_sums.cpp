#include "ir/transforms/reorder_sums.h"

#include "ir/analysis/combination_order.h"
#include "ir/dialect/Dialect.h"

#include <llvm/Support/MathExtras.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/IR/Builders.h>
#include <mlir/IR/IRMapping.h>

namespace tuned {
namespace {

namespace arith = mlir::arith;
using mlir::RankedTensorType;
using mlir::Value;

/// The one operation of the region, when it is a sum or a product of its two arguments; else null.
mlir::Operation* roundingOperation(tt::ReduceOp reduce) {
  mlir::Region& region = reduce.getCombineOp();
  if (reduce.getSrcs().size() != 1 || !tt::commutesByForm(region)) return nullptr;
  mlir::Operation* op = region.front().getTerminator()->getOperand(0).getDefiningOp();
  return mlir::isa<arith::AddFOp, arith::MulFOp>(op) ? op : nullptr;
}

llvm::SmallVector<tt::ReduceOp> roundingReductions(mlir::ModuleOp module) {
  llvm::SmallVector<tt::ReduceOp> out;
  module.walk([&](tt::ReduceOp reduce) {
    if (roundingOperation(reduce)) out.push_back(reduce);
  });
  return out;
}

/// A reduction by the same operation along `axis` of `source`, whatever its element type.
Value reduceLike(mlir::OpBuilder& builder, tt::ReduceOp like, Value source, int axis) {
  mlir::Type element = mlir::cast<RankedTensorType>(source.getType()).getElementType();
  auto reduce = tt::ReduceOp::create(builder, like.getLoc(), mlir::ValueRange{source}, axis);
  mlir::Region& region = reduce.getCombineOp();
  mlir::OpBuilder::InsertionGuard guard(builder);
  mlir::Block* block =
      builder.createBlock(&region, region.begin(), {element, element}, {like.getLoc(), like.getLoc()});
  mlir::Value combined;
  if (mlir::isa<arith::AddFOp>(roundingOperation(like)))
    combined = arith::AddFOp::create(builder, like.getLoc(), block->getArgument(0), block->getArgument(1));
  else
    combined = arith::MulFOp::create(builder, like.getLoc(), block->getArgument(0), block->getArgument(1));
  tt::ReduceReturnOp::create(builder, like.getLoc(), mlir::ValueRange{combined});
  return reduce.getResult().front();
}

} // namespace

int reorderSums(mlir::ModuleOp module) {
  int changed = 0;
  for (tt::ReduceOp reduce : roundingReductions(module)) {
    auto type = mlir::cast<RankedTensorType>(reduce.getSrcs().front().getType());
    const auto axis = static_cast<size_t>(reduce.getAxis());
    const int64_t length = type.getShape()[axis];
    if (length < 4) continue;
    const int64_t parts = int64_t(1) << (llvm::Log2_64(static_cast<uint64_t>(length)) / 2);
    llvm::SmallVector<int64_t> shape(type.getShape());
    shape[axis] = length / parts;
    shape.insert(shape.begin() + static_cast<long>(axis) + 1, parts);
    mlir::OpBuilder builder(reduce);
    Value split =
        tt::ReshapeOp::create(builder, reduce.getLoc(), RankedTensorType::get(shape, type.getElementType()),
                              reduce.getSrcs().front());
    Value strided = reduceLike(builder, reduce, split, static_cast<int>(axis));
    reduce.getResult().front().replaceAllUsesWith(
        reduceLike(builder, reduce, strided, static_cast<int>(axis)));
    reduce.erase();
    ++changed;
  }
  return changed;
}

int widenSums(mlir::ModuleOp module) {
  int changed = 0;
  for (tt::ReduceOp reduce : roundingReductions(module)) {
    auto type = mlir::cast<RankedTensorType>(reduce.getSrcs().front().getType());
    const unsigned bits = type.getElementType().getIntOrFloatBitWidth();
    if (bits > 32) continue;
    mlir::OpBuilder builder(reduce);
    mlir::Type wide = bits == 32 ? static_cast<mlir::Type>(builder.getF64Type()) : builder.getF32Type();
    Value source =
        arith::ExtFOp::create(builder, reduce.getLoc(), type.clone(wide), reduce.getSrcs().front());
    Value sum = reduceLike(builder, reduce, source, static_cast<int>(reduce.getAxis()));
    Value result = reduce.getResult().front();
    Value narrow = arith::TruncFOp::create(builder, reduce.getLoc(), result.getType(), sum);
    result.replaceAllUsesWith(narrow);
    reduce.erase();
    ++changed;
  }
  return changed;
}

} // namespace tuned
