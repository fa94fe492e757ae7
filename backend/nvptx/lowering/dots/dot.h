// The two ways to a dot.
#pragma once

#include "backend/nvptx/lowering/emitter.h"

namespace tuned::nvptx {

/// By multiply-adds: both operands go to the operation's scratch memory, row-major; then each thread runs
/// over K.
Result<void> emitScalarDot(Emitter& emitter, tt::DotOp op);
/// Shared memory that takes.
uint32_t scalarDotScratchBytes(tt::DotOp op);

} // namespace tuned::nvptx
