// Threads: which one this is, what it adds to linear maps, shuffles, barriers, shared memory.
#include "backend/nvptx/lowering/emitter.h"

#include <llvm/IR/IntrinsicsNVPTX.h>

namespace tuned::nvptx {
namespace {

/// XOR of bases[i] for the set bits i of `input`. Neighbouring bits that go to neighbouring bits move
/// together.
llvm::Value* applyLinear(llvm::IRBuilder<>& builder, llvm::Value* input, const Bases& bases,
                         llvm::Value* sum) {
  for (size_t first = 0; first < bases.size();) {
    if (bases[first] == 0) {
      ++first;
      continue;
    }
    size_t last = first + 1;
    bool single = std::has_single_bit(bases[first]);
    while (single && last < bases.size() && bases[last] == 2 * bases[last - 1])
      ++last;
    llvm::Value* part;
    if (single) {
      uint32_t mask = ((1u << (last - first)) - 1) << first;
      auto target = static_cast<int>(log2Exact(bases[first])), from = static_cast<int>(first);
      part = builder.CreateAnd(input, mask);
      if (target > from) part = builder.CreateShl(part, target - from, "", true, true);
      if (target < from) part = builder.CreateLShr(part, from - target);
    } else {
      llvm::Value* bit = builder.CreateAnd(input, 1u << first);
      llvm::Value* set = builder.CreateICmpNE(bit, builder.getInt32(0));
      part = builder.CreateSelect(set, builder.getInt32(bases[first]), builder.getInt32(0));
    }
    sum = sum ? builder.CreateXor(sum, part) : part;
    first = last;
  }
  return sum;
}

} // namespace

llvm::Value* Emitter::linear(const Bases& fromLane, const Bases& fromWarp) {
  // Runs over the lane and warp together: the thread number is their concatenation.
  Bases all = fromLane;
  all.resize(laneBits, 0);
  all.insert(all.end(), fromWarp.begin(), fromWarp.end());
  llvm::Value* sum = applyLinear(builder, threadId, all, nullptr);
  return sum ? sum : builder.getInt32(0);
}

llvm::Value* Emitter::xorConstant(llvm::Value* part, uint32_t mask, uint32_t constant) {
  if (constant == 0) return part;
  if (mask == 0) return builder.getInt32(constant);
  if (mask & constant) return builder.CreateXor(part, constant);
  return builder.CreateOr(part, builder.getInt32(constant), "", /*IsDisjoint=*/true);
}

Registers Emitter::coordinates(const LinearLayout& layout, unsigned dim) {
  auto along = [&](const Bases& bases) {
    Bases result;
    for (uint32_t vector : bases)
      result.push_back(layout.coordinate(vector, dim));
    return result;
  };
  Bases lanes = along(layout.lanes), warps = along(layout.warps), registers = along(layout.registers);
  uint32_t mask = 0;
  for (const Bases* bases : {&lanes, &warps})
    for (uint32_t vector : *bases)
      mask |= vector;
  llvm::Value* part = linear(lanes, warps);
  Registers result(layout.registerCount());
  for (uint32_t r = 0; r < result.size(); ++r)
    result[r] = xorConstant(part, mask, nvptx::combine(registers, r));
  return result;
}

void shareReplicas(Registers& registers, const LinearLayout& layout) {
  uint32_t free = freeVariables(layout).registers;
  for (uint32_t r = 0; r < registers.size(); ++r)
    if (!registers[r]) registers[r] = registers[r & ~free];
}

llvm::Value* Emitter::owner(const LinearLayout& layout) {
  FreeVariables free = freeVariables(layout);
  uint32_t mask = free.lanes | free.warps << laneBits;
  if (mask == 0) return nullptr;
  return builder.CreateICmpEQ(builder.CreateAnd(threadId, mask), builder.getInt32(0), "owner");
}

llvm::Value* Emitter::both(llvm::Value* a, llvm::Value* b) {
  if (!a) return b;
  if (!b) return a;
  return builder.CreateAnd(a, b);
}

llvm::Value* Emitter::eachWord(llvm::Value* value, llvm::function_ref<llvm::Value*(llvm::Value*)> f) {
  llvm::Type* type = value->getType();
  llvm::Value* bits = value;
  unsigned width = type->isPointerTy() ? 64 : type->getScalarSizeInBits();
  llvm::Type* integer = builder.getIntNTy(width);
  if (type->isPointerTy())
    bits = builder.CreatePtrToInt(value, integer);
  else if (!type->isIntegerTy())
    bits = builder.CreateBitCast(value, integer);
  if (width <= 32) {
    bits = builder.CreateTrunc(f(builder.CreateZExt(bits, builder.getInt32Ty())), integer);
  } else {
    auto* pair = llvm::FixedVectorType::get(builder.getInt32Ty(), 2);
    llvm::Value* words = builder.CreateBitCast(bits, pair);
    llvm::Value* moved = llvm::PoisonValue::get(pair);
    for (uint64_t i = 0; i < 2; ++i)
      moved = builder.CreateInsertElement(moved, f(builder.CreateExtractElement(words, i)), i);
    bits = builder.CreateBitCast(moved, integer);
  }
  if (type->isPointerTy()) return builder.CreateIntToPtr(bits, type);
  return type->isIntegerTy() ? bits : builder.CreateBitCast(bits, type);
}

llvm::Value* Emitter::shuffle(llvm::Value* value, llvm::Value* sourceLane) {
  return eachWord(value, [&](llvm::Value* word) -> llvm::Value* {
    return builder.CreateIntrinsic(builder.getInt32Ty(), llvm::Intrinsic::nvvm_shfl_sync_idx_i32,
                                   {builder.getInt32(-1), word, sourceLane, builder.getInt32(31)});
  });
}

llvm::Value* Emitter::shuffleXor(llvm::Value* value, unsigned mask) {
  return eachWord(value, [&](llvm::Value* word) -> llvm::Value* {
    return builder.CreateIntrinsic(
        builder.getInt32Ty(), llvm::Intrinsic::nvvm_shfl_sync_bfly_i32,
        {builder.getInt32(-1), word, builder.getInt32(mask), builder.getInt32(31)});
  });
}

llvm::Value* Emitter::shuffleUp(llvm::Value* value, unsigned delta) {
  return eachWord(value, [&](llvm::Value* word) -> llvm::Value* {
    return builder.CreateIntrinsic(
        builder.getInt32Ty(), llvm::Intrinsic::nvvm_shfl_sync_up_i32,
        {builder.getInt32(-1), word, builder.getInt32(delta), builder.getInt32(0)});
  });
}

void Emitter::barrier() {
  if (warpCount == 1) { // the lanes of the one warp wait for each other, without the CTA's barrier
    builder.CreateIntrinsic(builder.getVoidTy(), llvm::Intrinsic::nvvm_bar_warp_sync, {builder.getInt32(-1)});
    return;
  }
  builder.CreateIntrinsic(builder.getVoidTy(), llvm::Intrinsic::nvvm_barrier_cta_sync_aligned_all,
                          {builder.getInt32(0)});
}

llvm::Value* Emitter::sharedMemory() {
  if (!shared) {
    auto* type = llvm::ArrayType::get(builder.getInt8Ty(), 0);
    shared = new llvm::GlobalVariable(module, type, false, llvm::GlobalValue::ExternalLinkage, nullptr,
                                      "shared", nullptr, llvm::GlobalValue::NotThreadLocal, 3);
    shared->setAlignment(llvm::Align(16));
  }
  return shared;
}

llvm::Value* Emitter::scratch(mlir::Operation& op) {
  auto offset = op.getAttrOfType<mlir::IntegerAttr>("nv.scratch");
  assert(offset && "shared memory is allocated before emission");
  return builder.CreateConstInBoundsGEP1_32(builder.getInt8Ty(), sharedMemory(),
                                            static_cast<unsigned>(offset.getInt()));
}

} // namespace tuned::nvptx
