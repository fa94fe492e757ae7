// Inline PTX without a GPU: the instructions that compute on registers, and plain global loads and stores, as
// LLVM IR on vectors of instances.
#pragma once

#include "base/error.h"

#include <llvm/IR/IRBuilder.h>

#include <string>
#include <vector>

namespace tuned::cpu {

/// Bits of the register of one operand's constraint ("=r" 32, "h" 16, "l" 64, "b" 1, …).
unsigned registerBits(llvm::StringRef constraint);

/// Emits `text` with $0, $1, … standing for the operands of `constraints` (results first), each an integer
/// register on `width` lanes; gives the results. Unsupported names the instruction that has no meaning here.
/// Semantics: PTX ISA 8.x, chapter 9.
Result<std::vector<llvm::Value*>> emitPtx(llvm::IRBuilderBase& builder, const std::string& text,
                                          llvm::ArrayRef<std::string> constraints,
                                          llvm::ArrayRef<llvm::Value*> inputs, unsigned width);

} // namespace tuned::cpu
