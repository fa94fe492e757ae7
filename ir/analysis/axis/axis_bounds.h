// Bounds of integer values through arithmetic. Each sets lower and upper of `info` where the result provably
// stays in `type`, and leaves them unknown where it may wrap. An operand without bounds has its type's.
#pragma once

#include "ir/analysis/axis/axis_info.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tt {

void boundSum(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, mlir::Type type);
void boundDifference(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, mlir::Type type);
void boundProduct(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, mlir::Type type);

/// How a quotient is rounded, and how its operands are read.
enum class Division { TowardZero, Down, Unsigned };
/// Division by zero gives all ones, which counts as -1.
void boundQuotient(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, Division division);
/// Of a remainder with the sign of a, or of both read without signs. By zero it is a.
void boundRemainder(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, bool isUnsigned);
void boundBitwise(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, bool conjunction);
void boundExtreme(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, bool smaller);

/// Forgets bounds and constants that do not fit the type: the value may have wrapped.
void clampToType(AxisInfo& info, mlir::Type type);
bool fitsType(int64_t value, mlir::Type type);
/// Half of the type's values: its signed numbers wrap at odd multiples of it. A power of two.
int64_t halfOf(mlir::Type type);
/// The value of an attribute as constants are kept here: signed, but i1 is 0 or 1.
int64_t signedValue(const llvm::APInt& value);
/// Extension, truncation, index casts. A run that may pass from the type's largest value to its smallest is
/// cut where it is widened.
AxisInfo castInfo(mlir::Type from, mlir::Type to, const AxisInfo& value, bool isUnsigned);

/// The result of a comparison when the bounds decide it.
std::optional<bool> decide(mlir::arith::CmpIOp op, const AxisInfo& a, const AxisInfo& b);

} // namespace tuned::tt
