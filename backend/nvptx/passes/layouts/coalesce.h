// The layouts in which loads, stores and atomics are coalesced.
#pragma once

#include "backend/gpu/layout/linear_layout.h"
#include "backend/nvptx/passes/pass.h"

namespace tuned::nvptx {

/// For each operation of the function that touches global memory through a tensor: the layout in which
/// neighbouring lanes touch neighbouring addresses and a thread moves up to 16 bytes at once. In program
/// order. The operation is told, as `nv.vector = [n, d]`, that n elements along dimension d may go in one
/// instruction.
std::vector<std::pair<mlir::Operation*, LinearLayout>> coalescedAccesses(PassContext& context);

/// The last dimension fastest: [rank - 1, …, 0].
std::vector<unsigned> rowMajor(size_t rank);

} // namespace tuned::nvptx
