// What the judges of a kernel run: its module, with its sums taken as the request says.
#pragma once

#include "daemon/worker/reference.h"
#include "ir/module.h"

namespace tuned {

/// The module that the request evaluates. NotFound: it asks for other sums, and there are none.
Result<mlir::OwningOpRef<mlir::ModuleOp>> moduleOf(mlir::MLIRContext& context,
                                                   const ReferenceRequest& request);

} // namespace tuned
