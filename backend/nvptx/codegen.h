// From LLVM IR to PTX.
#pragma once

#include "backend/nvptx/target.h"

#include <llvm/IR/Module.h>
#include <memory>

namespace llvm {
class TargetMachine;
}

namespace tuned::nvptx {

/// `fuseMultiplyAdd`: a·b + c may become one fma.
Result<std::unique_ptr<llvm::TargetMachine>> makeTargetMachine(const Target& target, bool fuseMultiplyAdd);

/// A short pipeline: the emitter writes clean SSA, and ptxas does the rest.
void optimize(llvm::Module& module, llvm::TargetMachine& machine);

/// Internal: LLVM could not select an instruction.
Result<std::string> printPtx(llvm::Module& module, llvm::TargetMachine& machine);

} // namespace tuned::nvptx
