// The plan of a kernel as text, for those who look into the compiler.
#pragma once

#include "backend/cpu/plan/plan.h"

namespace tuned::cpu {

/// One line a tile, in program order: its name, its operation, and whether it is virtual, carried by a loop,
/// or in scratch and at which byte.
std::string describe(tt::FuncOp entry, const Plan& plan);

} // namespace tuned::cpu
