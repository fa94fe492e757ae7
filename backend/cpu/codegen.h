// An LLVM module to object code for the host.
#pragma once

#include "base/error.h"

#include <functional>
#include <llvm/IR/Module.h>
#include <map>
#include <string>

namespace tuned::cpu {

struct CodegenOptions {
  bool fuseMultiplyAdd = true;
  std::function<void(const std::string& stage, const std::string& text)> onStage = {};
};

/// Optimises and assembles. `seconds` gets "optimise" and "codegen".
Result<std::string> generateObject(llvm::Module& module, const CodegenOptions& options,
                                   std::map<std::string, double>& seconds);

} // namespace tuned::cpu
