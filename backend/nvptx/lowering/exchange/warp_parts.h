// What warps along an axis tell each other through shared memory: each its part of every result.
#pragma once

#include "backend/nvptx/lowering/emitter.h"

namespace tuned::nvptx {

class WarpParts {
public:
  /// `layout`: of a tensor whose dimension `axis` is reduced or scanned.
  WarpParts(const LinearLayout& layout, unsigned axis);

  /// Warps that hold parts of one result.
  unsigned count() const { return parts; }
  /// Whether a warp's lanes hold different results.
  bool lanesDiffer() const;
  /// Which of them this warp is: from its number's bits.
  const Bases& number() const { return numbers; }

  /// Of scratch memory for one part a warp of each source's results; 0 where one warp holds all.
  uint32_t scratchBytes(mlir::ValueRange sources) const;
  /// Where in the operation's scratch each source's parts are.
  std::vector<llvm::Value*> areas(Emitter& e, mlir::Operation& op, mlir::ValueRange sources) const;

  /// Leaves this warp's part of the result in register r (of those across the axis), as it lies in memory.
  void write(Emitter& e, llvm::Value* area, uint32_t r, llvm::Value* value) const;
  /// Part `number` (an i32 that may differ between threads) of it.
  llvm::Value* readOne(Emitter& e, llvm::Value* area, uint32_t r, mlir::Type type, llvm::Value* number) const;
  /// All warps' parts of it, by number.
  Registers read(Emitter& e, llvm::Value* area, uint32_t r, mlir::Type type) const;

private:
  uint32_t areaBytes(mlir::Type type) const;
  llvm::Value* place(Emitter& e, llvm::Value* area, uint32_t r, unsigned bytes, llvm::Value* extra) const;

  LinearLayout result;
  unsigned parts = 1;
  Bases numbers;
};

} // namespace tuned::nvptx
