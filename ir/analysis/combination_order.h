// Whether the order of a reduction's operands can be chosen freely.
#pragma once

#include <mlir/IR/Region.h>

namespace tuned::tt {

/// Whether the region of a tt.reduce, which combines (a0, …, an, b0, …, bn), plainly gives the same with a
/// and b exchanged: each result is one commutative operation on its own pair.
bool commutesByForm(mlir::Region& region);

/// Whether combining b with a may give something else than combining a with b, beyond rounding: the elements
/// have to be combined in their order then. What the form does not tell is tried on numbers, ties among them
/// (argmax with its index commutes, and so do Welford's sums); what cannot be computed here counts as
/// ordered. NaNs are not tried: which of them survives is free. Nor does it count which side is taken where a
/// region asks whether a number that it computed, a sum of weights, is zero, and it is.
bool orderMatters(mlir::Region& region);

} // namespace tuned::tt
