// What is needed at one time: the peak of what values weigh while somebody still needs them.
#pragma once

#include <llvm/ADT/STLFunctionalExtras.h>
#include <mlir/IR/Block.h>

#include <cstdint>

namespace tuned::tt {

/// Whether a thread keeps the value in registers rather than compute it again: tiles of arithmetic and of
/// memory. Addresses, masks, constants and what is spread from smaller tiles cost little; what is loaded for
/// products alone waits in shared memory.
bool isKept(mlir::Value value);

/// The most that values weigh together which are needed at one time, in the block and in what it holds. What
/// weighs nothing is not followed.
int64_t mostLive(mlir::Block& block, llvm::function_ref<int64_t(mlir::Value)> weigh);

} // namespace tuned::tt
