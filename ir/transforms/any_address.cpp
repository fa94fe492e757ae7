#include "ir/transforms/any_address.h"

#include "ir/analysis/address/addresses.h"

namespace tuned {

namespace {
bool isAddress(mlir::Type type) {
  return mlir::isa<tt::PointerType, tt::TensorDescType>(tt::elementType(type));
}
} // namespace

void forgetAddresses(mlir::ModuleOp module) {
  constexpr const char* hint = "tt.divisibility";
  module.walk([&](tt::FuncOp function) {
    function->setAttr(tt::mayOverlapAttribute, mlir::UnitAttr::get(module.getContext()));
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (isAddress(function.getArgumentTypes()[i])) function.removeArgAttr(i, hint);
  });
  module.walk([&](mlir::Operation* op) {
    if (llvm::any_of(op->getResultTypes(), isAddress)) op->removeDiscardableAttr(hint);
  });
}

} // namespace tuned
