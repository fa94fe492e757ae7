// A tensor is unrolled over its thread's registers: tiles far beyond what the registers hold become code that
// takes LLVM and the assembler minutes and gigabytes, and never runs well. They are refused before anything
// is emitted.
#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/dot_plan.h"
#include "backend/nvptx/errors.h"
#include "backend/nvptx/passes/pass.h"

namespace tuned::nvptx {
namespace {

constexpr uint64_t mostInstructions = 400'000;

uint64_t registersOf(mlir::Value value) {
  auto layout = layoutOf(value.getType());
  return layout ? layout->registerCount() : 1;
}

/// Tensor-core instructions of one thread, or its multiply-adds a step of K.
uint64_t dotInstructions(tt::DotOp dot, const PassContext& context) {
  DotPlan plan = dotPlan(dot, context);
  uint64_t results = registersOf(dot.getD());
  if (plan.instruction == DotInstruction::Scalar) return 2 * results;
  auto k = static_cast<uint64_t>(dot.getA().getType().getShape().back());
  uint64_t each = plan.tileM * plan.tileN / 32;
  return results / std::max<uint64_t>(1, each) * (k / plan.tileK) *
         (plan.instruction == DotInstruction::MmaTf32x3 ? 3 : 1);
}

/// About as many instructions as the operation becomes: a few a register.
uint64_t instructionsOf(mlir::Operation* op, const PassContext& context) {
  uint64_t registers = 0;
  for (mlir::Value operand : op->getOperands())
    registers = std::max(registers, registersOf(operand));
  for (mlir::Value result : op->getResults())
    registers = std::max(registers, registersOf(result));
  if (auto dot = mlir::dyn_cast<tt::DotOp>(op)) return registers + dotInstructions(dot, context);
  if (auto code = mlir::dyn_cast<tt::MapElementwiseOp>(op))
    return registers / std::max<uint64_t>(1, code.getPack()) *
           code.getScalarOp().front().getOperations().size();
  if (mlir::isa<tt::ReduceOp, tt::ScanOp>(op))
    return registers * op->getRegion(0).front().getOperations().size();
  return registers;
}

} // namespace

Result<void> limitSize(PassContext& context) {
  uint64_t sum = 0;
  mlir::Operation* over = nullptr;
  context.function.getBody().walk([&](mlir::Operation* op) {
    if (mlir::isa<tt::ReduceOp, tt::ScanOp, tt::MapElementwiseOp>(op->getParentOp()))
      return mlir::WalkResult::advance();
    sum += instructionsOf(op, context);
    if (sum <= mostInstructions) return mlir::WalkResult::advance();
    over = op;
    return mlir::WalkResult::interrupt();
  });
  if (!over) return {};
  return failAt(*over, ErrorKind::OutOfResources,
                over->getName().getStringRef().str() + " takes the kernel beyond " +
                    std::to_string(mostInstructions) + " instructions a thread, with " +
                    std::to_string(context.numWarps) + " warps",
                "use smaller tiles, or more warps");
}

} // namespace tuned::nvptx
