// How facts pass through one operation without regions.
#pragma once

#include "ir/analysis/axis/axis_info.h"

namespace tuned::tt {

/// The facts of the operands, in order.
using AxisOperands = llvm::ArrayRef<const AxisInfo*>;

/// The facts of the only result of `op`; unknown for operations it does not know.
AxisInfo transfer(mlir::Operation* op, AxisOperands operands);

/// The same for arithmetic, and for operations that move elements; nullopt for others.
std::optional<AxisInfo> transferArith(mlir::Operation* op, AxisOperands operands);
std::optional<AxisInfo> transferShape(mlir::Operation* op, AxisOperands operands);

} // namespace tuned::tt
