// Scans, one step after another, and maps by a region.
#include "backend/cpu/emit/emitter.h"

namespace tuned::cpu {

void Emitter::emitScan(tt::ScanOp op) {
  llvm::ArrayRef<int64_t> shape = tt::shapeOf(op.getSrcs()[0].getType());
  unsigned axis = unsigned(op.getAxis());
  int64_t length = shape[axis], lines = 1, inner = 1;
  for (unsigned dimension = 0; dimension < shape.size(); ++dimension) {
    if (dimension != axis) lines *= shape[dimension];
    if (dimension > axis) inner *= shape[dimension];
  }
  unsigned width = takesVectors(op.getCombineOp()) ? widthFor(lines) : 1;
  forEachChunk(
      lines, inner, width,
      [&](const LaneIndex& line) {
        auto at = [&](llvm::Value* counter) {
          llvm::Value* place = counter;
          if (op.getReverse()) place = builder_.CreateSub(builder_.getInt64(uint64_t(length - 1)), counter);
          return indexing_.insert(line, log2(inner), log2(length),
                                  indexing_.scalar(place, log2(length), scopes_.top(), width));
        };
        auto keep = [&](const LaneIndex& index, llvm::ArrayRef<llvm::Value*> values) {
          for (auto [result, value] : llvm::zip(op.getResults(), values))
            writeTile(slotAddress(result), tt::elementType(result.getType()), index, {value});
        };
        LaneIndex first = at(builder_.getInt64(0));
        Values sums = evaluateAll(op.getSrcs(), first);
        keep(first, sums);
        if (length == 1) return;
        loop(length - 1, sums, [&](llvm::Value* counter, Values carried) {
          LaneIndex index = at(builder_.CreateAdd(counter, builder_.getInt64(1)));
          Values next = combine(op.getCombineOp(), carried,
                                versioned([&] { return evaluateAll(op.getSrcs(), index); }));
          keep(index, next);
          return next;
        });
      },
      false);
}

void Emitter::emitMapElementwise(tt::MapElementwiseOp op) {
  int64_t elements = mlir::cast<mlir::RankedTensorType>(op.getSrcs()[0].getType()).getNumElements();
  unsigned pack = unsigned(op.getPack());
  if (pack == 0 || (pack & (pack - 1)) || int64_t(pack) > elements)
    return unsupported(*op.getOperation(),
                       "pack is " + std::to_string(pack) + ", not a power of two up to the tile's elements");
  unsigned width = takesVectors(op.getScalarOp()) ? widthFor(elements / pack) : 1;
  forEachChunk(elements / pack, elements / pack, width, [&](const LaneIndex& group) {
    auto member = [&](unsigned number) {
      LaneIndex place;
      place.lanes = {int64_t(number)};
      return indexing_.insert(group, 0, log2(pack), place);
    };
    Values arguments;
    for (mlir::Value source : op.getSrcs())
      for (unsigned number = 0; number < pack; ++number)
        arguments.push_back(evaluateVector(source, member(number)));
    Values results = applyRegion(op.getScalarOp(), arguments);
    for (auto [at, value] : llvm::enumerate(results)) {
      mlir::Value result = op.getResult()[at / pack];
      writeTile(slotAddress(result), tt::elementType(result.getType()), member(unsigned(at % pack)), {value});
    }
  });
}

} // namespace tuned::cpu
