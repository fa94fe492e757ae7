// The tensor cores' instruction mma.sync as inline assembly, on registers of one tile.
#pragma once

#include "backend/nvptx/dot_plan.h"
#include "backend/nvptx/lowering/emitter.h"

namespace tuned::nvptx {

/// Elements to 32-bit words, as fragments hold them (f64 stays as it is).
Registers packWords(Emitter& emitter, const Registers& elements);

/// d = a × b + c for one tile. a, b: packed fragments; c: the accumulator's elements in fragment order.
/// `typeA` and `typeB` are PTX's names of the operand types ("f16", "e4m3").
Registers emitMma(Emitter& emitter, const DotPlan& plan, const char* typeA, const char* typeB,
                  const Registers& a, const Registers& b, const Registers& c);

} // namespace tuned::nvptx
