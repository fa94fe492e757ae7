#include "backend/nvptx/lowering/exchange/warp_parts.h"

#include "backend/gpu/layout/constructors.h"

namespace tuned::nvptx {
namespace {

unsigned memoryBytes(mlir::Type type) {
  return std::max(8u, tt::elementBits(tt::elementType(type))) / 8;
}

} // namespace

WarpParts::WarpParts(const LinearLayout& layout, unsigned axis) : result(slice(layout, axis)) {
  for (uint32_t vector : layout.warps) {
    bool along = layout.coordinate(vector, axis) != 0;
    numbers.push_back(along ? parts : 0);
    if (along) parts *= 2;
  }
}

bool WarpParts::lanesDiffer() const {
  return llvm::any_of(result.lanes, [](uint32_t vector) { return vector != 0; });
}

uint32_t WarpParts::areaBytes(mlir::Type type) const {
  return llvm::alignTo<16>(result.elements() * parts * memoryBytes(type));
}

uint32_t WarpParts::scratchBytes(mlir::ValueRange sources) const {
  uint32_t bytes = 0;
  for (mlir::Value source : sources)
    bytes += areaBytes(source.getType());
  return parts == 1 ? 0 : bytes;
}

std::vector<llvm::Value*> WarpParts::areas(Emitter& e, mlir::Operation& op, mlir::ValueRange sources) const {
  llvm::Value* memory = e.scratch(op);
  std::vector<llvm::Value*> areas;
  uint32_t offset = 0;
  for (mlir::Value source : sources) {
    areas.push_back(e.builder.CreateConstInBoundsGEP1_32(e.builder.getInt8Ty(), memory, offset));
    offset += areaBytes(source.getType());
  }
  return areas;
}

/// Address of the first part of register r's result.
llvm::Value* WarpParts::place(Emitter& e, llvm::Value* area, uint32_t r, unsigned bytes,
                              llvm::Value* extra) const {
  Bases lanes = result.lanes, warps = result.warps;
  uint32_t mask = 0, scale = parts * bytes;
  for (Bases* bases : {&lanes, &warps})
    for (uint32_t& vector : *bases)
      mask |= vector *= scale;
  llvm::Value* offset = e.xorConstant(e.linear(lanes, warps), mask, combine(result.registers, r) * scale);
  if (extra) offset = e.builder.CreateAdd(offset, extra);
  return e.builder.CreateInBoundsGEP(e.builder.getInt8Ty(), area, offset);
}

void WarpParts::write(Emitter& e, llvm::Value* area, uint32_t r, llvm::Value* value) const {
  auto bytes = static_cast<unsigned>(e.module.getDataLayout().getTypeStoreSize(value->getType()));
  Bases scaled = numbers;
  for (uint32_t& vector : scaled)
    vector *= bytes;
  e.builder.CreateAlignedStore(value, place(e, area, r, bytes, e.linear({}, scaled)), llvm::Align(bytes));
}

llvm::Value* WarpParts::readOne(Emitter& e, llvm::Value* area, uint32_t r, mlir::Type type,
                                llvm::Value* number) const {
  unsigned bytes = e.bytes(type);
  llvm::Value* pointer = place(e, area, r, bytes, e.builder.CreateMul(number, e.builder.getInt32(bytes)));
  return e.fromMemory(e.builder.CreateAlignedLoad(e.memoryType(type), pointer, llvm::Align(bytes)), type);
}

Registers WarpParts::read(Emitter& e, llvm::Value* area, uint32_t r, mlir::Type type) const {
  auto& b = e.builder;
  unsigned bytes = e.bytes(type), vector = std::min(parts, 16 / bytes);
  auto* vectorType = llvm::FixedVectorType::get(e.memoryType(type), vector);
  llvm::Value* first = place(e, area, r, bytes, nullptr);
  Registers values;
  for (unsigned part = 0; part < parts; part += vector) {
    llvm::Value* pointer = b.CreateConstInBoundsGEP1_32(b.getInt8Ty(), first, part * bytes);
    llvm::Value* loaded = b.CreateAlignedLoad(vectorType, pointer, llvm::Align(vector * bytes));
    for (uint64_t i = 0; i < vector; ++i)
      values.push_back(e.fromMemory(b.CreateExtractElement(loaded, i), type));
  }
  return values;
}

} // namespace tuned::nvptx
