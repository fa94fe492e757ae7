#include "backend/nvptx/lowering/dots/mma.h"

namespace tuned::nvptx {
namespace {

/// "{$0, $1, $2}"
std::string list(size_t first, size_t count) {
  std::string text = "{";
  for (size_t i = 0; i < count; ++i)
    text += (i ? ", $" : "$") + std::to_string(first + i);
  return text + "}";
}

char constraintOf(llvm::Type* type) {
  if (type->isFloatTy()) return 'f';
  return type->isDoubleTy() ? 'd' : 'r';
}

/// What the accumulator is called in PTX, once packed into words.
const char* accumulatorName(const DotPlan& plan, llvm::Type* element) {
  if (plan.instruction == DotInstruction::MmaInt8) return "s32";
  if (element->isDoubleTy()) return "f64";
  return element->isHalfTy() ? "f16" : "f32";
}

} // namespace

Registers packWords(Emitter& e, const Registers& elements) {
  unsigned bits = elements.front()->getType()->getScalarSizeInBits();
  if (bits > 32) return elements;
  auto& b = e.builder;
  unsigned each = 32 / bits;
  Registers words;
  for (size_t i = 0; i < elements.size(); i += each) {
    llvm::Value* word = elements[i];
    if (each > 1) {
      word = llvm::PoisonValue::get(llvm::FixedVectorType::get(elements[i]->getType(), each));
      for (unsigned k = 0; k < each; ++k)
        word = b.CreateInsertElement(word, elements[i + k], uint64_t{k});
    }
    words.push_back(word->getType()->isIntegerTy(32) ? word : b.CreateBitCast(word, b.getInt32Ty()));
  }
  return words;
}

Registers emitMma(Emitter& e, const DotPlan& plan, const char* typeA, const char* typeB, const Registers& a,
                  const Registers& b, const Registers& c) {
  auto& builder = e.builder;
  llvm::Type* element = c.front()->getType();
  bool half = element->isHalfTy();
  Registers accumulator = half ? packWords(e, c) : c;
  std::string name = accumulatorName(plan, element);
  std::string text = "mma.sync.aligned.m" + std::to_string(plan.tileM) + "n" + std::to_string(plan.tileN) +
                     "k" + std::to_string(plan.tileK) + ".row.col." + name + "." + typeA + "." + typeB + "." +
                     name + " ";
  size_t results = accumulator.size();
  text += list(0, results) + ", " + list(results, a.size()) + ", " + list(results + a.size(), b.size()) +
          ", " + list(results + a.size() + b.size(), results) + ";";

  std::string constraints;
  llvm::SmallVector<llvm::Type*> types;
  llvm::SmallVector<llvm::Value*> arguments;
  for (llvm::Value* value : accumulator) {
    constraints += std::string(constraints.empty() ? "=" : ",=") + constraintOf(value->getType());
    types.push_back(value->getType());
  }
  for (const Registers* operand : {&a, &b, static_cast<const Registers*>(&accumulator)})
    for (llvm::Value* value : *operand) {
      constraints += std::string(",") + constraintOf(value->getType());
      arguments.push_back(value);
    }
  llvm::Value* result =
      e.assembly(llvm::StructType::get(builder.getContext(), types), text, constraints, arguments, false);
  Registers out;
  for (unsigned i = 0; i < results; ++i) {
    llvm::Value* word = builder.CreateExtractValue(result, i);
    if (!half) {
      out.push_back(word);
      continue;
    }
    word = builder.CreateBitCast(word, llvm::FixedVectorType::get(element, 2));
    for (uint64_t k = 0; k < 2; ++k)
      out.push_back(builder.CreateExtractElement(word, k));
  }
  return out;
}

} // namespace tuned::nvptx
