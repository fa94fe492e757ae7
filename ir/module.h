// Kernel IR as text and as verified MLIR modules.
#pragma once

#include "base/error.h"

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

/// The target-independent pipeline every backend starts with: inline calls, canonicalise, CSE, hoist.
Result<void> simplify(mlir::ModuleOp module);

} // namespace tuned
