// An operation into a loop that carries its value, or into one arm of a branch.
#include "ir/dialect/Dialect.h"
#include "tests/fuzz/mutate_module.h"

#include <mlir/Dialect/SCF/IR/SCF.h>

namespace tuned {
namespace {

mlir::Value integer(mlir::OpBuilder& builder, mlir::Location location, int64_t value) {
  return mlir::arith::ConstantIntOp::create(builder, location, value, 32);
}

bool wrapInLoop(mlir::Operation* op, Random& random) {
  std::vector<unsigned> carried;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    if (op->getOperand(i).getType() == op->getResult(0).getType()) carried.push_back(i);
  if (carried.empty()) return false;
  unsigned place = random.of(carried);
  mlir::OpBuilder builder(op);
  auto location = op->getLoc();
  mlir::Value zero = integer(builder, location, 0), one = integer(builder, location, 1);
  auto counts = valuesBefore(op, builder.getI32Type());
  mlir::Value end =
      counts.empty() || random.oneIn(2) ? integer(builder, location, random.below(40)) : random.of(counts);
  auto loop = mlir::scf::ForOp::create(builder, location, zero, end, one, op->getOperand(place));
  loop->setAttr("tt.num_stages", builder.getI32IntegerAttr(1 + static_cast<int>(random.below(4))));
  op->getResult(0).replaceAllUsesWith(loop.getResult(0));
  op->moveBefore(loop.getBody(), loop.getBody()->end());
  op->setOperand(place, loop.getRegionIterArg(0));
  builder.setInsertionPointToEnd(loop.getBody());
  mlir::scf::YieldOp::create(builder, location, op->getResult(0));
  return true;
}

bool wrapInBranch(mlir::Operation* op, Random& random) {
  auto others = valuesBefore(op, op->getResult(0).getType());
  if (others.empty()) return false;
  mlir::OpBuilder builder(op);
  auto conditions = valuesBefore(op, builder.getI1Type());
  mlir::Value condition = conditions.empty() ? newArgument(op, builder.getI1Type()) : random.of(conditions);
  if (!condition) return false;
  auto branch = mlir::scf::IfOp::create(builder, op->getLoc(), op->getResultTypes(), condition, true);
  op->getResult(0).replaceAllUsesWith(branch.getResult(0));
  op->moveBefore(branch.thenBlock(), branch.thenBlock()->end());
  auto yield = [&](mlir::Block* block, mlir::Value value) {
    builder.setInsertionPointToEnd(block);
    mlir::scf::YieldOp::create(builder, op->getLoc(), value);
  };
  yield(branch.thenBlock(), op->getResult(0));
  yield(branch.elseBlock(), random.of(others));
  return true;
}

} // namespace

bool wrapOperation(mlir::ModuleOp module, Random& random) {
  module.getContext()->getOrLoadDialect<mlir::scf::SCFDialect>();
  auto operations = operationsIn(module);
  std::erase_if(operations, [](mlir::Operation* op) {
    return op->getNumResults() != 1 || op->hasTrait<mlir::OpTrait::IsTerminator>();
  });
  if (operations.empty()) return false;
  mlir::Operation* op = random.of(operations);
  return random.oneIn(2) ? wrapInLoop(op, random) : wrapInBranch(op, random);
}

} // namespace tuned
