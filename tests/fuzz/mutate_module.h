// Mutation of kernel IR as a module: what comes out mostly verifies, so that it reaches passes and backends.
#pragma once

#include "tests/fuzz/random.h"

#include <mlir/IR/BuiltinOps.h>
#include <string>

namespace tuned {

/// Changes the module in one place (or everywhere alike, for sizes and types). False when the mutation chosen
/// finds nothing to act upon. The module may not verify afterwards.
bool mutateModule(mlir::ModuleOp module, Random& random);

/// Copies an operation of `from`, and all that its operands come from, into a function of `into`.
bool spliceModule(mlir::ModuleOp into, mlir::ModuleOp from, Random& random);

// The families of mutations, each a file.
bool mutateOperation(mlir::ModuleOp module,
                     Random& random); ///< mutate_operation.cpp: operands, order, copies, attributes
bool mutateTypes(mlir::ModuleOp module, Random& random); ///< mutate_types.cpp: tile sizes, element types
bool insertOperation(mlir::ModuleOp module,
                     Random& random); ///< insert_operation.cpp: a new operation on a value
bool wrapOperation(mlir::ModuleOp module,
                   Random& random); ///< wrap_operation.cpp: an operation into a loop or branch

/// All operations inside the functions of a module.
std::vector<mlir::Operation*> operationsIn(mlir::ModuleOp module);
/// The values that may be used just before `op`: of its block and of those around it, within its function.
std::vector<mlir::Value> valuesBefore(mlir::Operation* op);
/// Those of one type.
std::vector<mlir::Value> valuesBefore(mlir::Operation* op, mlir::Type type);
/// A new argument of the function around `op`.
mlir::Value newArgument(mlir::Operation* op, mlir::Type type);
/// Has `value` stored through a new argument, so that no pass removes it, or used in place of another of its
/// type.
void keepAlive(mlir::Value value, Random& random);

} // namespace tuned
