// What a kernel promises of its own values: tl.multiple_of and tl.max_contiguous.
#pragma once

#include "backend/tileir/emit/emitter.h"

namespace tuned::tileir {

/// Tells the assembler what the operation's result is promised to be. It cannot see that where a base or a
/// stride was loaded, and would then load an element at a time.
void tellPromises(Emitter& e, mlir::Operation& op);

} // namespace tuned::tileir
