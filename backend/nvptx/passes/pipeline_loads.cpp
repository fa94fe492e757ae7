// A loop that asks for stages (its own `tt.num_stages`, N) and has no dots gets its tensors N - 1 iterations
// ahead of their use, as far as loop_loads.h lets them go. With N of 2 they wait in registers. With more,
// copies that need no registers bring them to a ring of N - 1 slots in shared memory, which every thread has
// for itself:
//
//   start copies 0 … N-2
//   for i: wait for copy i; x = slot; use(x); start copy i+N-1 into the same slot; slot = the next
//
// Copies are started under the condition that their iteration takes place, and counted even if not. A thread
// reads its part of a slot before it starts the copy that overwrites it. Where shared memory is too small for
// N - 1 slots there are fewer; below two, and for loads that copies cannot do, registers take their place.
#include "backend/nvptx/lowering/memory/private_copy.h"
#include "backend/nvptx/passes/loop_loads.h"
#include "backend/nvptx/passes/pass.h"

#include <mlir/Dialect/Utils/StaticValueUtils.h>
#include <mlir/IR/Matchers.h>
#include <mlir/IR/PatternMatch.h>

namespace tuned::nvptx {
namespace {

using mlir::Value;
namespace arith = mlir::arith;

/// The ring of one loop. A slot holds the tiles of all loads, one behind the other.
class Ring {
public:
  Ring(LoopLoads& loopLoads, int64_t slotCount, unsigned threadCount)
      : loads(loopLoads), loop(loopLoads.loop), slots(slotCount), rewriter(loopLoads.loop.getContext()),
        place(loopLoads.loop.getLoc()) {
    for (tt::LoadOp load : loads.loads) {
      tiles.push_back({load, load.getPtr(), load.getMask(), load->getAttr("nv.vector"), slotBytes});
      slotBytes += tileBytes(load, threadCount);
    }
  }

  /// What a slot takes for all threads.
  static int64_t bytesOf(const LoopLoads& loads, unsigned threads) {
    int64_t bytes = 0;
    for (tt::LoadOp load : loads.loads)
      bytes += tileBytes(load, threads);
    return bytes;
  }

  void build() {
    rewriter.setInsertionPoint(loop);
    memory = PrivateMemoryOp::create(rewriter, place, rewriter.getI32Type(),
                                     static_cast<int32_t>(slots * slotBytes));
    llvm::SmallVector<Value> initial = prologue();
    auto yields = [&](mlir::OpBuilder&, mlir::Location, llvm::ArrayRef<mlir::BlockArgument> ahead) {
      return body(ahead);
    };
    auto changed =
        loop.replaceWithAdditionalYields(rewriter, initial, /*replaceInitOperandUsesInLoop=*/false, yields);
    eraseUnused(mlir::cast<mlir::scf::ForOp>(**changed));
  }

private:
  struct Tile {
    tt::LoadOp load;
    Value pointers, mask;
    mlir::Attribute vector; ///< `nv.vector`
    int64_t offset;         ///< in the slot
  };

