#include "backend/nvptx/passes/pipeline.h"

namespace tuned::nvptx {

std::span<const Pass> layoutPasses() {
  static constexpr Pass passes[] = {
      {"decompose-scaled-dots", decomposeScaledDots},
      {"assign-layouts", assignLayouts},
      {"insert-conversions", insertConversions},
      {"remove-conversions", removeConversions},
      // Pipelining over num_stages comes here: asynchronous copies into rings of shared buffers, wgmma, TMA.
      {"allocate-shared", allocateShared},
      {"insert-barriers", insertBarriers},
  };
  return passes;
}

} // namespace tuned::nvptx
