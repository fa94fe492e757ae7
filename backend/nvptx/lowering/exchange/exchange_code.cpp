#include "backend/nvptx/lowering/exchange/exchange_code.h"

#include <llvm/IR/IntrinsicsNVPTX.h>
#include <map>

namespace tuned::nvptx {
namespace {

/// Addresses of one side's accesses: what the thread adds is computed once, what a register adds goes into
/// the instruction's offset where no bit of the two meets, else into an address of its own.
class Addresses {
public:
  Addresses(Emitter& emitter, const SharedAccess& side, llvm::Value* base)
      : e(emitter), access(side), memory(base), part(e.linear(side.fromLane, side.fromWarp)) {
    for (const Bases* bases : {&side.fromLane, &side.fromWarp})
      for (uint32_t vector : *bases)
        mask |= vector;
  }

  llvm::Value* at(uint32_t base) {
    uint32_t constant = combine(access.fromRegister, base);
    llvm::Value*& pointer = pointers[constant & mask];
    auto* byte = e.builder.getInt8Ty();
    if (!pointer) {
      llvm::Value* offset = constant & mask ? e.builder.CreateXor(part, constant & mask) : part;
      pointer = e.builder.CreateInBoundsGEP(byte, memory, offset);
    }
    if (uint32_t rest = constant & ~mask) return e.builder.CreateConstInBoundsGEP1_32(byte, pointer, rest);
    return pointer;
  }

private:
  Emitter& e;
  const SharedAccess& access;
  llvm::Value *memory, *part;
  uint32_t mask = 0;
  std::map<uint32_t, llvm::Value*> pointers;
};

/// Shared memory is moved in integers: vectors of words when they are whole words.
llvm::Type* vectorType(llvm::Type* element, unsigned size) {
  return size == 1 ? element : llvm::FixedVectorType::get(element, size);
}

llvm::SmallVector<llvm::Value*> loadMatrices(Emitter& e, llvm::Value* pointer, bool transposed,
                                             unsigned matrices, llvm::Type* element) {
  using namespace llvm::Intrinsic;
  constexpr ID ids[2][3] = {{nvvm_ldmatrix_sync_aligned_m8n8_x1_b16, nvvm_ldmatrix_sync_aligned_m8n8_x2_b16,
                             nvvm_ldmatrix_sync_aligned_m8n8_x4_b16},
                            {nvvm_ldmatrix_sync_aligned_m8n8_x1_trans_b16,
                             nvvm_ldmatrix_sync_aligned_m8n8_x2_trans_b16,
                             nvvm_ldmatrix_sync_aligned_m8n8_x4_trans_b16}};
  auto& b = e.builder;
  llvm::Value* loaded =
      b.CreateIntrinsic(ids[transposed][log2Exact(matrices)], {pointer->getType()}, {pointer});
  llvm::SmallVector<llvm::Value*> elements;
  for (unsigned i = 0; i < matrices; ++i) {
    llvm::Value* word = matrices == 1 ? loaded : b.CreateExtractValue(loaded, i);
    llvm::Value* pair = b.CreateBitCast(word, llvm::FixedVectorType::get(element, 2));
    elements.push_back(b.CreateExtractElement(pair, uint64_t{0}));
    elements.push_back(b.CreateExtractElement(pair, uint64_t{1}));
  }
  return elements;
}

} // namespace

void storeShared(Emitter& e, const SharedExchange& plan, llvm::Value* memory, const Registers& registers) {
  auto& b = e.builder;
  Addresses addresses(e, plan.store, memory);
  unsigned size = plan.store.vectorSize();
  for (uint32_t base : plan.store.bases) {
    llvm::Value* value = e.toMemory(registers[base]);
    if (size > 1) {
      value = llvm::PoisonValue::get(vectorType(value->getType(), size));
      for (uint32_t i = 0; i < size; ++i)
        value = b.CreateInsertElement(value, e.toMemory(registers[base ^ combine(plan.store.vector, i)]), i);
    }
    b.CreateAlignedStore(value, addresses.at(base), llvm::Align(size * plan.elementBytes));
  }
}

Registers loadShared(Emitter& e, const SharedExchange& plan, llvm::Value* memory, const LinearLayout& to,
                     mlir::Type type) {
  auto& b = e.builder;
  llvm::Type* element = e.memoryType(type);
  const SharedAccess& load = plan.load;
  Addresses addresses(e, load, memory);
  unsigned size = load.vectorSize();
  Registers result(to.registerCount());
  for (uint32_t base : load.bases) {
    llvm::SmallVector<llvm::Value*> elements;
    llvm::Value* pointer = addresses.at(base);
    if (load.kind != SharedAccess::Kind::Plain) {
      elements =
          loadMatrices(e, pointer, load.kind == SharedAccess::Kind::TransposedMatrix, size / 2, element);
    } else {
      llvm::Value* loaded =
          b.CreateAlignedLoad(vectorType(element, size), pointer, llvm::Align(size * plan.elementBytes));
      for (uint64_t i = 0; i < size; ++i)
        elements.push_back(size == 1 ? loaded : b.CreateExtractElement(loaded, i));
    }
    for (uint32_t i = 0; i < size; ++i)
      result[base ^ combine(load.vector, i)] = e.fromMemory(elements[i], type);
  }
  shareReplicas(result, to);
  return result;
}

} // namespace tuned::nvptx
