// Where threads have to wait for each other before shared memory is accessed again (membar).
#pragma once

#include "backend/gpu/shared/place_buffers.h"

#include <functional>

namespace tuned::nvptx {

/// Points in front of which a barrier has to stand, ascending: then on every path one stands between two
/// accesses to a byte of which at least one writes, whichever threads do them, unless both are in one phase.
/// None can be left out; one that only the way into a loop needs stands in front of the loop.
std::vector<uint32_t> placeBarriers(const SharedProgram& program, const SharedPlacement& placement);

/// The same for whatever memory: `meet` says whether two buffers share a byte (symmetric).
std::vector<uint32_t> placeBarriers(const SharedProgram& program,
                                    const std::function<bool(uint32_t, uint32_t)>& meet);

} // namespace tuned::nvptx
