// The layouts there are names for, each a constructor of LinearLayout.
#pragma once

#include "backend/gpu/layout/linear_layout.h"

namespace tuned::nvptx {

/// Deals the element bits, fastest dimension first as `order` says (order[0] is the fastest), to `perThread`
/// (elements of order[0] that a thread holds side by side), then to the lanes, the warps, and the rest to
/// registers. With perThread > the size of order[0] only that much is side by side. Sizes and numWarps are
/// powers of two.
LinearLayout coalesced(const std::vector<int64_t>& shape, const std::vector<unsigned>& order,
                       unsigned perThread, unsigned numWarps);

/// Triton's blocked encoding: a tile of sizePerThread × threadsPerWarp × warpsPerCta repeated (in registers)
/// or wrapped (replicated) to the shape. All vectors are per dimension.
LinearLayout blocked(const std::vector<int64_t>& shape, const std::vector<unsigned>& sizePerThread,
                     const std::vector<unsigned>& threadsPerWarp, const std::vector<unsigned>& warpsPerCta,
                     const std::vector<unsigned>& order);

/// The layout of a reduction's result: dimension `dim` dropped, register bits that told only it apart dropped
/// too.
LinearLayout slice(const LinearLayout& parent, unsigned dim);

/// The layout a tensor with dimension `dim` of size 1 has when it is broadcast into `result`.
LinearLayout unbroadcast(const LinearLayout& result, const std::vector<int64_t>& operandShape);

/// Row-major [.., i, ..] of `order`: result dimension i is dimension order[i] of `layout`.
LinearLayout transpose(const LinearLayout& layout, const std::vector<unsigned>& order);

/// Layout for scans along `axis`: the axis' bits in registers, then lanes, then warps, in order; other
/// dimensions over the lanes and warps that are left. No element is in two warps while a thread has more than
/// a few.
LinearLayout scanned(const std::vector<int64_t>& shape, unsigned axis, unsigned numWarps);

} // namespace tuned::nvptx
