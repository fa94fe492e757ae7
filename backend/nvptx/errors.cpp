#include "backend/nvptx/errors.h"

#include "ir/text.h"

#include <mlir/IR/Operation.h>

namespace tuned::nvptx {

std::unexpected<Error> failAt(mlir::Operation& op, ErrorKind kind, std::string message, std::string remedy) {
  return fail(Error{kind, std::move(message), sourceLocation(op.getLoc()), std::move(remedy)});
}

std::unexpected<Error> unsupported(mlir::Operation& op, const std::string& why) {
  return failAt(op, ErrorKind::Unsupported,
                op.getName().getStringRef().str() + " for NVIDIA targets: " + why);
}

} // namespace tuned::nvptx
