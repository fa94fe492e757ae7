// What the assembler gets wrong in kernels of several CTAs a program.
#pragma once

#include "backend/tileir/emit/emitter.h"

namespace tuned::tileir {

/// Why the halves of a tt.split cannot be told apart in a cluster; empty: they can.
///
/// tileiras 13.5 spreads a tile over the CTAs of a cluster along one dimension, and takes a part of such a
/// tile out of each CTA's own registers, as if all of it were there: no CTA sends anything to another, and
/// both halves of a tile spread along the dimension that is split are the same registers (seen in the machine
/// code for sm_90; results on an H100 were wrong just there). A product's tile is spread along its rows where
/// each CTA then keeps 16 rows for every worker warp, else along its columns. So a split is right if its tile
/// comes from such products, and is along their columns.
std::string splitRefusal(const EmitOptions& options, tt::SplitOp op);

/// Why a reduction or scan over a tile of so many dimensions cannot be trusted in a cluster; empty: it can.
/// Maxima over the halves of a product's columns (256 × 2 × 128, over the second dimension) came out wrong on
/// an H100 with two CTAs, however the product was spread; sums of its rows, of two dimensions, came out
/// right.
std::string reductionRefusal(const EmitOptions& options, size_t dimensions);

} // namespace tuned::tileir
