#include "backend/nvptx/dot_plan.h"
#include "backend/nvptx/passes/layouts/layout_rules.h"
#include "backend/nvptx/passes/pass.h"

#include <mlir/IR/Builders.h>

namespace tuned::nvptx {
namespace {

/// The layout in which `use` reads its value; nothing where any will do.
std::optional<LinearLayout> wanted(mlir::OpOperand& use, PassContext& context) {
  mlir::Operation* op = use.getOwner();
  auto arriving = arrivals(use);
  if (!arriving.empty()) return layoutOf(arriving.front().getType());
  if (auto dot = mlir::dyn_cast<tt::DotOp>(op)) {
    if (use.getOperandNumber() == 2) return layoutOf(dot.getD().getType());
    DotPlan plan = dotPlan(dot, context);
    if (plan.instruction == DotInstruction::Scalar) return std::nullopt; // it reads them from shared memory
    return use.getOperandNumber() == 0 ? plan.a : plan.b;
  }
  if (mlir::isa<tt::ReduceOp, tt::HistogramOp>(op)) return layoutOf(op->getOperand(0).getType());
  if (op->getNumResults() == 0) {
    auto anchored = op->getAttrOfType<LinearAttr>("nv.layout");
    auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(use.get().getType());
    if (!anchored || !tensor) return std::nullopt;
    return layoutOf(mlir::RankedTensorType::get(tensor.getShape(), tensor.getElementType(), anchored));
  }
  auto result = layoutOf(op->getResult(0).getType());
  if (!result) return std::nullopt;
  return layoutBackward(op, use.getOperandNumber(), *result);
}

} // namespace

Result<void> insertConversions(PassContext& context) {
  std::vector<mlir::OpOperand*> uses;
  context.function.walk([&](mlir::Operation* op) {
    for (mlir::OpOperand& use : op->getOpOperands())
      if (mlir::isa<mlir::RankedTensorType>(use.get().getType())) uses.push_back(&use);
  });
  for (mlir::OpOperand* use : uses) {
    auto layout = wanted(*use, context);
    if (!layout || layout == layoutOf(use->get().getType())) continue;
    mlir::OpBuilder builder(use->getOwner());
    auto type = withLayout(use->get().getType(), *layout);
    use->set(ConvertLayoutOp::create(builder, use->get().getLoc(), type, use->get()));
  }
  return {};
}

} // namespace tuned::nvptx
