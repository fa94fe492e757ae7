// tt.elementwise_inline_asm: packs of elements in PTX's registers, a vector of packs at a time.
#include "backend/cpu/emit/emitter.h"
#include "backend/cpu/ptx/translator.h"

namespace tuned::cpu {
namespace {

/// Elements narrower than 32 bits share a register, as many as are packed.
unsigned elementsPerWord(unsigned bits, unsigned pack) {
  return bits >= 32 ? 1 : std::min(32 / bits, pack);
}

std::vector<std::string> registerConstraints(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ',');
  std::vector<std::string> constraints;
  for (llvm::StringRef part : parts)
    if (!part.trim().empty() && !part.trim().starts_with("~")) constraints.push_back(part.trim().str());
  return constraints;
}

unsigned bitsOf(mlir::Type type) {
  mlir::Type element = tt::elementType(type);
  return mlir::isa<tt::PointerType>(element) ? 64 : element.getIntOrFloatBitWidth();
}

} // namespace

llvm::Value* Emitter::packWord(llvm::ArrayRef<llvm::Value*> elements, unsigned bits) {
  unsigned width = widthOf(elements[0]), total = unsigned(elements.size()) * bits;
  llvm::Type *one = vectorOf(builder_.getIntNTy(bits), width),
             *all = vectorOf(builder_.getIntNTy(total), width);
  llvm::Value* word = nullptr;
  for (auto [place, element] : llvm::enumerate(elements)) {
    llvm::Value* raw = builder_.CreateZExt(builder_.CreateBitOrPointerCast(element, one), all);
    raw = builder_.CreateShl(raw, uint64_t(place * bits));
    word = word ? builder_.CreateOr(word, raw) : raw;
  }
  return word;
}

void Emitter::emitPacks(tt::ElementwiseInlineAsmOp op, unsigned group, unsigned width,
                        llvm::function_ref<LaneIndex(unsigned)> member) {
  unsigned pack = unsigned(op.getPackedElement());
  Values inputs;
  for (mlir::Value operand : op.getArgs()) {
    unsigned bits = bitsOf(operand.getType()), each = elementsPerWord(bits, pack);
    for (unsigned first = 0; first < pack; first += each) {
      Values elements;
      for (unsigned k = first; k < first + each; ++k)
        elements.push_back(toVector(builder_, evaluate(operand, member(k % group)), width));
      inputs.push_back(packWord(elements, bits));
    }
  }
  auto constraints = registerConstraints(op.getConstraints());
  size_t outputs = 0;
  for (mlir::Type type : op.getResultTypes())
    outputs += pack / elementsPerWord(bitsOf(type), pack);
  if (constraints.size() != inputs.size() + outputs)
    return unsupported(*op.getOperation(), "its constraints are not one a register");
  auto words = emitPtx(builder_, op.getAsmString().str(), constraints, inputs, width);
  if (!words) return unsupported(*op.getOperation(), words.error().text());
  size_t next = 0;
  for (mlir::Value result : op.getResults()) {
    unsigned bits = bitsOf(result.getType()), each = elementsPerWord(bits, pack);
    mlir::Type element = tt::elementType(result.getType());
    for (unsigned k = 0; k < group; ++k) {
      llvm::Value* word = (*words)[next + k / each];
      llvm::Value* raw = builder_.CreateZExtOrTrunc(builder_.CreateLShr(word, uint64_t(k % each * bits)),
                                                    vectorOf(builder_.getIntNTy(bits), width));
      llvm::Value* value = builder_.CreateBitOrPointerCast(raw, vectorOf(typeOf(element), width));
      if (mlir::isa<mlir::RankedTensorType>(result.getType()))
        writeTile(slotAddress(result), element, member(k), {value});
      else
        scalars_[result] = value;
    }
    next += pack / each;
  }
}

void Emitter::emitInlineAssembly(tt::ElementwiseInlineAsmOp op) {
  auto pack = int64_t(op.getPackedElement());
  auto tile = mlir::dyn_cast<mlir::RankedTensorType>(op.getResult().front().getType());
  if (!tile) return emitPacks(op, 1, 1, [](unsigned) { return LaneIndex(); });
  int64_t group = std::min(pack, tile.getNumElements()), groups = tile.getNumElements() / group;
  unsigned width = widthFor(groups);
  forEachChunk(groups, groups, width, [&](const LaneIndex& index) {
    emitPacks(op, unsigned(group), width, [&](unsigned number) {
      LaneIndex place;
      place.lanes = {int64_t(number)};
      return group == 1 ? index : indexing_.insert(index, 0, unsigned(llvm::Log2_64(uint64_t(group))), place);
    });
  });
}

} // namespace tuned::cpu
