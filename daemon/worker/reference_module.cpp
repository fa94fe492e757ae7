#include "daemon/worker/reference_module.h"

#include "ir/frontends/ttir/specialize.h"
#include "ir/transforms/reorder_sums.h"
#include "ir/transforms/truncate_dots.h"

namespace tuned {

Result<mlir::OwningOpRef<mlir::ModuleOp>> moduleOf(mlir::MLIRContext& context,
                                                   const ReferenceRequest& request) {
  auto module = specialize(context, request.kernel, request.configuration, request.sizes);
  if (!module || request.sums == Sums::AsWritten) return module;
  const int changed = request.sums == Sums::Reordered ? reorderSums(**module)
                      : request.sums == Sums::Widened ? widenSums(**module)
                                                      : truncateDots(**module);
  if (changed == 0)
    return fail(ErrorKind::NotFound,
                "kernel '" + request.kernel.name + "' has no sums that could be taken otherwise");
  return module;
}

} // namespace tuned
