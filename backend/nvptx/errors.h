// Errors at operations.
#pragma once

#include "base/error.h"

namespace mlir {
class Operation;
}

namespace tuned::nvptx {

/// An error with the operation's file, line and column.
std::unexpected<Error> failAt(mlir::Operation& op, ErrorKind kind, std::string message,
                              std::string remedy = {});
/// The operation is one we know but not with these types or attributes, or one we do not know.
std::unexpected<Error> unsupported(mlir::Operation& op, const std::string& why);

} // namespace tuned::nvptx
