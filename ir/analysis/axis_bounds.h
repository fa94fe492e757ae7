// Bounds of integer values through arithmetic. Each sets lower and upper of `info`, or leaves them unknown.
#pragma once

#include "ir/analysis/axis_info.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tt {

void boundSum(AxisInfo& info, const AxisInfo& a, const AxisInfo& b);
void boundDifference(AxisInfo& info, const AxisInfo& a, const AxisInfo& b);
void boundProduct(AxisInfo& info, const AxisInfo& a, const AxisInfo& b);
/// Of a division toward zero, or toward minus infinity with `down`.
void boundQuotient(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, bool down);
void boundBitwise(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, bool conjunction);
void boundExtreme(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, bool smaller);

/// Forgets bounds and constants that do not fit the type: the value may have wrapped.
void clampToType(AxisInfo& info, mlir::Type type);
bool fitsType(int64_t value, mlir::Type type);
/// The value of an attribute as constants are kept here: signed, but i1 is 0 or 1.
int64_t signedValue(const llvm::APInt& value);
/// Extension, truncation, index casts.
AxisInfo castInfo(mlir::Operation* cast, const AxisInfo& value);

/// The result of a comparison when the bounds decide it.
std::optional<bool> decide(mlir::arith::CmpIPredicate predicate, const AxisInfo& a, const AxisInfo& b);

} // namespace tuned::tt
