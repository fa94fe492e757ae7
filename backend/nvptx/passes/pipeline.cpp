#include "backend/nvptx/passes/pipeline.h"

#include "backend/nvptx/dot_plan.h"
#include "ir/transforms/passes.h"

namespace tuned::nvptx {

DotPlan dotPlan(tt::DotOp dot, const PassContext& context) {
  return planDot(dot.getA().getType(), dot.getB().getType(), dot.getD().getType(), dot.getInputPrecision(),
                 context.target, context.numWarps);
}

Result<void> decomposeScaledDots(PassContext& context) {
  if (mlir::succeeded(tuned::decomposeScaledDots(context.function->getParentOfType<mlir::ModuleOp>())))
    return {};
  return fail(ErrorKind::Internal, "scaled dots are not decomposed");
}

Result<void> orderReductions(PassContext& context) {
  if (mlir::succeeded(tuned::orderReductions(context.function->getParentOfType<mlir::ModuleOp>()))) return {};
  return fail(ErrorKind::Internal, "reductions are not ordered");
}

std::span<const Pass> layoutPasses() {
  static constexpr Pass passes[] = {
      {"decompose-scaled-dots", decomposeScaledDots},
      {"order-reductions", orderReductions},
      {"unroll-single-iterations", unrollSingleIterations},
      {"prefetch-loads", prefetchLoads},
      {"assign-layouts", assignLayouts},
      {"insert-conversions", insertConversions},
      {"remove-conversions", removeConversions},
      {"group-conversions", groupConversions},
      {"pipeline-loads", pipelineLoads},
      // Pipelining of dots comes here: rings of buffers that threads share, wgmma, TMA.
      {"limit-size", limitSize},
      {"allocate-shared", allocateShared},
      {"insert-barriers", insertBarriers},
  };
  return passes;
}

} // namespace tuned::nvptx
