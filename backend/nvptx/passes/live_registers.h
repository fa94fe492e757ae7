// How many registers a thread needs, told from what is live in the laid out IR, before LLVM sees it.
#pragma once

#include "ir/dialect/Dialect.h"

namespace tuned::nvptx {

/// 32-bit registers for the tiles that are needed at one time, and some for what goes with them: about, as
/// neither LLVM's order nor the assembler's is known. `tests/bench/spill_bench.cpp` says how near it comes.
int64_t liveRegisters(tt::FuncOp function);

} // namespace tuned::nvptx
