// Calls that were not inlined: each gets a body of its own.
#pragma once

#include "backend/cpu/plan/plan.h"

namespace tuned::cpu {

/// Clones the callee of every call reachable from `entry`, nested ones too. The clones are owned by the
/// module. Unsupported: recursion, or calls nested deeper than 32.
Result<Plan::Callees> cloneCallees(tt::FuncOp entry);

} // namespace tuned::cpu
