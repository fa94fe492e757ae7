// Loads and stores through vectors of pointers. A masked-off address is never touched: it is replaced by one
// of ours.
#include "backend/cpu/emit/emitter.h"
#include "backend/cpu/run/host.h"
#include "backend/cpu/run/memory.h"

#include <mlir/IR/Matchers.h>

namespace tuned::cpu {
namespace {

bool dependsOn(mlir::Value value, mlir::scf::ForOp loop) {
  llvm::SmallVector<mlir::Value> left = {value};
  llvm::DenseSet<mlir::Value> seen = {value};
  while (!left.empty()) {
    mlir::Value next = left.pop_back_val();
    if (next.getParentBlock() != loop.getBody()) continue;
    mlir::Operation* op = next.getDefiningOp();
    if (!op) return true;
    for (mlir::Value operand : op->getOperands())
      if (seen.insert(operand).second) left.push_back(operand);
  }
  return false;
}

// Is what the store writes left alone by the rest of the kernel, the loop's other rounds among it?
bool writesForOthers(tt::StoreOp op) {
  auto loop = mlir::dyn_cast<mlir::scf::ForOp>(op->getParentOp());
  if (!loop) return mlir::isa<tt::FuncOp>(op->getParentOp());
  if (!mlir::isa<tt::FuncOp>(loop->getParentOp()) || !dependsOn(op.getPtr(), loop)) return false;
  auto written = tt::memoryAccess(op);
  auto walked = loop->getParentRegion()->walk([&](mlir::Operation* other) {
    auto access = other == op ? std::nullopt : tt::memoryAccess(other);
    bool touches = access && (!access->address || tt::mayOverlap(*access, *written));
    return touches ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
  });
  return !walked.wasInterrupted();
}

} // namespace

llvm::Value* Emitter::loadElement(llvm::Value* address, mlir::Type element, unsigned width) {
  llvm::Align align{uint64_t(storageBytes(element))};
  llvm::Value* value = builder_.CreateAlignedLoad(vectorOf(memoryTypeOf(element), width), address, align);
  if (!element.isInteger(1)) return value;
  return builder_.CreateICmpNE(value, llvm::Constant::getNullValue(value->getType()));
}

void Emitter::storeElement(llvm::Value* address, llvm::Value* value, mlir::Type element) {
  if (element.isInteger(1))
    value = builder_.CreateZExt(value, vectorOf(builder_.getInt8Ty(), widthOf(value)));
  builder_.CreateAlignedStore(value, address, llvm::Align(uint64_t(storageBytes(element))));
}

llvm::Value* Emitter::maskVector(const std::optional<LaneValue>& mask, unsigned width) {
  return mask ? toVector(builder_, *mask, width) : splat(builder_, builder_.getTrue(), width);
}

LaneValue Emitter::load(const LaneValue& pointer, mlir::Type element, std::optional<LaneValue> mask,
                        std::optional<LaneValue> other, unsigned width) {
  auto choose = [&](llvm::Value* loaded) -> LaneValue {
    if (!mask || !other) return {loaded};
    bool scalars = !loaded->getType()->isVectorTy() && mask->isUniform() && other->isUniform();
    if (scalars) return {builder_.CreateSelect(mask->value, loaded, other->value)};
    llvm::Value* vector = loaded->getType()->isVectorTy() ? loaded : splat(builder_, loaded, width);
    return {
        builder_.CreateSelect(toVector(builder_, *mask, width), vector, toVector(builder_, *other, width))};
  };
  if (pointer.isUniform()) {
    llvm::Value* any = !mask               ? nullptr
                       : mask->isUniform() ? mask->value
                                           : builder_.CreateOrReduce(toVector(builder_, *mask, width));
    return choose(
        loadElement(any ? builder_.CreateSelect(any, pointer.value, zeros_) : pointer.value, element));
  }
  int64_t size = storageBytes(element);
  Pattern pattern = pointer.isVector() ? Pattern::Other : patternOf(pointer.offsets, size);
  bool contiguous = pattern == Pattern::Contiguous;
  auto firstAddress = [&] {
    return builder_.CreatePtrAdd(pointer.value, builder_.getInt64(uint64_t(pointer.offset(0))));
  };
  if (contiguous && !mask) return {loadElement(firstAddress(), element, width)};
  bool native = (size >= 4 && host().vectorBytes >= 32) || host().vectorBytes == 64;
  if (contiguous && native && !element.isInteger(1)) {
    llvm::Type* type = vectorOf(typeOf(element), width);
    llvm::Value* fill = other ? toVector(builder_, *other, width) : llvm::Constant::getNullValue(type);
    return {builder_.CreateMaskedLoad(type, firstAddress(), llvm::Align(uint64_t(size)),
                                      maskVector(mask, width), fill)};
  }
  if (mask && mask->isUniform()) { // all lanes or none
    LaneValue safe =
        pointer.isVector()
            ? LaneValue{builder_.CreateSelect(mask->value, pointer.value, splat(builder_, zeros_, width))}
            : LaneValue{toVector(builder_, pointer, width)};
    if (!pointer.isVector())
      safe.value = builder_.CreateSelect(mask->value, safe.value, splat(builder_, zeros_, width));
    Values lanes;
    for (unsigned l = 0; l < width; ++l)
      lanes.push_back(loadElement(lane(builder_, safe.value, l), element));
    return choose(gatherLanes(builder_, lanes));
  }
  Values lanes;
  llvm::Value* safe = nullptr;
  if (pointer.isVector() || mask) {
    safe = toVector(builder_, pointer, width);
    if (mask) safe = builder_.CreateSelect(maskVector(mask, width), safe, splat(builder_, zeros_, width));
  }
  for (unsigned l = 0; l < width; ++l) {
    llvm::Value* address =
        safe ? lane(builder_, safe, l)
             : builder_.CreatePtrAdd(pointer.value, builder_.getInt64(uint64_t(pointer.offset(l))));
    lanes.push_back(loadElement(address, element));
  }
  return choose(gatherLanes(builder_, lanes));
}

void Emitter::store(const LaneValue& pointer, mlir::Type element, const LaneValue& value,
                    std::optional<LaneValue> mask, unsigned width) {
  int64_t size = storageBytes(element);
  bool affinePointer = !pointer.isVector() && width > 1;
  bool contiguous =
      affinePointer && patternOf(pointer.offsets.empty() ? llvm::ArrayRef<int64_t>{0, 0}
                                                         : llvm::ArrayRef<int64_t>(pointer.offsets),
                                 size) == Pattern::Contiguous;
  auto addressOf = [&](unsigned l) {
    return builder_.CreatePtrAdd(pointer.value, builder_.getInt64(uint64_t(pointer.offset(l))));
  };
  if (contiguous && !mask) return storeElement(addressOf(0), toVector(builder_, value, width), element);
  bool native = (size >= 4 && host().vectorBytes >= 32) || host().vectorBytes == 64;
  if (contiguous && native && !element.isInteger(1)) {
    builder_.CreateMaskedStore(toVector(builder_, value, width), addressOf(0), llvm::Align(uint64_t(size)),
                               maskVector(mask, width));
    return;
  }
  llvm::Value* vector = toVector(builder_, value, width);
  llvm::Value* safe = nullptr;
  if (mask) {
    llvm::Value* condition = maskVector(mask, width);
    safe =
        builder_.CreateSelect(condition, toVector(builder_, pointer, width), splat(builder_, trash_, width));
  } else if (pointer.isVector()) {
    safe = pointer.value;
  }
  for (unsigned l = 0; l < width; ++l)
    storeElement(safe ? lane(builder_, safe, l) : addressOf(l), lane(builder_, vector, l), element);
}

// In the fast twin of a loop's body, adds `condition` to those under which the twin runs.
bool Emitter::assume(llvm::function_ref<llvm::Value*()> condition) {
  unsigned top = scopes_.top();
  if (!scopes_.at(top).fast || scopes_.clamp(~0u) != top) return false;
  llvm::Value*& all = *scopes_.at(top).fast;
  Scopes::Enter enter(scopes_, top - 1);
  llvm::Value* one = condition();
  if (!one) return false;
  all = all ? builder_.CreateAnd(all, one) : one;
  return true;
}

std::optional<LaneValue> Emitter::evaluateMask(mlir::Value mask, const LaneIndex& index) {
  mlir::Attribute known;
  if (mlir::matchPattern(mask, mlir::m_Constant(&known)))
    if (auto dense = mlir::dyn_cast<mlir::DenseElementsAttr>(known); dense && dense.isSplat())
      if (dense.getSplatValue<bool>()) return std::nullopt;
  if (assume([&] { return allTrue(mask, index); })) return std::nullopt;
  return evaluate(mask, index);
}

// A scalar that is true only if the mask is true on all lanes; null where only the lanes themselves can tell.
llvm::Value* Emitter::allTrue(mlir::Value mask, const LaneIndex& index) {
  mlir::Operation* op = mask.getDefiningOp();
  if (!mlir::isa<mlir::RankedTensorType>(mask.getType())) return scalar(mask);
  if (!op || plan_.home(mask) != Plan::Home::Virtual) return nullptr;
  if (auto splatOp = mlir::dyn_cast<tt::SplatOp>(op)) return scalar(splatOp.getSrc());
  if (mlir::isa<tt::BroadcastOp, tt::ExpandDimsOp, tt::ReshapeOp, tt::TransOp>(op))
    return allTrue(op->getOperand(0), viewIndex(*op, mask, index));
  if (mlir::isa<mlir::arith::AndIOp>(op)) {
    llvm::Value* left = allTrue(op->getOperand(0), index);
    llvm::Value* right = left ? allTrue(op->getOperand(1), index) : nullptr;
    return right ? builder_.CreateAnd(left, right) : nullptr;
  }
  if (auto compare = mlir::dyn_cast<mlir::arith::CmpIOp>(op)) return compareExtremes(compare, index);
  LaneValue value = evaluate(mask, index);
  return value.isUniform() ? value.value : nullptr;
}

// range < bound holds on all lanes if it does on the largest and no lane wraps.
llvm::Value* Emitter::compareExtremes(mlir::arith::CmpIOp op, const LaneIndex& index) {
  LaneValue left = evaluate(op.getLhs(), index), right = evaluate(op.getRhs(), index);
  if (left.isVector() || right.isVector() || !left.value->getType()->isIntegerTy()) return nullptr;
  using Predicate = mlir::arith::CmpIPredicate;
  Predicate predicate = op.getPredicate();
  bool less = predicate == Predicate::slt || predicate == Predicate::sle;
  bool greater = predicate == Predicate::sgt || predicate == Predicate::sge;
  bool strict = predicate == Predicate::slt || predicate == Predicate::sgt;
  if (left.isUniform() && right.isUniform()) return apply(*op.getOperation(), {left.value, right.value})[0];
  if (!less && !greater) return nullptr;
  bool leftFits = neverWraps(op.getLhs(), left, index), rightFits = neverWraps(op.getRhs(), right, index);
  if (leftFits) left = fromFirstLane(left);
  if (rightFits) right = fromFirstLane(right);
  auto extreme = [&](const LaneValue& value, bool largest) -> llvm::Value* {
    int64_t offset = 0;
    if (!value.offsets.empty())
      offset = largest ? *llvm::max_element(value.offsets) : *llvm::min_element(value.offsets);
    return builder_.CreateAdd(builder_.CreateSExt(value.value, builder_.getInt64Ty()),
                              builder_.getInt64(uint64_t(offset)));
  };
  llvm::Value* low = less ? extreme(left, true) : extreme(right, true);
  llvm::Value* high = less ? extreme(right, false) : extreme(left, false);
  llvm::Value* holds = strict ? builder_.CreateICmpSLT(low, high) : builder_.CreateICmpSLE(low, high);
  if (!leftFits) holds = builder_.CreateAnd(holds, fitsType(left));
  return rightFits ? holds : builder_.CreateAnd(holds, fitsType(right));
}

LaneValue Emitter::evaluateLoad(tt::LoadOp op, const LaneIndex& index) {
  LaneValue pointer = evaluate(op.getPtr(), index);
  std::optional<LaneValue> mask, other;
  if (op.getMask()) {
    mask = mlir::isa<mlir::RankedTensorType>(op.getMask().getType()) ? evaluateMask(op.getMask(), index)
                                                                     : LaneValue{scalar(op.getMask())};
    if (mask && op.getOther()) other = evaluate(op.getOther(), index);
  }
  return load(pointer, tt::elementType(op.getResult().getType()), mask, other, index.width());
}

void Emitter::emitStore(tt::StoreOp op) {
  mlir::Type element = tt::elementType(op.getValue().getType());
  auto type = mlir::dyn_cast<mlir::RankedTensorType>(op.getValue().getType());
  if (!type) {
    std::optional<LaneValue> mask;
    if (op.getMask()) mask = LaneValue{scalar(op.getMask())};
    return store({scalar(op.getPtr())}, element, {scalar(op.getValue())}, mask, 1);
  }
  if (!mayStream(op)) return emitStoreLoop(op);
  llvm::Value* large =
      builder_.CreateICmpSGT(bytesOfLaunch(op), builder_.getInt64(uint64_t(lastLevelCacheBytes())));
  llvm::BasicBlock *past = newBlock("stream"), *through = newBlock("cached"), *after = newBlock("after");
  builder_.CreateCondBr(large, past, through);
  for (llvm::BasicBlock* block : {past, through}) {
    builder_.SetInsertPoint(block);
    scopes_.push();
    streaming_ = block == past;
    emitStoreLoop(op);
    scopes_.pop();
    builder_.CreateBr(after);
  }
  streaming_ = false;
  streamed_ = true;
  builder_.SetInsertPoint(after);
}

// What the store writes in a launch, if all instances go as often around its loop as this one.
llvm::Value* Emitter::bytesOfLaunch(tt::StoreOp op) {
  auto type = mlir::cast<mlir::RankedTensorType>(op.getValue().getType());
  const int64_t once = type.getNumElements() * storageBytes(type.getElementType());
  llvm::Value* bytes = builder_.CreateMul(programs_, builder_.getInt64(uint64_t(once)));
  auto loop = mlir::dyn_cast<mlir::scf::ForOp>(op->getParentOp());
  mlir::Attribute step;
  if (!loop || !mlir::matchPattern(loop.getStep(), mlir::m_Constant(&step))) return bytes;
  const int64_t stride = mlir::cast<mlir::IntegerAttr>(step).getInt();
  if (stride < 1) return bytes;
  auto wide = [&](mlir::Value bound) { return builder_.CreateSExt(scalar(bound), builder_.getInt64Ty()); };
  llvm::Value* rounds =
      builder_.CreateSDiv(builder_.CreateSub(wide(loop.getUpperBound()), wide(loop.getLowerBound())),
                          builder_.getInt64(uint64_t(stride)));
  return builder_.CreateMul(bytes, rounds);
}

// What a launch writes once and in order is not worth room in the caches if it is larger than they are. Only
// for cheap stores, in a loop around all of the kernel at most: their code is emitted twice.
bool Emitter::mayStream(tt::StoreOp op) {
  auto type = mlir::cast<mlir::RankedTensorType>(op.getValue().getType());
  unsigned width = widthFor(type.getNumElements());
  int64_t size = storageBytes(type.getElementType());
  const tt::AxisInfo& pointers = facts_.of(op.getPtr());
  return writesForOthers(op) && size * width >= host().vectorBytes && pointers.rank() > 0 &&
         pointers.contiguity.back() >= int64_t(width) && type.getNumElements() >= 4 * width &&
         pending_.count(op) == 0 && plan_.cost(op.getValue()) <= 40;
}

void Emitter::emitStoreLoop(tt::StoreOp op) {
  auto type = mlir::cast<mlir::RankedTensorType>(op.getValue().getType());
  unsigned width = widthFor(type.getNumElements());
  int64_t inner = type.getRank() ? type.getShape().back() : 1;
  forEachChunk(type.getNumElements(), inner, width, [&](const LaneIndex& index) {
    bool aligned = streaming_ && assume([&]() -> llvm::Value* {
                     LaneValue pointer = evaluate(op.getPtr(), index);
                     if (pointer.isVector() || pointer.offset(0) != 0) return nullptr;
                     llvm::Value* address = builder_.CreatePtrToInt(pointer.value, builder_.getInt64Ty());
                     return builder_.CreateICmpEQ(builder_.CreateAnd(address, 15), builder_.getInt64(0));
                   });
    LaneValue pointer = evaluate(op.getPtr(), index);
    std::optional<LaneValue> mask;
    if (op.getMask()) mask = evaluateMask(op.getMask(), index);
    LaneValue value = evaluate(op.getValue(), index);
    if (!aligned || mask) return store(pointer, type.getElementType(), value, mask, width);
    auto* stored =
        builder_.CreateAlignedStore(toVector(builder_, value, width), pointer.value, llvm::Align(16));
    llvm::Metadata* one = llvm::ConstantAsMetadata::get(builder_.getInt32(1));
    stored->setMetadata(llvm::LLVMContext::MD_nontemporal, llvm::MDNode::get(context_, one));
  });
}

} // namespace tuned::cpu
