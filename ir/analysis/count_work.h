// Counts what a program of a kernel does: bytes, arithmetic, matrix products, and what it holds at a time.
#pragma once

#include "base/model/program_work.h"
#include "ir/dialect/Dialect.h"

namespace tuned::tt {

/// Of a function without calls (simplified). Loops count as often as their bounds say, which the grid
/// (ir/kernel/grid.h) gives where they depend on program ids; a loop whose bounds nothing is known of counts
/// once, as does `while`. Both branches of a condition count. What is loaded for products alone does not
/// count as live.
ProgramWork countWork(FuncOp function);

} // namespace tuned::tt
