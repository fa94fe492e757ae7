// Dots whose sums lose digits as those of tensor cores do: what a right build of a kernel may differ by,
// where products cancel. For references only; no build is made of it.
#pragma once

#include <mlir/IR/BuiltinOps.h>

namespace tuned {

/// Cuts the last bits off every f32 result of tt.dot and tt.dot_scaled, towards zero, as many as a tensor
/// core may lose: it adds 16 products at a time to the sum before, and each time cuts what is below the last
/// bit of the largest. (Seen on an H200: over 8192 products of f16 numbers, results near zero are off by
/// 2e-3.) Tells how many dots there were.
int truncateDots(mlir::ModuleOp module);

} // namespace tuned
