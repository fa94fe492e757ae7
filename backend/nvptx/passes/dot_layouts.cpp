#include "backend/nvptx/passes/dot_layouts.h"

#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/dot_plan.h"

namespace tuned::nvptx {

DotLayouts dotLayouts(tt::DotOp dot, const Target& target, unsigned numWarps) {
  auto a = dot.getA().getType(), b = dot.getB().getType(), d = dot.getD().getType();
  DotPlan plan = planDot(a, b, d, dot.getInputPrecision(), target, numWarps);
  if (plan.instruction != DotInstruction::Scalar) return {plan.a, plan.b, plan.d};
  // Its operands are read through shared memory whatever layout they have.
  return {layoutOf(a).value_or(plan.a), layoutOf(b).value_or(plan.b), plan.d};
}

} // namespace tuned::nvptx
