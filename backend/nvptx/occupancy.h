// How many CTAs a multiprocessor holds, as far as registers and shared memory say.
#pragma once

#include "backend/nvptx/target.h"

#include <vector>

namespace tuned::nvptx {

/// CTAs of `warps` warps with `registers` a thread and `sharedBytes` each that one multiprocessor holds at a
/// time.
int residentCtas(const Target& target, int warps, int registers, int64_t sharedBytes);

/// Numbers of registers, the least first, with which more CTAs would be resident than with `registers`, and
/// which are not below two thirds of it. Empty when registers are not what limits.
std::vector<int> tighterRegisters(const Target& target, int warps, int registers, int64_t sharedBytes);

} // namespace tuned::nvptx
