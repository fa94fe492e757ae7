// How many CTAs a multiprocessor holds, as far as registers and shared memory say.
#pragma once

#include "backend/nvptx/target.h"

#include <vector>

namespace tuned::nvptx {

/// CTAs of `warps` warps with `registers` a thread and `sharedBytes` each that one multiprocessor holds at a
/// time.
int residentCtas(const Target& target, int warps, int registers, int64_t sharedBytes);

/// Numbers of registers with which more CTAs would be resident than with `registers`: the least one that is
/// not below two thirds of it, then the greatest. Empty when registers are not what limits,
/// or when half of the warps that a multiprocessor can hold are resident already.
std::vector<int> tighterRegisters(const Target& target, int warps, int registers, int64_t sharedBytes);

} // namespace tuned::nvptx
