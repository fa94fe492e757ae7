// Rows of a tile that nothing depends on: a kernel may load anything there, as long as it stores none of it.
#pragma once

#include "ir/analysis/address/affine_tile.h"

namespace tuned::tt {

/// Whether no element of `tile` whose index along `dimension` is i, with start + i >= end, has any influence
/// on what the function stores: all that is made of such elements stays at the same place of its tile
/// (through arithmetic, as rows of a dot's first or columns of its second operand, around loops), up to
/// stores that a mask, or the array's size, keeps to start + i < end.
bool ignoresBeyond(mlir::Value tile, unsigned dimension, const LinearForm& start, int64_t end,
                   AffineTiles& tiles);

} // namespace tuned::tt
