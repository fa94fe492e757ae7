// Remainders of floats, exactly: x - y · trunc(x / y) as C's fmod. The device library's function gives NaN
// where the quotient is too large for its scaling.
#pragma once

#include "backend/nvptx/lowering/emitter.h"

namespace tuned::nvptx {

/// Of two scalars of one type of 16, 32 or 64 bits. NaN when x is infinite, y is zero or one is NaN. May end
/// the block that the builder is in.
llvm::Value* floatRemainder(Emitter& e, llvm::Value* x, llvm::Value* y);

} // namespace tuned::nvptx
