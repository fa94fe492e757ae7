#include "backend/cpu/emit/lanes.h"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>

namespace tuned::cpu {

unsigned LaneIndex::level() const {
  unsigned level = 0;
  for (const Field& field : fields)
    level = std::max(level, field.level);
  return level;
}

LaneIndex LaneIndex::consecutive(unsigned width, int64_t first) {
  LaneIndex index;
  index.lanes.clear();
  for (unsigned lane = 0; lane < width; ++lane)
    index.lanes.push_back(first + lane);
  return index;
}

Pattern patternOf(llvm::ArrayRef<int64_t> offsets, int64_t unit) {
  if (llvm::all_of(offsets, [&](int64_t offset) { return offset == offsets.front(); }))
    return Pattern::Uniform;
  for (size_t lane = 0; lane < offsets.size(); ++lane)
    if (offsets[lane] != offsets[0] + int64_t(lane) * unit) return Pattern::Other;
  return Pattern::Contiguous;
}

LaneValue affine(llvm::Value* value, llvm::SmallVector<int64_t, 16> offsets) {
  if (llvm::all_of(offsets, [](int64_t offset) { return offset == 0; })) offsets.clear();
  return {value, std::move(offsets)};
}

llvm::Type* vectorOf(llvm::Type* element, unsigned width) {
  return width == 1 ? element : llvm::FixedVectorType::get(element, width);
}

llvm::Value* splat(llvm::IRBuilderBase& builder, llvm::Value* scalar, unsigned width) {
  return width == 1 ? scalar : builder.CreateVectorSplat(width, scalar);
}

llvm::Value* toVector(llvm::IRBuilderBase& builder, const LaneValue& value, unsigned width) {
  if (value.isVector()) return value.value;
  llvm::Value* vector = splat(builder, value.value, width);
  if (value.offsets.empty()) return vector;
  bool pointer = value.value->getType()->isPointerTy();
  llvm::Type* integer = pointer ? builder.getInt64Ty() : value.value->getType();
  llvm::SmallVector<llvm::Constant*, 16> constants;
  for (int64_t offset : value.offsets)
    constants.push_back(llvm::ConstantInt::get(integer, uint64_t(offset), true, true));
  llvm::Value* offsets = width == 1 ? constants[0] : llvm::ConstantVector::get(constants);
  return pointer ? builder.CreateGEP(builder.getInt8Ty(), vector, offsets)
                 : builder.CreateAdd(vector, offsets);
}

llvm::Value* lane(llvm::IRBuilderBase& builder, llvm::Value* vector, unsigned lane) {
  return vector->getType()->isVectorTy() ? builder.CreateExtractElement(vector, uint64_t(lane)) : vector;
}

llvm::Value* gatherLanes(llvm::IRBuilderBase& builder, llvm::ArrayRef<llvm::Value*> scalars) {
  if (scalars.size() == 1) return scalars[0];
  llvm::Value* vector = llvm::PoisonValue::get(vectorOf(scalars[0]->getType(), scalars.size()));
  for (auto [lane, scalar] : llvm::enumerate(scalars))
    vector = builder.CreateInsertElement(vector, scalar, uint64_t(lane));
  return vector;
}

} // namespace tuned::cpu
