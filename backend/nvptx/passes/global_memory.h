// Which operations of a kernel threads may not do at once on global memory: one thread reads, or writes, what
// another writes, through the same argument. A tile is read as a whole before a later operation writes to it,
// whichever threads hold its elements.
#pragma once

#include "ir/analysis/address/addresses.h"

#include <optional>
#include <vector>

namespace tuned::nvptx {

class GlobalMemory {
public:
  /// Layouts have been assigned. Operations in regions of scalars count as one with the operation around.
  explicit GlobalMemory(tt::FuncOp function);

  /// By number: operations that conflict with any, in program order.
  const std::vector<mlir::Operation*>& operations() const { return listed; }
  /// Nothing for operations that conflict with none.
  std::optional<uint32_t> number(mlir::Operation* op) const;
  tt::MemoryAccess access(uint32_t number) const { return accesses[number]; }
  /// Whether threads must wait for each other between the two, in whatever iterations of the loops around
  /// them each is done. Symmetric; an operation may conflict with itself. Not: accesses to different
  /// arguments, atomic ones among themselves, parts of memory that are proven to be apart, and elements that
  /// are always the same thread's.
  bool conflict(uint32_t a, uint32_t b) const { return conflicts[a][b]; }

private:
  bool mayRace(const tt::MemoryAccess& a, const tt::MemoryAccess& b, mlir::Operation* first,
               mlir::Operation* second) const;
  bool sameThread(const tt::MemoryAccess& a, const tt::MemoryAccess& b) const;

  tt::AxisInfoAnalysis facts;
  std::vector<mlir::Operation*> listed;
  std::vector<tt::MemoryAccess> accesses;
  std::vector<std::vector<bool>> conflicts;
};

} // namespace tuned::nvptx
