// Offsets of buffers in shared memory, by liveness.
#pragma once

#include "backend/gpu/shared/program.h"

namespace tuned::nvptx {

struct SharedPlacement {
  std::vector<uint32_t> offsets; ///< by buffer, bytes
  uint32_t bytes = 0;            ///< of shared memory that the kernel takes

  bool overlap(const SharedProgram& program, uint32_t a, uint32_t b) const;
};

/// Buffers that are live at one point lie apart. With that, two are also put apart when one is written right
/// after the other was accessed, so that no barrier is needed in between, as long as the kernel takes no more
/// than it would otherwise or than `freeBytes`, whichever is more.
///
/// First fit in a few orders, the best kept (the problem is dynamic storage allocation, NP-hard; some order
/// is optimal, and by decreasing size is near it: Sarkar and Wang 2018; Pisarchyk and Lee, arXiv:2001.03288).
/// Deterministic.
SharedPlacement placeBuffers(const SharedProgram& program, uint32_t freeBytes);

} // namespace tuned::nvptx
