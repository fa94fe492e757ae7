// From a verified module to the evaluator's program.
#pragma once

#include "backend/reference/program.h"

#include <mlir/IR/BuiltinOps.h>

namespace tuned::reference {

/// Decodes the public function `entry` (empty: the only public one) and what it calls. Unsupported names the
/// op and its place.
Result<std::shared_ptr<const Function>> decode(mlir::ModuleOp module, const std::string& entry);

} // namespace tuned::reference
