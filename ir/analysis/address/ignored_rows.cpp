#include "ir/analysis/address/ignored_rows.h"

#include "ir/analysis/address/tile_bounds.h"

#include <llvm/ADT/DenseSet.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/SCF/IR/SCF.h>

namespace tuned::tt {

namespace {

namespace scf = mlir::scf;
using mlir::Operation;
using mlir::Value;

/// Follows the rows of a value to where they end.
class Followers {
public:
  Followers(const LinearForm& start, int64_t end, AffineTiles& tiles)
      : start_(start), end_(end), tiles_(tiles) {}

  bool ignored(Value value, unsigned dimension) {
    if (!seen_.insert({value, dimension}).second) return true;
    return llvm::all_of(value.getUses(), [&](mlir::OpOperand& use) { return follow(use, dimension); });
  }

private:
  bool follow(mlir::OpOperand& use, unsigned d) {
    Operation* op = use.getOwner();
    unsigned operand = use.getOperandNumber();
    if (auto store = mlir::dyn_cast<StoreOp>(op)) return isValueOf(store, operand) && keepsWithin(store, d);
    if (auto store = mlir::dyn_cast<DescriptorStoreOp>(op))
      return use.get() == store.getSrc() && keepsWithin(store, d);
    if (auto dot = mlir::dyn_cast<DotOp>(op)) {
      bool rows = operand == 0 && d + 2 == rankOf(dot), columns = operand == 1 && d + 1 == rankOf(dot);
      return (rows || columns || operand == 2) && ignored(dot.getResult(), d);
    }
    if (auto yield = mlir::dyn_cast<scf::YieldOp>(op)) return followYield(yield, operand, d);
    if (auto loop = mlir::dyn_cast<scf::ForOp>(op)) {
      constexpr unsigned bounds = 3;
      return operand >= bounds && ignored(loop.getRegionIterArg(operand - bounds), d) &&
             ignored(loop.getResult(operand - bounds), d);
    }
    if (auto transposed = mlir::dyn_cast<TransOp>(op)) {
      auto order = transposed.getOrder();
      auto to = llvm::find(order, int32_t(d));
      return ignored(transposed.getResult(), unsigned(to - order.begin()));
    }
    return isElementwise(op) && ignored(op->getResult(0), d);
  }

  static unsigned rankOf(DotOp dot) { return unsigned(shapeOf(dot.getResult().getType()).size()); }

  /// Element by element, without effects: every result lies where its operands do.
  static bool isElementwise(Operation* op) {
    if (op->getNumResults() != 1 || op->getNumRegions() != 0 || !mlir::isMemoryEffectFree(op)) return false;
    llvm::StringRef dialect = op->getName().getDialectNamespace();
    bool known = dialect == "arith" || dialect == "math" || mlir::isa<FpToFpOp, ClampFOp, BitcastOp>(op);
    auto shape = shapeOf(op->getResult(0).getType());
    return known &&
           llvm::all_of(op->getOperandTypes(), [&](mlir::Type type) { return shapeOf(type) == shape; });
  }

  bool followYield(scf::YieldOp yield, unsigned operand, unsigned d) {
    Operation* parent = yield->getParentOp();
    if (auto loop = mlir::dyn_cast<scf::ForOp>(parent))
      return ignored(loop.getRegionIterArg(operand), d) && ignored(loop.getResult(operand), d);
    return mlir::isa<scf::IfOp>(parent) && ignored(parent->getResult(operand), d);
  }

  static bool isValueOf(StoreOp store, unsigned operand) {
    return store->getOperand(operand) == store.getValue() && store.getValue() != store.getMask();
  }

  /// The mask is false from `end` on: one of its bounds is start + i < e with e <= end.
  bool keepsWithin(StoreOp store, unsigned d) {
    auto bounds = store.getMask() ? boundsOf(store.getMask(), tiles_, store) : std::nullopt;
    if (!bounds) return false;
    return llvm::any_of(*bounds, [&](const AffineTile& bound) {
      for (auto [number, dimension] : llvm::enumerate(bound.dimensions))
        if (dimension.coefficient != (number == d ? 1 : 0)) return false;
      auto form = bound.origin();
      return form && sameTerms(*form, start_) && form->constant >= start_.constant - end_;
    });
  }

  /// The array ends there.
  bool keepsWithin(DescriptorStoreOp store, unsigned d) {
    auto maker = store.getDesc().getDefiningOp<MakeTensorDescOp>();
    if (!maker || shapeOf(store.getSrc().getType()).size() != maker.getShape().size()) return false;
    auto size = tiles_.grid().of(maker.getShape()[d]);
    LinearForm index = tiles_.grid().linear(store.getIndices()[d]);
    return size && size->upper <= end_ && sameTerms(index, start_) && index.constant == start_.constant;
  }

  const LinearForm& start_;
  int64_t end_;
  AffineTiles& tiles_;
  llvm::DenseSet<std::pair<Value, unsigned>> seen_;
};

} // namespace

bool ignoresBeyond(Value tile, unsigned dimension, const LinearForm& start, int64_t end, AffineTiles& tiles) {
  return Followers(start, end, tiles).ignored(tile, dimension);
}

} // namespace tuned::tt
