// Which loads and stores need no order among each other: what they touch is touched by no other access of the
// program, or only read. Machines whose memory is ordered by tokens or barriers alone need none there.
#pragma once

#include "base/model/launch_condition.h"
#include "ir/analysis/program_grid.h"

#include <llvm/ADT/DenseSet.h>
#include <vector>

namespace tuned::tt {

/// The pointer arguments of the function (descriptor arguments among them) that a pointer, a tensor of
/// pointers or a descriptor may be made from. Null: it may come from elsewhere (memory, integers).
std::optional<llvm::SmallVector<mlir::BlockArgument, 2>> originsOf(mlir::Value pointer);

/// Loads through arguments that the function never stores through are free; so are stores through an argument
/// that it never loads from, if it stores there once, or into blocks that provably never meet. Buffers of
/// different arguments are taken to lie apart: `conditions` names the pairs for which that matters. With
/// atomics, barriers or assembly in the function, with a pointer of unknown origin, or without any loop
/// (where order costs next to nothing and a caller may well compute in place), nothing is free.
class FreeAccesses {
public:
  FreeAccesses(FuncOp function, ProgramGrid& grid);

  bool contains(mlir::Operation* access) const { return free_.contains(access); }
  const std::vector<LaunchCondition>& conditions() const { return conditions_; }

private:
  llvm::DenseSet<mlir::Operation*> free_;
  std::vector<LaunchCondition> conditions_;
};

} // namespace tuned::tt
