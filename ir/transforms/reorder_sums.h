// Sums of floats in other orders and at higher precision: what a right build of a kernel may differ by, where
// the kernel's own sums round. For references only; no build is made of it.
#pragma once

#include <mlir/IR/BuiltinOps.h>

namespace tuned {

/// Every tt.reduce of one float source whose region is one addition or multiplication goes over strided parts
/// of the axis first, then over their sums. Tells how many there were.
int reorderSums(mlir::ModuleOp module);

/// The same reductions in the next wider type (f16 and bf16 in f32, f32 in f64), rounded once at the end.
int widenSums(mlir::ModuleOp module);

} // namespace tuned
