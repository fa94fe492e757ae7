// Reductions: along rows with several accumulators where the order is free, or across rows with one result a
// lane.
#include "backend/cpu/emit/emitter.h"
#include "backend/cpu/math/native.h"
#include "ir/analysis/combination_order.h"

namespace tuned::cpu {
namespace {

int64_t product(llvm::ArrayRef<int64_t> sizes) {
  int64_t result = 1;
  for (int64_t size : sizes)
    result *= size;
  return result;
}

// Whether the region is the largest, or the smallest, of f32 and nothing else.
mlir::Operation* extremeIn(mlir::Region& region) {
  mlir::Block& block = region.front();
  if (!region.hasOneBlock() || !llvm::hasNItems(block, 2)) return nullptr;
  mlir::Operation& op = block.front();
  bool extreme =
      mlir::isa<mlir::arith::MaxNumFOp, mlir::arith::MinNumFOp>(op) && op.getResult(0).getType().isF32();
  bool alone =
      op.getOperands() == block.getArguments() && block.getTerminator()->getOperands() == op.getResults();
  return extreme && alone ? &op : nullptr;
}

} // namespace

// What an accumulator starts from: no signalling NaN, if accumulate() is to skip NaNs.
Emitter::Values Emitter::startAccumulating(mlir::Region& region, Values first) {
  if (extremeIn(region))
    for (llvm::Value*& value : first)
      value = builder_.CreateUnaryIntrinsic(llvm::Intrinsic::canonicalize, value);
  return first;
}

// One more of a reduction's operands: as combine() has it, in fewer instructions where one side is known to
// be an accumulator.
Emitter::Values Emitter::accumulate(mlir::Region& region, llvm::ArrayRef<llvm::Value*> sums,
                                    llvm::ArrayRef<llvm::Value*> next) {
  if (mlir::Operation* extreme = extremeIn(region)) {
    bool largest = mlir::isa<mlir::arith::MaxNumFOp>(extreme);
    if (llvm::Value* one = extremeWithNext(builder_, sums[0], next[0], largest)) return {one};
  }
  return combine(region, sums, next);
}

void Emitter::emitReduce(tt::ReduceOp op) {
  llvm::ArrayRef<int64_t> shape = tt::shapeOf(op.getSrcs()[0].getType());
  unsigned axis = unsigned(op.getAxis());
  int64_t length = shape[axis], inner = product(shape.drop_front(axis + 1)),
          outer = product(shape.take_front(axis));
  auto keep = [&](const LaneIndex& at, llvm::ArrayRef<llvm::Value*> results) {
    for (auto [result, value] : llvm::zip(op.getResults(), results)) {
      if (mlir::isa<mlir::RankedTensorType>(result.getType()))
        writeTile(slotAddress(result), tt::elementType(result.getType()), at, {value});
      else
        scalars_[result] = value;
    }
  };
  bool vectors = takesVectors(op.getCombineOp());
  if (vectors && inner == 1 && length >= 8 && !tt::orderMatters(op.getCombineOp())) {
    loop(outer, {}, [&](llvm::Value* row, Values) {
      LaneIndex at = indexing_.scalar(row, log2(outer), scopes_.top());
      keep(at, reduceRow(op, length, at, widthFor(length)));
      return Values{};
    });
    return;
  }
  unsigned width = vectors ? widthFor(outer * inner) : 1;
  forEachChunk(
      outer * inner, inner, width,
      [&](const LaneIndex& at) { keep(at, reduceAcross(op, length, log2(inner), at)); }, false);
}

Emitter::Values Emitter::evaluateAll(mlir::ValueRange values, const LaneIndex& index) {
  Values results;
  for (mlir::Value value : values)
    results.push_back(evaluateVector(value, index));
  return results;
}

Emitter::Values Emitter::combine(mlir::Region& region, llvm::ArrayRef<llvm::Value*> left,
                                 llvm::ArrayRef<llvm::Value*> right) {
  Values arguments(left.begin(), left.end());
  arguments.append(right.begin(), right.end());
  return applyRegion(region, arguments);
}

Emitter::Values Emitter::reduceRow(tt::ReduceOp op, int64_t length, const LaneIndex& row, unsigned width) {
  mlir::Region& region = op.getCombineOp();
  int64_t chunks = length / width;
  unsigned streams = unsigned(std::min<int64_t>(4, chunks)), operands = op.getSrcs().size();
  // The operands of every stream in round `round`, stream by stream.
  auto evaluateRound = [&](llvm::Value* round) {
    Values values;
    for (unsigned stream = 0; stream < streams; ++stream) {
      LaneIndex index = LaneIndex::consecutive(width, int64_t(stream) * width);
      indexing_.merge(index, indexing_.scalar(round, log2(chunks / streams), scopes_.top(), width),
                      log2(int64_t(width) * streams));
      indexing_.merge(index, row, log2(length));
      values.append(evaluateAll(op.getSrcs(), index));
    }
    return values;
  };
  Values sums = versioned([&] { return startAccumulating(region, evaluateRound(builder_.getInt64(0))); });
  if (chunks > streams)
    sums = loop(chunks / streams - 1, sums, [&](llvm::Value* counter, Values carried) {
      llvm::Value* round = builder_.CreateAdd(counter, builder_.getInt64(1));
      return versioned([&] {
        Values values = evaluateRound(round), next;
        for (unsigned at = 0; at < values.size(); at += operands)
          next.append(accumulate(region, llvm::ArrayRef(carried).slice(at, operands),
                                 llvm::ArrayRef(values).slice(at, operands)));
        return next;
      });
    });
  for (; streams > 1; streams /= 2) {
    Values fewer;
    size_t half = sums.size() / 2;
    for (size_t at = 0; at < half; at += operands)
      fewer.append(combine(region, llvm::ArrayRef(sums).slice(at, operands),
                           llvm::ArrayRef(sums).slice(half + at, operands)));
    sums = fewer;
  }
  for (; width > 1; width /= 2) {
    Values low, high;
    llvm::SmallVector<int, 16> first, second;
    for (unsigned l = 0; l < width / 2; ++l) {
      first.push_back(int(l));
      second.push_back(int(l + width / 2));
    }
    for (llvm::Value* sum : sums) {
      low.push_back(width == 2 ? lane(builder_, sum, 0) : builder_.CreateShuffleVector(sum, first));
      high.push_back(width == 2 ? lane(builder_, sum, 1) : builder_.CreateShuffleVector(sum, second));
    }
    sums = combine(region, low, high);
  }
  return sums;
}

Emitter::Values Emitter::reduceAcross(tt::ReduceOp op, int64_t length, unsigned shift,
                                      const LaneIndex& results) {
  mlir::Region& region = op.getCombineOp();
  auto at = [&](llvm::Value* step) {
    return indexing_.insert(results, shift, log2(length),
                            indexing_.scalar(step, log2(length), scopes_.top(), results.width()));
  };
  bool plain = takesVectors(region);
  auto evaluateStep = [&](llvm::Value* step) {
    return versioned([&] { return evaluateAll(op.getSrcs(), at(step)); });
  };
  Values sums = startAccumulating(region, evaluateStep(builder_.getInt64(0)));
  if (plain && length <= 4) {
    for (int64_t step = 1; step < length; ++step)
      sums = accumulate(region, sums, evaluateStep(builder_.getInt64(uint64_t(step))));
    return sums;
  }
  if (length == 1) return sums;
  return loop(length - 1, sums, [&](llvm::Value* counter, Values carried) {
    return accumulate(region, carried, evaluateStep(builder_.CreateAdd(counter, builder_.getInt64(1))));
  });
}

} // namespace tuned::cpu
