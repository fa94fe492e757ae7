// Masks as bounds: conjunctions of comparisons between affine tiles.
#pragma once

#include "ir/analysis/address/affine_tile.h"

namespace tuned::tt {

/// The mask is true exactly where every tile is below zero, element by element. An empty list: always true.
using TileBounds = llvm::SmallVector<AffineTile, 4>;

/// The bounds that a mask (a tensor or scalar of i1) stands for; those that hold everywhere are left out.
/// Null: it is no such conjunction. `at`: only executions that reach that operation count.
std::optional<TileBounds> boundsOf(mlir::Value mask, AffineTiles& tiles, mlir::Operation* at = nullptr);

} // namespace tuned::tt
