// The two halves of an exchange through shared memory, as instructions.
#pragma once

#include "backend/gpu/layout/conversion.h"
#include "backend/nvptx/lowering/emitter.h"

namespace tuned::nvptx {

/// Writes registers to shared memory at `memory` as the plan's store says.
void storeShared(Emitter& e, const SharedExchange& plan, llvm::Value* memory, const Registers& registers);
/// Reads them back in the layout `to`; `type` is the tensor's or element's.
Registers loadShared(Emitter& e, const SharedExchange& plan, llvm::Value* memory, const LinearLayout& to,
                     mlir::Type type);

} // namespace tuned::nvptx
