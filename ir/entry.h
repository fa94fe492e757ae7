// The function of a module that a launch names.
#pragma once

#include "base/error.h"
#include "ir/dialect/Dialect.h"

namespace tuned {

/// The function `entry`; empty: the only public one. It has a body. NotFound lists what the module has
/// instead, and has the module's place.
Result<tt::FuncOp> findEntry(mlir::ModuleOp module, const std::string& entry);

} // namespace tuned
