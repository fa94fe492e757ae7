// What can be launched: arguments a launch can pass, and no result.
#include "ir/dialect/Dialect.h"
#include "ir/transforms/passes.h"

#include <llvm/ADT/StringExtras.h>

namespace tuned {

// A launch passes a descriptor as its base, then its sizes (i32) and its strides (i64), one a dimension.
static mlir::LogicalResult checkDescriptor(tt::FuncOp function, unsigned number, tt::TensorDescType type) {
  auto rank = static_cast<unsigned>(type.getBlockType().getRank());
  for (unsigned i = 0; i < 2 * rank; ++i) {
    unsigned next = number + 1 + i, width = i < rank ? 32 : 64;
    if (next < function.getNumArguments() && function.getArgument(next).getType().isInteger(width)) continue;
    return mlir::emitError(function.getArgument(number).getLoc())
           << "argument " << number << " of kernel @" << function.getSymName() << " is " << type << "; "
           << rank << " sizes of type i32 and " << rank
           << " strides of type i64 must follow it, and argument " << next << " is no i" << width;
  }
  return mlir::success();
}

// The name becomes a symbol of object code and PTX.
static mlir::LogicalResult checkName(tt::FuncOp function) {
  llvm::StringRef name = function.getSymName();
  auto allowed = [](char c) { return llvm::isAlnum(c) || c == '_' || c == '$' || c == '.'; };
  if (!name.empty() && !llvm::isDigit(name.front()) && llvm::all_of(name, allowed)) return mlir::success();
  return function.emitOpError()
         << "has the name \"" << name
         << "\"; a kernel's name has letters, digits, _, $ and ., and starts with no digit";
}

mlir::LogicalResult checkKernels(mlir::ModuleOp module) {
  for (auto function : module.getOps<tt::FuncOp>()) {
    if (!function.isPublic() || function.isExternal()) continue;
    if (mlir::failed(checkName(function))) return mlir::failure();
    if (!function.getResultTypes().empty())
      return function.emitOpError() << "@" << function.getSymName()
                                    << " returns values; a kernel returns nothing";
    for (mlir::BlockArgument argument : function.getArguments()) {
      auto descriptor = mlir::dyn_cast<tt::TensorDescType>(argument.getType());
      if (descriptor && mlir::failed(checkDescriptor(function, argument.getArgNumber(), descriptor)))
        return mlir::failure();
      if (mlir::isa<mlir::RankedTensorType>(argument.getType()))
        return mlir::emitError(argument.getLoc())
               << "argument " << argument.getArgNumber() << " of kernel @" << function.getSymName() << " is "
               << argument.getType() << "; a launch passes numbers, pointers and descriptors";
    }
  }
  return mlir::success();
}

} // namespace tuned
