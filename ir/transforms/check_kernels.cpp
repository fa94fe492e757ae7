// What can be launched: arguments a launch can pass, and no result.
#include "ir/dialect/Dialect.h"
#include "ir/transforms/passes.h"

namespace tuned {

mlir::LogicalResult checkKernels(mlir::ModuleOp module) {
  for (auto function : module.getOps<tt::FuncOp>()) {
    if (!function.isPublic() || function.isExternal()) continue;
    if (!function.getResultTypes().empty())
      return function.emitOpError() << "@" << function.getSymName()
                                    << " returns values; a kernel returns nothing";
    for (mlir::BlockArgument argument : function.getArguments())
      if (mlir::isa<mlir::RankedTensorType>(argument.getType()))
        return mlir::emitError(argument.getLoc())
               << "argument " << argument.getArgNumber() << " of kernel @" << function.getSymName() << " is "
               << argument.getType() << "; a launch passes numbers, pointers and descriptors";
  }
  return mlir::success();
}

} // namespace tuned
