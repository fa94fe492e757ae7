#include "tests/fuzz/mutate_module.h"

#include "ir/dialect/Dialect.h"

#include <mlir/IR/Builders.h>

namespace tuned {

std::vector<mlir::Operation*> operationsIn(mlir::ModuleOp module) {
  std::vector<mlir::Operation*> operations;
  for (auto function : module.getOps<tt::FuncOp>())
    function.getBody().walk([&](mlir::Operation* op) { operations.push_back(op); });
  return operations;
}

std::vector<mlir::Value> valuesBefore(mlir::Operation* op) {
  std::vector<mlir::Value> values;
  for (; op && !mlir::isa<tt::FuncOp, mlir::ModuleOp>(op); op = op->getParentOp()) {
    mlir::Block* block = op->getBlock();
    values.insert(values.end(), block->args_begin(), block->args_end());
    for (mlir::Operation& earlier : *block) {
      if (&earlier == op) break;
      values.insert(values.end(), earlier.result_begin(), earlier.result_end());
    }
  }
  return values;
}

std::vector<mlir::Value> valuesBefore(mlir::Operation* op, mlir::Type type) {
  auto values = valuesBefore(op);
  std::erase_if(values, [&](mlir::Value value) { return value.getType() != type; });
  return values;
}

mlir::Value newArgument(mlir::Operation* op, mlir::Type type) {
  auto function = op->getParentOfType<tt::FuncOp>();
  unsigned last = function.getNumArguments();
  if (mlir::failed(function.insertArgument(last, type, {}, op->getLoc()))) return {};
  return function.getArgument(last);
}

/// The operation behind which `value` is known.
static mlir::Operation* placeAfter(mlir::Value value) {
  if (mlir::Operation* op = value.getDefiningOp()) return op->getNextNode();
  mlir::Block* block = value.getParentBlock();
  return block->empty() ? nullptr : &block->front();
}

void keepAlive(mlir::Value value, Random& random) {
  mlir::Operation* place = placeAfter(value);
  if (!place) return;
  if (random.oneIn(2)) {
    std::vector<mlir::OpOperand*> uses;
    for (mlir::Operation* later = place; later; later = later->getNextNode())
      for (mlir::OpOperand& operand : later->getOpOperands())
        if (operand.get() != value && operand.get().getType() == value.getType()) uses.push_back(&operand);
    if (!uses.empty()) return random.of(uses)->set(value);
  }
  mlir::Type element = tt::elementType(value.getType());
  if (!mlir::isa<mlir::IntegerType, mlir::FloatType, tt::PointerType>(element)) return;
  mlir::OpBuilder builder(place);
  mlir::Value pointer = newArgument(place, tt::PointerType::get(element, 1));
  if (!pointer) return;
  if (mlir::isa<mlir::RankedTensorType>(value.getType()))
    pointer = tt::SplatOp::create(builder, value.getLoc(),
                                  tt::withElementType(value.getType(), pointer.getType()), pointer);
  mlir::OperationState store(value.getLoc(), "tt.store");
  store.addOperands({pointer, value});
  builder.create(store);
}

bool mutateModule(mlir::ModuleOp module, Random& random) {
  switch (random.below(8)) {
  case 0:
  case 1:
    return mutateTypes(module, random);
  case 2:
  case 3:
    return insertOperation(module, random);
  case 4:
    return wrapOperation(module, random);
  default:
    return mutateOperation(module, random);
  }
}

} // namespace tuned
