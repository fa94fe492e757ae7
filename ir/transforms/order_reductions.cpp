// A reduction whose operands may not be exchanged becomes a tree over neighbours: the axis is brought to the
// end and halved by reshape and split, and the halves are combined element by element. Backends are free to
// combine the elements of what is left in any order.
#include "ir/analysis/combination_order.h"
#include "ir/dialect/Dialect.h"
#include "ir/transforms/passes.h"

#include <mlir/IR/Builders.h>
#include <mlir/IR/IRMapping.h>

#include <numeric>

namespace tuned {
namespace {

using Values = llvm::SmallVector<mlir::Value>;

class Tree {
public:
  explicit Tree(tt::ReduceOp reduce) : op_(reduce), b_(reduce), at_(reduce.getLoc()) {}

  void grow() {
    Values parts;
    for (mlir::Value source : op_.getSrcs())
      parts.push_back(axisLast(source));
    while (shapeOf(parts.front()).back() > 1)
      parts = combineNeighbours(parts);
    for (auto [result, part] : llvm::zip(op_->getResults(), parts))
      result.replaceAllUsesWith(withoutAxis(part, result.getType()));
    op_.erase();
  }

private:
  static llvm::ArrayRef<int64_t> shapeOf(mlir::Value tensor) { return tt::shapeOf(tensor.getType()); }
  static mlir::RankedTensorType typed(mlir::Value like, llvm::ArrayRef<int64_t> shape) {
    return mlir::RankedTensorType::get(shape, tt::elementType(like.getType()));
  }

  mlir::Value axisLast(mlir::Value source) {
    llvm::ArrayRef<int64_t> shape = shapeOf(source);
    auto axis = static_cast<size_t>(op_.getAxis());
    if (axis + 1 == shape.size()) return source;
    llvm::SmallVector<int32_t> order(shape.size());
    std::iota(order.begin(), order.end(), 0);
    std::rotate(order.begin() + std::ptrdiff_t(axis), order.begin() + std::ptrdiff_t(axis) + 1, order.end());
    llvm::SmallVector<int64_t> turned;
    for (int32_t dimension : order)
      turned.push_back(shape[static_cast<size_t>(dimension)]);
    return tt::TransOp::create(b_, at_, typed(source, turned), source, order);
  }

  Values combineNeighbours(const Values& parts) {
    Values lower, upper;
    for (mlir::Value part : parts) {
      llvm::SmallVector<int64_t> halved(shapeOf(part));
      halved.back() /= 2;
      mlir::RankedTensorType half = typed(part, halved);
      halved.push_back(2);
      auto pairs = tt::ReshapeOp::create(b_, at_, typed(part, halved), part, false, false);
      auto split = tt::SplitOp::create(b_, at_, half, half, pairs);
      lower.push_back(split.getOutLHS());
      upper.push_back(split.getOutRHS());
    }
    llvm::SmallVector<mlir::Type> types(llvm::map_range(lower, [](mlir::Value v) { return v.getType(); }));
    lower.append(upper);
    auto map = tt::MapElementwiseOp::create(b_, at_, types, lower, 1);
    mlir::IRMapping mapping;
    op_.getCombineOp().cloneInto(&map.getScalarOp(), mapping);
    mlir::Operation* old = map.getScalarOp().front().getTerminator();
    mlir::OpBuilder inside(old);
    tt::MapElementwiseReturnOp::create(inside, at_, old->getOperands());
    old->erase();
    return Values(map->getResults());
  }

  mlir::Value withoutAxis(mlir::Value part, mlir::Type result) {
    if (!mlir::isa<mlir::RankedTensorType>(result)) return tt::UnsplatOp::create(b_, at_, result, part);
    return tt::ReshapeOp::create(b_, at_, result, part, false, false);
  }

  tt::ReduceOp op_;
  mlir::OpBuilder b_;
  mlir::Location at_;
};

} // namespace

mlir::LogicalResult orderReductions(mlir::ModuleOp module) {
  llvm::SmallVector<tt::ReduceOp> found;
  module.walk([&](tt::ReduceOp op) {
    if (tt::orderMatters(op.getCombineOp())) found.push_back(op);
  });
  for (tt::ReduceOp op : found)
    Tree(op).grow();
  return mlir::success();
}

} // namespace tuned
