// Kernel IR as text and as verified MLIR modules.
#pragma once

#include "base/error.h"
#include "ir/kernel.h"

#include <memory>
#include <mlir/IR/BuiltinOps.h>
#include <mlir/IR/MLIRContext.h>
#include <mlir/IR/OwningOpRef.h>

namespace tuned {

/// A context that knows every dialect of kernel IR. Single-threaded (no MLIR thread pool): parallelism is by
/// process.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// Parses and verifies text as Triton 3.1 to 3.8 print it. The error carries line and column of `text`.
Result<mlir::OwningOpRef<mlir::ModuleOp>> parseModule(mlir::MLIRContext& context, const std::string& text,
                                                      const std::string& fileName);

/// The module as text that parseModule reads back. With locations: `loc(...)` is printed too.
std::string print(mlir::ModuleOp module, bool locations = false);

/// (kernel, configuration, sizes) to a verified module in which arguments whose value the sizes fix are
/// constants. The function keeps its signature, so that the launch is the same for all variants.
Result<mlir::OwningOpRef<mlir::ModuleOp>> specialize(mlir::MLIRContext& context, const Kernel& kernel,
                                                     const Configuration& configuration, const Sizes& sizes);

/// The target-independent pipeline every backend starts with: inline calls, canonicalise, CSE, hoist.
Result<void> simplify(mlir::ModuleOp module);

} // namespace tuned
