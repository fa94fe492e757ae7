// Which tiles come from products of matrices, whose layout the assembler keeps.
#pragma once

#include <mlir/IR/Value.h>

namespace tuned::tileir {

/// Whether a tile is computed from a tt.dot, through operations, loops and branches; memory that was written
/// in between ends the way, addresses do not.
///
/// tileiras 13.5 does not scan such a tile rightly: sums along the rows of a product (32 × 32, tf32, four
/// worker warps) were wrong on an H100, and along the columns it fails without a reason.
bool comesFromProduct(mlir::Value tile);

} // namespace tuned::tileir
