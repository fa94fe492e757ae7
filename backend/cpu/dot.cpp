// Dots: operands become dense tiles in the accumulator's type, then register-blocked kernels run over them.
#include "backend/cpu/emitter.h"

namespace tuned::cpu {

// The dense tile of a dot's operand: its own slot, or a temporary filled with converted elements.
llvm::Value* Emitter::dotOperand(mlir::Operation& op, mlir::Value value, mlir::Type compute,
                                 unsigned temporary) {
  if (isDense(value, compute, plan_)) return slotAddress(value);
  mlir::Type element = tt::elementType(value.getType());
  llvm::Value* tile = scratchAt(plan_.temporary(&op, temporary));
  fillTile(tile, compute, value, [&](llvm::Value* lanes) -> llvm::Value* {
    if (mlir::isa<mlir::FloatType>(element)) return formats_.convert(lanes, element, compute);
    return builder_.CreateSExtOrTrunc(lanes, vectorOf(typeOf(compute), widthOf(lanes)));
  });
  return tile;
}

llvm::Value* Emitter::prepareAccumulator(mlir::Operation& op, mlir::Value c, mlir::Value d,
                                         mlir::Type compute, unsigned temporary) {
  mlir::Type element = tt::elementType(d.getType());
  if (element != compute) {
    llvm::Value* tile = scratchAt(plan_.temporary(&op, temporary));
    fillTile(tile, compute, c, [&](llvm::Value* lanes) { return formats_.convert(lanes, element, compute); });
    return tile;
  }
  llvm::Value* tile = slotAddress(d);
  bool inPlace = plan_.home(c) == Plan::Home::Slot && plan_.sameSlot(c, d);
  if (!inPlace) fillTile(tile, compute, c);
  return tile;
}

void Emitter::finishAccumulator(mlir::Value d, llvm::Value* accumulator, mlir::Type compute) {
  auto type = mlir::cast<mlir::RankedTensorType>(d.getType());
  if (type.getElementType() == compute) return;
  unsigned width = widthFor(type.getNumElements());
  llvm::Value* tile = slotAddress(d);
  forEachChunk(type.getNumElements(), type.getShape().back(), width, [&](const LaneIndex& index) {
    llvm::Value* lanes = toVector(builder_, readTile(accumulator, compute, index), width);
    writeTile(tile, type.getElementType(), index, {formats_.convert(lanes, compute, type.getElementType())});
  });
}

void Emitter::emitDot(tt::DotOp op) {
  mlir::Operation& operation = *op.getOperation();
  mlir::Type compute = dotComputeType(op.getD());
  Matrices matrices;
  matrices.a = dotOperand(operation, op.getA(), compute, 0);
  matrices.b = dotOperand(operation, op.getB(), compute, 1);
  matrices.c = prepareAccumulator(operation, op.getC(), op.getD(), compute, 2);
  llvm::ArrayRef<int64_t> a = tt::shapeOf(op.getA().getType()), d = tt::shapeOf(op.getD().getType());
  matrices.batch = d.size() == 3 ? d[0] : 1;
  matrices.m = d[d.size() - 2];
  matrices.n = d.back();
  matrices.k = a.back();
  matrices.element = typeOf(compute);
  multiply(matrices);
  finishAccumulator(op.getD(), matrices.c, compute);
}

} // namespace tuned::cpu
