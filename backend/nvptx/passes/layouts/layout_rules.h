// How layouts pass through operations: what an operand's layout makes of the result's, and the other way.
#pragma once

#include "backend/gpu/layout/constructors.h"
#include "backend/nvptx/dialect/nv.h"
#include "ir/dialect/Dialect.h"

#include <mlir/IR/Operation.h>

namespace tuned::nvptx {

/// Tensor operands and results are all in one layout: elementwise operations, and loads, stores and atomics.
bool sameLayout(mlir::Operation* op);
/// The result's layout follows from the operand's and cannot be asked for (join, cat, split, reduce).
bool forwardOnly(mlir::Operation* op);

/// The layout of the results when operand `index` is in `operand`; nothing where it does not follow.
std::optional<LinearLayout> layoutForward(mlir::Operation* op, unsigned index, const LinearLayout& operand);
/// The layout operand `index` has to be in when the results are in `result`; nothing where any will do or it
/// does not follow.
std::optional<LinearLayout> layoutBackward(mlir::Operation* op, unsigned index, const LinearLayout& result);

/// Element bit 0 in a register of its own: what a split can take.
bool splittable(const LinearLayout& layout);

/// Values that a loop or branch makes the same: where the use's value arrives (block arguments, results).
llvm::SmallVector<mlir::Value, 2> arrivals(mlir::OpOperand& use);
/// The uses whose values arrive at a block argument or a result of a region operation.
llvm::SmallVector<mlir::OpOperand*, 2> departures(mlir::Value value);

} // namespace tuned::nvptx