  static int64_t tileBytes(tt::LoadOp load, unsigned threads) {
    return llvm::alignTo<16>(privateTile(*load, load.getPtr().getType()).bytes(threads));
  }
  Value i32(int64_t value) {
    return arith::ConstantOp::create(rewriter, place,
                                     rewriter.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  Value add(Value a, Value b) { return arith::AddIOp::create(rewriter, place, a, b); }
  /// `count` steps of the loop.
  Value steps(int64_t count) {
    Value times =
        arith::ConstantOp::create(rewriter, place, rewriter.getIntegerAttr(loop.getStep().getType(), count));
    return arith::MulIOp::create(rewriter, place, loop.getStep(), times);
  }

  /// Starts the first copies. What the loop carries besides: the slot, and the values that addresses depend
  /// on, for the iteration whose copy comes next.
  llvm::SmallVector<Value> prologue() {
    Value any = arith::CmpIOp::create(rewriter, place, arith::CmpIPredicate::slt, loop.getLowerBound(),
                                      loop.getUpperBound());
    mlir::IRMapping mapping = loads.initial();
    for (int64_t slot = 0; slot < slots; ++slot) {
      Value condition = any;
      if (slot > 0)
        condition = arith::AndIOp::create(rewriter, place, any,
                                          loads.reaches(rewriter, loop.getLowerBound(), steps(slot)));
      startCopies(condition, add(memory, i32(slot * slotBytes)), mapping);
      mapping = loads.following(rewriter, mapping);
    }
    llvm::SmallVector<Value> initial = {memory};
    for (unsigned index : loads.carried())
      initial.push_back(mapping.lookup(Value(loop.getRegionIterArg(index))));
    return initial;
  }

  /// Made in the old body, which moves into the new loop afterwards.
  llvm::SmallVector<Value> body(llvm::ArrayRef<mlir::BlockArgument> ahead) {
    mlir::OpBuilder::InsertionGuard guard(rewriter);
    Value slot = ahead.front();
    rewriter.setInsertionPoint(loads.loads.front());
    AwaitCopiesOp::create(rewriter, place, static_cast<int32_t>(slots - 1));
    readSlot(slot);
    rewriter.setInsertionPoint(loop.getBody()->getTerminator());
    mlir::IRMapping mapping;
    mapping.map(loop.getInductionVar(), add(loop.getInductionVar(), steps(slots)));
    for (auto [i, index] : llvm::enumerate(loads.carried()))
      mapping.map(Value(loop.getRegionIterArg(index)), Value(ahead[i + 1]));
    startCopies(loads.reaches(rewriter, loop.getInductionVar(), steps(slots)), slot, mapping);
    mlir::IRMapping after = loads.following(rewriter, mapping);
    llvm::SmallVector<Value> yields = {nextSlot(slot)};
    for (unsigned index : loads.carried())
      yields.push_back(after.lookup(Value(loop.getRegionIterArg(index))));
    return yields;
  }

  void startCopies(Value condition, Value slot, mlir::IRMapping& mapping) {
    for (const Tile& tile : tiles) {
      Value pointers = loads.copy(rewriter, tile.pointers, mapping);
      Value mask = tile.mask ? loads.copy(rewriter, tile.mask, mapping) : Value();
      auto copy =
          CopyAsyncOp::create(rewriter, place, add(slot, i32(tile.offset)), pointers, mask, condition);
      if (tile.vector) copy->setAttr("nv.vector", tile.vector);
    }
    CommitCopiesOp::create(rewriter, place);
  }

  /// Reads take the loads' places. Copies bring zero for what is masked: another default is put in
  /// afterwards.
  void readSlot(Value slot) {
    for (const Tile& tile : tiles) {
      tt::LoadOp load = tile.load;
      rewriter.setInsertionPoint(load);
      auto read = ReadCopyOp::create(rewriter, load.getLoc(), load.getType(), add(slot, i32(tile.offset)));
      if (tile.vector) read->setAttr("nv.vector", tile.vector);
      Value result = read.getResult();
      Value other = load.getOther();
      bool zero = !other || mlir::matchPattern(other, mlir::m_PosZeroFloat()) ||
                  mlir::matchPattern(other, mlir::m_Zero());
      if (load.getMask() && !zero)
        result = arith::SelectOp::create(rewriter, load.getLoc(), load.getMask(), result, other);
      rewriter.replaceOp(load, result);
    }
  }

  Value nextSlot(Value slot) {
    Value next = add(slot, i32(slotBytes));
    Value end = add(memory, i32(slots * slotBytes));
    Value last = arith::CmpIOp::create(rewriter, place, arith::CmpIPredicate::eq, next, end);
    return arith::SelectOp::create(rewriter, place, last, memory, next);
  }

  LoopLoads& loads;
  mlir::scf::ForOp loop;
  int64_t slots, slotBytes = 0;
  std::vector<Tile> tiles;
  mlir::IRRewriter rewriter;
  mlir::Location place;
  Value memory;
};

/// Slots that are worth having: as many as are asked for, have room and are ever filled; none when copies
/// cannot do it.
int64_t ringSlots(const LoopLoads& loads, int64_t wanted, int64_t room, unsigned threads) {
  mlir::scf::ForOp loop = loads.loop;
  auto step = mlir::getConstantIntValue(loop.getStep());
  bool counts = step && *step > 0 && *step <= INT32_MAX / std::max<int64_t>(1, wanted);
  if (wanted < 2 || !counts || !llvm::all_of(loads.loads, copiesAsync)) return 0;
  int64_t slots =
      std::min({wanted, room / Ring::bytesOf(loads, threads), mostIterations(loop).value_or(wanted)});
  return slots < 2 ? 0 : slots;
}

} // namespace

Result<void> pipelineLoads(PassContext& context) {
  std::vector<mlir::scf::ForOp> loops;
  context.function.walk([&](mlir::scf::ForOp loop) { loops.push_back(loop); });
  // What is copied of address computations may need a little scratch of its own.
  constexpr int64_t spare = 4096;
  int64_t room = context.target.sharedLimit - scratchBytes(context.function) - spare;
  unsigned threads = context.numWarps * 32;
  for (mlir::scf::ForOp loop : loops) {
    int64_t stages = loopStages(loop).value_or(1);
    if (stages < 2 || hasDots(loop)) continue;
    LoopLoads loads(
        loop, [](tt::LoadOp load) { return mlir::isa<mlir::RankedTensorType>(load.getResult().getType()); });
    if (loads.loads.empty()) continue;
    if (int64_t slots = ringSlots(loads, stages - 1, room, threads)) {
      room -= slots * Ring::bytesOf(loads, threads);
      Ring(loads, slots, threads).build();
    } else {
      loadOneAhead(loads);
    }
  }
  return {};
}

} // namespace tuned::nvptx
