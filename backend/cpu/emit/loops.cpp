// Loops over the elements of tiles.
#include "backend/cpu/emit/emitter.h"
#include "backend/cpu/run/host.h"

namespace tuned::cpu {

// Two native vectors of f32 hide the latency of most chains and leave registers for polynomials.
unsigned Emitter::widthFor(int64_t elements) const {
  return unsigned(std::min<int64_t>(elements, host().vectorBytes / 2));
}

Emitter::Values Emitter::loop(int64_t count, Values initial, LoopBody body) {
  scopes_.settle();
  if (count == 1) {
    scopes_.push();
    Values results = body(builder_.getInt64(0), initial);
    scopes_.pop();
    return results;
  }
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  auto* block = llvm::BasicBlock::Create(context_, "loop", function_);
  builder_.CreateBr(block);
  builder_.SetInsertPoint(block);
  auto* counter = builder_.CreatePHI(builder_.getInt64Ty(), 2);
  counter->addIncoming(builder_.getInt64(0), before);
  llvm::SmallVector<llvm::PHINode*, 4> phis;
  Values carried;
  for (llvm::Value* value : initial) {
    phis.push_back(builder_.CreatePHI(value->getType(), 2));
    phis.back()->addIncoming(value, before);
    carried.push_back(phis.back());
  }
  scopes_.push();
  Values results = body(counter, carried);
  scopes_.pop();
  llvm::Value* next = builder_.CreateAdd(counter, builder_.getInt64(1), "", true, true);
  llvm::BasicBlock* latch = builder_.GetInsertBlock();
  auto* after = llvm::BasicBlock::Create(context_, "after", function_);
  builder_.CreateCondBr(builder_.CreateICmpULT(next, builder_.getInt64(count)), block, after);
  counter->addIncoming(next, latch);
  for (auto [phi, value] : llvm::zip(phis, results))
    phi->addIncoming(value, latch);
  builder_.SetInsertPoint(after);
  return results;
}

// The counter of the innermost open loop as bits of an index.
LaneIndex Emitter::counterIndex(llvm::Value* counter, int64_t count, unsigned shift, unsigned width) {
  LaneIndex index = LaneIndex::consecutive(width);
  indexing_.merge(index, indexing_.scalar(counter, log2(count), scopes_.top(), width), shift);
  return index;
}

void Emitter::forEachChunk(int64_t elements, int64_t inner, unsigned width,
                           llvm::function_ref<void(const LaneIndex&)> body, bool split) {
  inner = std::max<int64_t>(inner, width);
  loop(elements / inner, {}, [&](llvm::Value* row, Values) {
    LaneIndex rows = indexing_.scalar(row, log2(elements / inner), scopes_.top());
    loop(inner / width, {}, [&](llvm::Value* chunk, Values) {
      LaneIndex index = counterIndex(chunk, inner / width, log2(width), width);
      indexing_.merge(index, rows, log2(inner));
      auto once = [&] {
        body(index);
        return Values{};
      };
      return split ? versioned(once) : once();
    });
    return Values{};
  });
}

Emitter::Values Emitter::versioned(llvm::function_ref<Values()> body) {
  scopes_.settle();
  llvm::BasicBlock* test = builder_.GetInsertBlock();
  auto* fastBlock = llvm::BasicBlock::Create(context_, "fast", function_);
  llvm::Value* condition = nullptr;
  builder_.SetInsertPoint(fastBlock);
  scopes_.push(&condition);
  Values fast = body();
  scopes_.pop();
  llvm::BasicBlock* fastEnd = builder_.GetInsertBlock();
  auto* after = llvm::BasicBlock::Create(context_, "after", function_);
  builder_.CreateBr(after);
  builder_.SetInsertPoint(test);
  if (!condition) {
    builder_.CreateBr(fastBlock);
    builder_.SetInsertPoint(after);
    return fast;
  }
  auto* slowBlock = llvm::BasicBlock::Create(context_, "slow", function_);
  builder_.CreateCondBr(condition, fastBlock, slowBlock);
  builder_.SetInsertPoint(slowBlock);
  scopes_.push();
  Values slow = body();
  scopes_.pop();
  llvm::BasicBlock* slowEnd = builder_.GetInsertBlock();
  builder_.CreateBr(after);
  builder_.SetInsertPoint(after);
  Values merged;
  for (auto [one, other] : llvm::zip(fast, slow)) {
    auto* phi = builder_.CreatePHI(one->getType(), 2);
    phi->addIncoming(one, fastEnd);
    phi->addIncoming(other, slowEnd);
    merged.push_back(phi);
  }
  return merged;
}

} // namespace tuned::cpu
