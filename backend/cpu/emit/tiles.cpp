// Tiles in scratch: dense, row-major, 64-byte aligned.
#include "backend/cpu/emit/emitter.h"
#include "backend/cpu/plan/assignments.h"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Support/MathExtras.h>

namespace tuned::cpu {

llvm::Value* Emitter::scratchAt(int64_t offset) {
  return builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), scratch_, uint64_t(offset));
}

llvm::Value* Emitter::slotAddress(mlir::Value value) {
  if (plan_.home(value) != Plan::Home::Slot) { // a dense constant
    if (!constants_.count(value)) evaluate(value, LaneIndex());
    if (auto found = constants_.find(value); found != constants_.end()) return found->second;
  }
  return scratchAt(plan_.offset(value));
}

namespace {

/// The size of the aligned block of a tile that holds all lanes, a power of two; 0 where that is much more
/// than they are, or the lanes follow each other or are one already. The block is within the tile, whose size
/// is a power of two, too: no field moves its start within it.
unsigned blockOf(const LaneIndex& index) {
  if (index.width() < 4 || patternOf(index.lanes, 1) != Pattern::Other) return 0;
  const int64_t last = *llvm::max_element(index.lanes);
  const unsigned bits = llvm::Log2_64(static_cast<uint64_t>(last)) + 1;
  const bool moved = llvm::any_of(index.fields, [&](const Field& field) { return field.shift < bits; });
  constexpr unsigned most = 4; // elements read for one that is wanted
  return moved || (uint64_t{1} << bits) > uint64_t{most} * index.width() ? 0 : 1U << bits;
}

} // namespace

LaneValue Emitter::readTile(llvm::Value* tile, mlir::Type element, const LaneIndex& index) {
  llvm::Value* first = builder_.CreateGEP(memoryTypeOf(element), tile, indexing_.base(index));
  if (const unsigned block = blockOf(index)) {
    const llvm::SmallVector<int, 16> from(index.lanes.begin(), index.lanes.end());
    return {builder_.CreateShuffleVector(loadElement(first, element, block), from)};
  }
  int64_t size = storageBytes(element);
  llvm::SmallVector<int64_t, 16> offsets;
  for (int64_t lane : index.lanes)
    offsets.push_back(lane * size);
  return load(affine(first, std::move(offsets)), element, std::nullopt, std::nullopt, index.width());
}

LaneValue Emitter::readSlot(mlir::Value value, const LaneIndex& index) {
  mlir::Type element = tt::elementType(value.getType());
  llvm::Value* tile = slotAddress(value);
  // Runs of contiguous or equal integers are read as their first element: loads through them become vector
  // loads.
  auto [contiguity, constancy] = runsAlong(value, index);
  bool runs = contiguity >= int64_t(index.width()) && index.width() > 1;
  if (!runs && !(constancy >= int64_t(index.width()) && index.width() > 1))
    return readTile(tile, element, index);
  LaneIndex first = index;
  first.lanes = {0};
  LaneValue value0 = readTile(tile, element, first);
  if (!runs) return value0;
  int64_t unit = 1;
  if (auto pointer = mlir::dyn_cast<tt::PointerType>(element)) unit = storageBytes(pointer.getPointeeType());
  for (unsigned lane = 0; lane < index.width(); ++lane)
    value0.offsets.push_back(unit * lane);
  return value0;
}

void Emitter::writeTile(llvm::Value* tile, mlir::Type element, const LaneIndex& index,
                        const LaneValue& value) {
  llvm::Value* first = builder_.CreateGEP(memoryTypeOf(element), tile, indexing_.base(index));
  int64_t size = storageBytes(element);
  llvm::SmallVector<int64_t, 16> offsets;
  for (int64_t lane : index.lanes)
    offsets.push_back(lane * size);
  store(affine(first, std::move(offsets)), element, value, std::nullopt, index.width());
}

void Emitter::fillTile(llvm::Value* tile, mlir::Type element, mlir::Value value, Convert convert) {
  auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
  unsigned width = widthFor(type.getNumElements());
  int64_t inner = type.getRank() ? type.getShape().back() : 1;
  forEachChunk(type.getNumElements(), inner, width, [&](const LaneIndex& index) {
    LaneValue lanes = evaluate(value, index);
    if (convert) lanes = {convert(toVector(builder_, lanes, width))};
    writeTile(tile, element, index, lanes);
  });
}

// Stores a tile that the plan gave a slot, at the place of the operation that defines it.
void Emitter::materialise(mlir::Value value) {
  scopes_.push();
  auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
  unsigned width = widthFor(type.getNumElements());
  int64_t inner = type.getRank() ? type.getShape().back() : 1;
  llvm::Value* tile = slotAddress(value);
  forEachChunk(type.getNumElements(), inner, width, [&](const LaneIndex& index) {
    writeTile(tile, type.getElementType(), index, evaluateDefinition(value, index));
  });
  scopes_.pop();
}

void Emitter::assignSlots(mlir::Operation& op, unsigned successor) {
  auto assignments = assignmentsOf(op, plan_, successor);
  unsigned first = successor ? unsigned(assignmentsOf(op, plan_, 0).size()) : 0; // of its temporaries
  auto fill = [&](llvm::Value* tile, mlir::Value source) {
    scopes_.push();
    fillTile(tile, tt::elementType(source.getType()), source);
    scopes_.pop();
  };
  auto temporary = [&](size_t number) { return scratchAt(plan_.temporary(&op, first + unsigned(number))); };
  // Sources that some assignment would spoil are evaluated into temporaries first.
  for (size_t number = 0; number < assignments.size(); ++number)
    if (needsTemporary(assignments, number, plan_)) fill(temporary(number), assignments[number].source);
  for (auto [number, assignment] : llvm::enumerate(assignments)) {
    auto [target, source] = assignment;
    if (needsTemporary(assignments, number, plan_)) {
      auto type = mlir::cast<mlir::RankedTensorType>(target.getType());
      int64_t bytes = type.getNumElements() * storageBytes(type.getElementType());
      builder_.CreateMemCpy(slotAddress(target), llvm::Align(64), temporary(number), llvm::Align(64),
                            uint64_t(bytes));
    } else if (plan_.home(source) != Plan::Home::Slot || !plan_.sameSlot(source, target)) {
      fill(slotAddress(target), source);
    }
  }
}

} // namespace tuned::cpu
