// What LLVM reports while it generates code. By itself it prints such an error and ends the process.
#pragma once

#include "base/error.h"

#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/DiagnosticPrinter.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/Support/raw_ostream.h>

namespace tuned {

/// Made before anything is generated in the context, which it must not outlive.
class LlvmErrors {
public:
  explicit LlvmErrors(llvm::LLVMContext& context) {
    context.setDiagnosticHandlerCallBack(keep, &first_, /*RespectFilters=*/true);
  }

  /// The first error (assembly that asks for registers there are not, say), without a place; none: all went
  /// well.
  std::optional<Error> take() const {
    if (first_.empty()) return std::nullopt;
    return Error{ErrorKind::InvalidInput, "LLVM refuses the code: " + first_};
  }

private:
  static void keep(const llvm::DiagnosticInfo* diagnostic, void* first) {
    auto& text = *static_cast<std::string*>(first);
    if (diagnostic->getSeverity() != llvm::DS_Error || !text.empty()) return;
    llvm::raw_string_ostream stream(text);
    llvm::DiagnosticPrinterRawOStream printer(stream);
    diagnostic->print(printer);
  }

  std::string first_;
};

} // namespace tuned
