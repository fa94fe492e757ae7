// Layouts of the tensor cores' mma.sync fragments, and how warps share a dot.
#pragma once

#include "backend/gpu/layout/linear_layout.h"

namespace tuned::nvptx {

/// How warps tile the result: `m` × `n` warps (× the rest along a leading batch dimension, if any).
struct WarpGrid {
  unsigned m = 1, n = 1, batch = 1;
};
WarpGrid warpGrid(const std::vector<int64_t>& resultShape, unsigned numWarps);

/// D and C of m16n8 (m8n8 for f64). Shapes have rank 2, or 3 with a batch dimension first; what is smaller
/// than the instruction's tile is replicated.
LinearLayout mmaAccumulator(const std::vector<int64_t>& shape, WarpGrid warps, bool f64);

enum class DotSide { A, B };
/// A ([.., M, K]) or B ([.., K, N]) of m16n8k(256 / elementBits): m16n8k16 for 16-bit elements, k8 for tf32
/// (32), k32 for 8-bit; m8n8k4 for f64 (64).
LinearLayout mmaOperand(DotSide side, const std::vector<int64_t>& shape, unsigned elementBits,
                        WarpGrid warps);

/// For a dot by scalar fused multiply-adds: `result`'s owner of element (m, n) holds all of A's row m or B's
/// column n.
LinearLayout fmaOperand(DotSide side, const std::vector<int64_t>& shape, const LinearLayout& result);

/// The register of `layout` that holds element `index` in lane 0 of warp 0, for layouts in which registers
/// alone reach it (fragments of one thread).
unsigned registerAt(const LinearLayout& layout, uint32_t index);

} // namespace tuned::nvptx
