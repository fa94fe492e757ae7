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

} // namespace tuned::tileir
