// From LLVM IR to PTX.
#pragma once

#include "backend/nvptx/target.h"

#include <llvm/IR/Module.h>
#include <memory>

namespace llvm {
class LoopInfo;
class TargetMachine;
} // namespace llvm

namespace tuned::nvptx {

/// `fuseMultiplyAdd`: a·b + c may become one fma.
Result<std::unique_ptr<llvm::TargetMachine>> makeTargetMachine(const Target& target, bool fuseMultiplyAdd);

/// A short pipeline: the emitter writes clean SSA, and ptxas does the rest.
void optimize(llvm::Module& module, llvm::TargetMachine& machine);

/// Moves reads of shared memory, and what only rearranges their results, down to their first use in the
/// block: the operands of a dot are then loaded as the tensor cores take them and do not all wait in
/// registers.
void sinkFragments(llvm::Function& function);

/// Moves widenings of 16-bit floats into the loops where the wide values are used, if they are many.
void sinkWidenings(llvm::Function& function, const llvm::LoopInfo& loops);

/// Internal: LLVM could not select an instruction.
Result<std::string> printPtx(llvm::Module& module, llvm::TargetMachine& machine);

} // namespace tuned::nvptx
