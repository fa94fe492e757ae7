// Recordings of kernels that wrote past their buffers into a neighbour.
#pragma once

#include <mlir/IR/BuiltinOps.h>

#include <optional>
#include <set>
#include <string>

namespace tuned::conformance {

/// Indices of the IR's arguments that `entry` writes through, as far as pointers can be followed; nothing
/// when one cannot.
std::optional<std::set<unsigned>> writtenArguments(mlir::ModuleOp module, const std::string& entry);

} // namespace tuned::conformance
