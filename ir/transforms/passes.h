// The target-independent passes, one a file, and the order simplify() runs them in.
#pragma once

#include "base/error.h"

#include <functional>
#include <mlir/IR/BuiltinOps.h>
#include <span>

namespace tuned {

/// A pass rewrites a module. When it fails it has emitted a diagnostic; the module is then in no useful
/// state.
struct Pass {
  const char* name;
  mlir::LogicalResult (*run)(mlir::ModuleOp module);
};

/// What simplify() runs, in order.
std::span<const Pass> simplifyPasses();

/// Runs passes in order, and `after` behind each (to print the module, say). The error is the first
/// diagnostic.
Result<void> runPasses(mlir::ModuleOp module, std::span<const Pass> passes,
                       const std::function<void(const Pass&)>& after = {});

/// Public functions take what a launch can pass (no tensors) and return nothing.
mlir::LogicalResult checkKernels(mlir::ModuleOp module);
/// cf.br, cond_br and switch become scf.if and scf.while, also in map_elementwise: no block has a successor.
mlir::LogicalResult structureControl(mlir::ModuleOp module);
/// Every tt.call becomes its callee's body, noinline or not; private functions go. Fails on recursion.
mlir::LogicalResult inlineCalls(mlir::ModuleOp module);
/// make_tensor_ptr and advance become tensors of pointers with masks: no block pointer is left.
mlir::LogicalResult expandBlockPointers(mlir::ModuleOp module);
/// Folds and canonicalises the operations of kernel IR.
mlir::LogicalResult canonicalize(mlir::ModuleOp module);
/// Equal computations become one.
mlir::LogicalResult eliminateCommon(mlir::ModuleOp module);
/// What does not change in a loop moves before it.
mlir::LogicalResult hoistInvariants(mlir::ModuleOp module);
/// Rare operations of arith and math (tests of floats, integer powers, extended sums and products) become
/// common ones, so that a backend need not know them.
mlir::LogicalResult expandOperations(mlir::ModuleOp module);
/// ub.poison becomes zero, so that a backend need not know it.
mlir::LogicalResult fixPoison(mlir::ModuleOp module);

/// tt.dot_scaled becomes a tt.dot of 16-bit floats: operands are widened and multiplied by their scales
/// first. For backends whose machines do not multiply scaled operands; not part of simplifyPasses().
mlir::LogicalResult decomposeScaledDots(mlir::ModuleOp module);
/// Reductions whose elements have to be combined in their order (ir/analysis/combination_order.h) become
/// trees over neighbours. For backends that combine in an order of their own; not part of simplifyPasses().
mlir::LogicalResult orderReductions(mlir::ModuleOp module);

} // namespace tuned
