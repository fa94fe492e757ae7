// Which tiles an operation hands on, and to which slots: loop arguments, yields, branches, returns.
#pragma once

#include "backend/cpu/plan/plan.h"

namespace tuned::cpu {

struct Assignment {
  mlir::Value target, source;
};

/// The slots that `op` writes when it passes values on. For a branch with two successors, those of one.
llvm::SmallVector<Assignment> assignmentsOf(mlir::Operation& op, const Plan& plan, unsigned successor = 0);

/// Would writing all targets one by one spoil the source of assignment `number`?
bool needsTemporary(llvm::ArrayRef<Assignment> assignments, size_t number, const Plan& plan);

/// Is an operand of `dot` in a slot as its kernel wants it?
bool isOperandReady(tt::DotOp dot, mlir::Value operand, const Plan& plan);
/// Are the f32 operands of `dot` read with 10 bits of mantissa?
bool truncatesOperands(tt::DotOp dot);

} // namespace tuned::cpu
