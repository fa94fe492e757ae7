// Which loads of a loop may be issued before the iteration that uses them, and how their addresses are
// computed for a later iteration.
//
// A load may leave its iteration when nothing that computes its address, mask or default reads memory, and
// when everything it would pass on its way is harmless to it. Harmless are operations without effects on
// memory and other plain loads. A volatile load (or one that caches must not answer: .cv), an atomic, a
// barrier, a call, assembly with side effects, a print or an assertion is a point that nothing passes: the
// whole loop stays as it is. So does a store, except where the loop carries `tt.num_stages`: there the
// programmer asks for loads ahead of stores, and a store whose address comes from other arguments of the
// function than the load's is taken as not writing what the load is still to read. Buffers that overlap may
// be given under two arguments if each iteration writes only what it or an earlier one has read: an
// iteration's load goes to an earlier time, never to a later. A store through the load's own argument, or
// through an address whose origin is not known, keeps the load.
#pragma once

#include "ir/dialect/Dialect.h"

#include <llvm/ADT/SetVector.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/IRMapping.h>

namespace tuned::nvptx {

class LoopLoads {
public:
  /// Of the loads that stand directly in the loop, those that may leave and that `wanted` picks.
  LoopLoads(mlir::scf::ForOp loop, llvm::function_ref<bool(tt::LoadOp)> wanted);

  mlir::scf::ForOp loop;
  llvm::SmallVector<tt::LoadOp> loads; ///< in order; empty: nothing may leave

  /// The numbers of the loop's carried values that addresses, masks and defaults depend on, from one
  /// iteration to the next too.
  const llvm::SetVector<unsigned>& carried() const { return carriedValues; }
  /// What the loop's body gives the next iteration for carried value `index`.
  mlir::Value yielded(unsigned index) const;
  /// `value` of the body, with what it is computed from replaced by the mapping; copies operations that have
  /// to be.
  mlir::Value copy(mlir::OpBuilder& builder, mlir::Value value, mlir::IRMapping& mapping) const;
  /// What iteration 0 starts with.
  mlir::IRMapping initial() const;
  /// From the mapping of one iteration (before the loop) to that of the next.
  mlir::IRMapping following(mlir::OpBuilder& builder, mlir::IRMapping& mapping) const;
  /// i1: from induction value `from`, `ahead` (an unsigned distance) more stay below the upper bound; exact
  /// where `from` itself is below it.
  mlir::Value reaches(mlir::OpBuilder& builder, mlir::Value from, mlir::Value ahead) const;

private:
  bool pure(tt::LoadOp load, llvm::SetVector<unsigned>& depends) const;
  bool keptByStores(tt::LoadOp load) const;

  mlir::Block* body;
  llvm::SetVector<unsigned> carriedValues;
};

/// Issues the loads one iteration ahead; they wait in registers:
///   for i: x = load(p(i)); use(x)      →      x = load(p(0)) if 0 < n
///                                             for i: next = load(p(i+1)) if i+1 < n; use(x); x = next
void loadOneAhead(LoopLoads& loads);

/// The loop runs at most this often, as its bounds show (an upper bound of min(lower + constant, …)); nothing
/// when they do not.
std::optional<int64_t> mostIterations(mlir::scf::ForOp loop);
/// Dots directly in the loop.
bool hasDots(mlir::scf::ForOp loop);
/// Stages beyond these hide no more latency; filling them is code that grows with each.
inline constexpr int64_t mostStages = 16;
/// The loop's own `tt.num_stages`, mostStages at most.
std::optional<int64_t> loopStages(mlir::scf::ForOp loop);
/// Erases operations without effects whose results are not used: in layouts of their own what is left of old
/// addresses would still be converted.
void eraseUnused(mlir::scf::ForOp loop);

} // namespace tuned::nvptx
