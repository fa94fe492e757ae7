// Dots: operands become dense tiles in the accumulator's type, or pairs of bf16; then register-blocked
// kernels run over them.
#include "backend/cpu/emit/emitter.h"
#include "backend/cpu/plan/assignments.h"
#include "backend/cpu/run/host.h"

namespace tuned::cpu {

// The dense tile of a dot's operand: its own slot, or a temporary filled with converted elements.
llvm::Value* Emitter::dotOperand(mlir::Operation& op, mlir::Value value, mlir::Type compute,
                                 unsigned temporary, const Matrices* panels) {
  auto dot = mlir::cast<tt::DotOp>(op);
  if (isOperandReady(dot, value, plan_)) return slotAddress(value);
  mlir::Type element = tt::elementType(value.getType());
  llvm::Value* tile = scratchAt(plan_.temporary(&op, temporary));
  auto convert = [&](llvm::Value* lanes) -> llvm::Value* {
    llvm::Type* i32 = vectorOf(builder_.getInt32Ty(), widthOf(lanes));
    if (truncatesOperands(dot)) { // as tensor cores read f32
      llvm::Value* kept = builder_.CreateAnd(builder_.CreateBitCast(lanes, i32), uint64_t(0xffffe000));
      return builder_.CreateBitCast(kept, lanes->getType());
    }
    if (mlir::isa<mlir::FloatType>(element)) return formats_.convert(lanes, element, compute);
    return builder_.CreateSExtOrTrunc(lanes, vectorOf(typeOf(compute), widthOf(lanes)));
  };
  if (panels)
    fillPanels(tile, compute, value, panelFor(*panels).columns(), convert);
  else
    fillTile(tile, compute, value, convert);
  return tile;
}

void Emitter::fillPanels(llvm::Value* tile, mlir::Type element, mlir::Value value, unsigned columns,
                         Convert convert) {
  auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
  llvm::ArrayRef<int64_t> shape = type.getShape();
  unsigned width = std::min(widthFor(type.getNumElements()), columns), panelBits = log2(columns);
  unsigned columnBits = log2(shape.back()), rowBits = log2(shape[shape.size() - 2]);
  forEachChunk(type.getNumElements(), shape.back(), width, [&](const LaneIndex& index) {
    LaneIndex place = indexing_.slice(index, 0, panelBits);
    indexing_.merge(place, indexing_.slice(index, columnBits, rowBits), panelBits);
    indexing_.merge(place, indexing_.slice(index, panelBits, columnBits - panelBits), panelBits + rowBits);
    indexing_.merge(place, indexing_.slice(index, columnBits + rowBits, 20), columnBits + rowBits);
    writeTile(tile, element, place, {convert(evaluateVector(value, index))});
  });
}

bool Emitter::dotsPairs(tt::DotOp op) const {
  llvm::ArrayRef<int64_t> a = tt::shapeOf(op.getA().getType()), d = tt::shapeOf(op.getD().getType());
  return host().vectorBytes >= 32 && tt::elementType(op.getA().getType()).isBF16() &&
         tt::elementType(op.getB().getType()).isBF16() && dotComputeType(op.getD()).isF32() &&
         a.back() >= 2 && d.back() >= 16;
}

// An operand as bf16: dense, or for `panels` as fillPairs() leaves it.
llvm::Value* Emitter::dotPairs(tt::DotOp op, mlir::Value value, unsigned temporary, const Matrices* panels) {
  mlir::Type element = tt::elementType(value.getType());
  if (!panels && isDense(value, element, plan_)) return slotAddress(value);
  llvm::Value* tile = scratchAt(plan_.temporary(op.getOperation(), temporary));
  if (panels)
    fillPairs(tile, value, panelFor(*panels).columns());
  else
    fillTile(tile, element, value);
  return tile;
}

// Panels whose lines are two rows of the tile: words of column, then of the next, each with its two elements.
void Emitter::fillPairs(llvm::Value* tile, mlir::Value value, unsigned columns) {
  auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
  llvm::ArrayRef<int64_t> shape = type.getShape();
  unsigned width = std::min(16u, columns), panelBits = log2(columns), columnBits = log2(shape.back()),
           pairBits = log2(shape[shape.size() - 2]) - 1;
  mlir::Type word = mlir::IntegerType::get(type.getContext(), 32);
  forEachChunk(type.getNumElements() / 2, shape.back(), width, [&](const LaneIndex& index) {
    auto row = [&](int64_t odd) {
      LaneIndex at = indexing_.slice(index, 0, columnBits), half;
      half.lanes = {odd};
      indexing_.merge(at, half, columnBits);
      indexing_.merge(at, indexing_.slice(index, columnBits, 40), columnBits + 1);
      llvm::Type* words = vectorOf(builder_.getInt32Ty(), width);
      return builder_.CreateZExt(evaluateVector(value, at), words);
    };
    llvm::Value* even = row(0);
    llvm::Value* both = builder_.CreateOr(even, builder_.CreateShl(row(1), 16));
    LaneIndex place = indexing_.slice(index, 0, panelBits);
    indexing_.merge(place, indexing_.slice(index, columnBits, pairBits), panelBits);
    indexing_.merge(place, indexing_.slice(index, panelBits, columnBits - panelBits), panelBits + pairBits);
    indexing_.merge(place, indexing_.slice(index, columnBits + pairBits, 20), columnBits + pairBits);
    writeTile(tile, word, place, {both});
  });
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
  llvm::ArrayRef<int64_t> a = tt::shapeOf(op.getA().getType()), d = tt::shapeOf(op.getD().getType());
  Matrices matrices;
  matrices.batch = d.size() == 3 ? d[0] : 1;
  matrices.m = d[d.size() - 2];
  matrices.n = d.back();
  matrices.k = a.back();
  matrices.element = typeOf(compute);
  matrices.pairs = dotsPairs(op);
  matrices.packed = matrices.pairs || !isOperandReady(op, op.getB(), plan_);
  matrices.a = matrices.pairs ? dotPairs(op, op.getA(), 0) : dotOperand(operation, op.getA(), compute, 0);
  matrices.b = matrices.pairs ? dotPairs(op, op.getB(), 1, &matrices)
                              : dotOperand(operation, op.getB(), compute, 1, &matrices);
  matrices.c = prepareAccumulator(operation, op.getC(), op.getD(), compute, 2);
  multiply(matrices);
  finishAccumulator(op.getD(), matrices.c, compute);
}

} // namespace tuned::cpu
