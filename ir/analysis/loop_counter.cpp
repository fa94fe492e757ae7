#include "ir/analysis/loop_counter.h"

#include "ir/dialect/Dialect.h"

#include <mlir/IR/Matchers.h>

namespace tuned::tt {

bool counterMayWrap(mlir::scf::ForOp loop, std::optional<int64_t> upperLimit) {
  llvm::APInt step, upper;
  if (!mlir::matchPattern(loop.getStep(), mlir::m_ConstantInt(&step))) return true;
  if (step.isOne()) return false;
  unsigned width = step.getBitWidth();
  bool isUnsigned = loop.getUnsignedCmp();
  if (!isUnsigned && !step.isStrictlyPositive()) return true;
  if (!mlir::matchPattern(loop.getUpperBound(), mlir::m_ConstantInt(&upper))) {
    if (!upperLimit || isUnsigned) return true;
    upper = llvm::APInt(width, static_cast<uint64_t>(*upperLimit), true, true);
  }
  // The last counter is at most upper - 1.
  llvm::APInt largest = isUnsigned ? llvm::APInt::getMaxValue(width) : llvm::APInt::getSignedMaxValue(width);
  llvm::APInt room = largest - (step - 1);
  return isUnsigned ? upper.ugt(room) : upper.sgt(room);
}

bool boundsMayBeFarApart(mlir::scf::ForOp loop) {
  llvm::APInt number;
  if (loop.getUnsignedCmp() || mlir::isConstantIntValue(loop.getStep(), 1)) return false;
  if (loop.getLowerBound().getDefiningOp<GetProgramIdOp>()) return false;
  const bool known = mlir::matchPattern(loop.getLowerBound(), mlir::m_ConstantInt(&number));
  if (known && number.isNonNegative()) return false;
  llvm::APInt upper;
  if (!mlir::matchPattern(loop.getUpperBound(), mlir::m_ConstantInt(&upper))) return true;
  if (upper.isNegative()) return false;
  bool overflow = true;
  if (known) (void)upper.ssub_ov(number, overflow);
  return overflow;
}

std::optional<BoundRange> boundsWithRoom(mlir::scf::ForOp loop, int64_t ahead) {
  llvm::APInt step;
  if (!mlir::matchPattern(loop.getStep(), mlir::m_ConstantInt(&step))) return std::nullopt;
  unsigned width = step.getBitWidth();
  if (loop.getUnsignedCmp() || !step.isStrictlyPositive() || width > 64) return std::nullopt;
  auto wide = [](const llvm::APInt& number) { return number.sext(128); };
  const llvm::APInt room = wide(step) * llvm::APInt(128, static_cast<uint64_t>(ahead));
  const llvm::APInt least = wide(llvm::APInt::getSignedMinValue(width)) + room;
  const llvm::APInt most = wide(llvm::APInt::getSignedMaxValue(width)) - (wide(step) - 1) - room;
  if (least.sgt(most)) return std::nullopt;
  return BoundRange{least.getSExtValue(), most.getSExtValue()};
}

} // namespace tuned::tt
