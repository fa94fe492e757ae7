// Operations that put tiles together, and counting.
#include "backend/cpu/emit/emitter.h"

namespace tuned::cpu {

void Emitter::emitJoin(tt::JoinOp op) {
  auto type = mlir::cast<mlir::RankedTensorType>(op.getLhs().getType());
  unsigned width = widthFor(type.getNumElements());
  llvm::Value* tile = slotAddress(op.getResult());
  int64_t inner = type.getRank() ? type.getShape().back() : 1;
  forEachChunk(type.getNumElements(), inner, width, [&](const LaneIndex& index) {
    llvm::Value* left = evaluateVector(op.getLhs(), index);
    llvm::Value* right = evaluateVector(op.getRhs(), index);
    llvm::Value* both = nullptr;
    if (width == 1) {
      both = gatherLanes(builder_, {left, right});
    } else {
      llvm::SmallVector<int, 32> interleaved;
      for (unsigned l = 0; l < width; ++l)
        interleaved.append({int(l), int(l + width)});
      both = builder_.CreateShuffleVector(left, right, interleaved);
    }
    LaneIndex pairs = LaneIndex::consecutive(2 * width);
    for (Field field : index.fields) {
      ++field.shift;
      pairs.fields.push_back(field);
    }
    writeTile(tile, type.getElementType(), pairs, {both});
  });
}

void Emitter::emitCat(tt::CatOp op) {
  auto type = mlir::cast<mlir::RankedTensorType>(op.getLhs().getType());
  mlir::Type element = type.getElementType();
  int64_t bytes = type.getNumElements() * storageBytes(element);
  llvm::Value* tile = slotAddress(op.getResult());
  fillTile(tile, element, op.getLhs());
  fillTile(builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), tile, uint64_t(bytes)), element,
           op.getRhs());
}

void Emitter::emitHistogram(tt::HistogramOp op) {
  auto type = mlir::cast<mlir::RankedTensorType>(op.getSrc().getType());
  auto counts = mlir::cast<mlir::RankedTensorType>(op.getResult().getType());
  llvm::Type* count = typeOf(counts.getElementType());
  llvm::Value* tile = slotAddress(op.getResult());
  int64_t bins = counts.getNumElements();
  builder_.CreateMemSet(tile, builder_.getInt8(0), uint64_t(bins * storageBytes(counts.getElementType())),
                        llvm::Align(64));
  forEachChunk(type.getNumElements(), type.getNumElements(), 1, [&](const LaneIndex& index) {
    llvm::Value* bin = evaluateVector(op.getSrc(), index);
    llvm::Value* counted =
        builder_.CreateICmpULT(bin, llvm::ConstantInt::get(bin->getType(), uint64_t(bins)));
    if (bin->getType()->getIntegerBitWidth() < 63 && (bins >> bin->getType()->getIntegerBitWidth()))
      counted = builder_.getTrue(); // every value of the type is a bin
    if (op.getMask()) counted = builder_.CreateAnd(counted, evaluateVector(op.getMask(), index));
    llvm::Value* place = builder_.CreateZExtOrTrunc(bin, builder_.getInt64Ty());
    llvm::Value* address = builder_.CreateSelect(counted, builder_.CreateGEP(count, tile, place), trash_);
    llvm::Value* more =
        builder_.CreateAdd(builder_.CreateLoad(count, address), llvm::ConstantInt::get(count, 1));
    builder_.CreateStore(more, address);
  });
}

} // namespace tuned::cpu
