#include "backend/nvptx/lowering/memory/access.h"

namespace tuned::nvptx {

VectorPlan planVectors(mlir::Operation& op, const LinearLayout& layout, unsigned bytes) {
  VectorPlan plan;
  auto hint = op.getAttrOfType<mlir::DenseI32ArrayAttr>("nv.vector");
  if (hint && !layout.shape.empty()) {
    auto limit = std::min<unsigned>(static_cast<unsigned>(hint[0]), 16 / bytes);
    auto dim = static_cast<unsigned>(hint[1]);
    Span held(layout.registers);
    for (unsigned step = 1; step < limit && step < layout.shape[dim]; step *= 2) {
      auto members = held.coordinates(step << layout.dimShift(dim));
      if (!members) break;
      plan.vector.push_back(static_cast<uint32_t>(*members));
    }
  }
  uint32_t free = freeVariables(layout).registers;
  std::vector<bool> seen(layout.registerCount());
  for (uint32_t r = 0; r < layout.registerCount(); ++r) {
    if (seen[r] || (r & free)) continue;
    plan.bases.push_back(r);
    for (uint32_t element = 0; element < plan.size(); ++element)
      seen[plan.member(r, element)] = true;
  }
  return plan;
}

Words Words::of(unsigned elements, unsigned bytes) {
  unsigned total = elements * bytes * 8;
  unsigned bits = std::min(total, std::max(32u, bytes * 8));
  return {total / bits, bits};
}

std::string Words::suffix() const {
  return (count > 1 ? ".v" + std::to_string(count) : "") + ".b" + std::to_string(bits);
}

const char* Words::constraint() const {
  return bits == 64 ? "l" : bits == 32 ? "r" : "h";
}

llvm::SmallVector<llvm::Value*> pack(Emitter& e, llvm::ArrayRef<llvm::Value*> elements, Words words) {
  auto& b = e.builder;
  llvm::Type* word = b.getIntNTy(words.bits);
  llvm::SmallVector<llvm::Value*> result;
  size_t each = elements.size() / words.count;
  for (unsigned w = 0; w < words.count; ++w) {
    llvm::Value* value = elements[w * each];
    if (each > 1) {
      value =
          llvm::PoisonValue::get(llvm::FixedVectorType::get(value->getType(), static_cast<unsigned>(each)));
      for (size_t i = 0; i < each; ++i)
        value = b.CreateInsertElement(value, elements[w * each + i], i);
    }
    value = value->getType()->isPointerTy() ? b.CreatePtrToInt(value, word) : b.CreateBitCast(value, word);
    // Inline assembly has no 8-bit registers: a .b8 access takes the low byte of a wider one.
    result.push_back(words.bits == 8 ? b.CreateZExt(value, b.getInt16Ty()) : value);
  }
  return result;
}

llvm::SmallVector<llvm::Value*> unpack(Emitter& e, llvm::ArrayRef<llvm::Value*> words, unsigned elements,
                                       llvm::Type* elementType) {
  auto& b = e.builder;
  llvm::SmallVector<llvm::Value*> result;
  size_t each = elements / words.size();
  for (llvm::Value* word : words) {
    if (elementType->isIntegerTy(8) && each == 1) word = b.CreateTrunc(word, b.getInt8Ty());
    if (each == 1) {
      result.push_back(elementType->isPointerTy() ? b.CreateIntToPtr(word, elementType)
                                                  : b.CreateBitCast(word, elementType));
      continue;
    }
    llvm::Value* vector =
        b.CreateBitCast(word, llvm::FixedVectorType::get(elementType, static_cast<unsigned>(each)));
    for (size_t i = 0; i < each; ++i)
      result.push_back(b.CreateExtractElement(vector, i));
  }
  return result;
}

std::string operandList(unsigned first, unsigned count) {
  std::string text = "$" + std::to_string(first);
  for (unsigned i = 1; i < count; ++i)
    text += ", $" + std::to_string(first + i);
  return count > 1 ? "{" + text + "}" : text;
}

} // namespace tuned::nvptx
