// The front end of kernels in Triton's IR.
#pragma once

#include "ir/kernel/kernel.h"
#include "ir/module.h"

namespace tuned {

/// (kernel, configuration, sizes) to a verified module in which arguments whose value the sizes fix are
/// constants. The function keeps its signature, so that the launch is the same for all variants.
Result<mlir::OwningOpRef<mlir::ModuleOp>> specialize(mlir::MLIRContext& context, const Kernel& kernel,
                                                     const Configuration& configuration, const Sizes& sizes);

} // namespace tuned
