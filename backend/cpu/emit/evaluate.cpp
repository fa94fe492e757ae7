// The elements of a tile at given places, from the operations that define it.
#include "backend/cpu/emit/emitter.h"

#include <llvm/ADT/TypeSwitch.h>
#include <llvm/Analysis/ValueTracking.h>
#include <mlir/Dialect/UB/IR/UBOps.h>
#include <mlir/IR/Matchers.h>

namespace tuned::cpu {
namespace {

llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return tt::shapeOf(value.getType());
}

} // namespace

LaneValue Emitter::evaluate(mlir::Value value, const LaneIndex& index) {
  if (!mlir::isa<mlir::RankedTensorType>(value.getType())) return {scalar(value)};
  // One value for all lanes belongs to the outermost loop that it depends on; vectors stay in the body, where
  // it is known which masks hold.
  bool uniform = patternOf(index.lanes, 1) == Pattern::Uniform;
  unsigned level = scopes_.clamp(uniform ? index.level() : ~0u);
  for (int known = int(level); known >= 0; --known) {
    auto found = scopes_.at(known).values.find(value);
    if (found == scopes_.at(known).values.end()) continue;
    for (auto& [at, result] : found->second)
      if (at == index) return result;
  }
  Scopes::Enter enter(scopes_, level);
  LaneValue result = evaluateFresh(value, index);
  scopes_.at(level).values[value].push_back({index, result});
  return result;
}

llvm::Value* Emitter::evaluateVector(mlir::Value value, const LaneIndex& index) {
  return toVector(builder_, evaluate(value, index), index.width());
}

LaneValue Emitter::evaluateFresh(mlir::Value value, const LaneIndex& index) {
  switch (plan_.home(value)) {
  case Plan::Home::Slot:
    if (unfilled_.contains(value)) { // by the loop that we are in
      LaneValue lanes = evaluateDefinition(value, index);
      writeTile(slotAddress(value), tt::elementType(value.getType()), index, lanes);
      return lanes;
    }
    return readSlot(value, index);
  case Plan::Home::Carried:
    return evaluateCarried(value, index);
  case Plan::Home::Virtual:
    break;
  }
  return evaluateDefinition(value, index);
}

LaneValue Emitter::evaluateDefinition(mlir::Value value, const LaneIndex& index) {
  mlir::Operation& op = *value.getDefiningOp();
  return llvm::TypeSwitch<mlir::Operation&, LaneValue>(op)
      .Case<mlir::arith::ConstantOp>([&](mlir::arith::ConstantOp constantOp) -> LaneValue {
        mlir::Type element = tt::elementType(constantOp.getType());
        auto dense = mlir::cast<mlir::DenseElementsAttr>(constantOp.getValue());
        if (dense.isSplat()) return {constant(element, dense.getSplatValue<mlir::Attribute>())};
        llvm::Value*& tile = constants_[constantOp.getResult()];
        if (!tile) {
          std::vector<llvm::Constant*> elements;
          for (mlir::Attribute attribute : dense.getValues<mlir::Attribute>()) {
            llvm::Constant* one = constant(element, attribute);
            elements.push_back(element.isInteger(1) ? builder_.getInt8(one->isOneValue()) : one);
          }
          auto* type = llvm::ArrayType::get(memoryTypeOf(element), elements.size());
          tile = new llvm::GlobalVariable(module_, type, true, llvm::GlobalValue::PrivateLinkage,
                                          llvm::ConstantArray::get(type, elements));
        }
        return readTile(tile, element, index);
      })
      .Case<mlir::ub::PoisonOp>([&](auto) -> LaneValue {
        return {llvm::Constant::getNullValue(typeOf(tt::elementType(value.getType())))};
      })
      .Case<tt::MakeRangeOp>([&](tt::MakeRangeOp range) {
        LaneValue places = indexing_.places(index, builder_.getInt32Ty());
        places.value = builder_.CreateAdd(places.value, builder_.getInt32(range.getStart()));
        return places;
      })
      .Case<tt::SplatOp>([&](tt::SplatOp splat) { return LaneValue{scalar(splat.getSrc())}; })
      .Case<tt::ExpandDimsOp, tt::ReshapeOp, tt::BroadcastOp, tt::TransOp, tt::SplitOp>(
          [&](auto view) { return evaluate(view.getSrc(), viewIndex(op, value, index)); })
      .Case<tt::LoadOp>([&](tt::LoadOp load) { return evaluateLoad(load, index); })
      .Case<tt::DescriptorLoadOp, tt::DescriptorGatherOp>(
          [&](auto) { return evaluateDescriptorLoad(op, index); })
      .Case<tt::GatherOp>([&](tt::GatherOp gather) { return evaluateGather(gather, index); })
      .Default([&](mlir::Operation&) { return evaluateElementwise(op, index); });
}

LaneIndex Emitter::viewIndex(mlir::Operation& op, mlir::Value result, const LaneIndex& index) {
  if (mlir::isa<tt::BroadcastOp>(op))
    return indexing_.throughBroadcast(index, shapeOf(op.getOperand(0)), shapeOf(result));
  if (auto transpose = mlir::dyn_cast<tt::TransOp>(op))
    return indexing_.throughTranspose(index, shapeOf(op.getOperand(0)), transpose.getOrder());
  if (auto split = mlir::dyn_cast<tt::SplitOp>(op)) {
    LaneIndex half;
    half.lanes = {result == split.getOutRHS()};
    return indexing_.insert(index, 0, 1, half);
  }
  return index;
}

// A tile that a loop carries: where it started, plus what was added to all of it since.
LaneValue Emitter::evaluateCarried(mlir::Value value, const LaneIndex& index) {
  LaneValue start = evaluate(plan_.carriedFrom(value), index);
  auto found = carriedOffsets_.find(value);
  if (found == carriedOffsets_.end()) return start;
  llvm::Value* offset = found->second;
  auto pointer = mlir::dyn_cast<tt::PointerType>(tt::elementType(value.getType()));
  if (!pointer) {
    if (start.isVector()) return {builder_.CreateAdd(start.value, splat(builder_, offset, index.width()))};
    return {builder_.CreateAdd(start.value, offset), start.offsets};
  }
  llvm::Type* element = builder_.getIntNTy(unsigned(storageBytes(pointer.getPointeeType()) * 8));
  llvm::Value* moved = start.isVector()
                           ? builder_.CreateGEP(element, start.value, splat(builder_, offset, index.width()))
                           : builder_.CreateGEP(element, start.value, offset);
  return {moved, start.offsets};
}

LaneValue Emitter::evaluateElementwise(mlir::Operation& op, const LaneIndex& index) {
  llvm::SmallVector<LaneValue, 3> operands;
  for (mlir::Value operand : op.getOperands())
    operands.push_back(evaluate(operand, index));
  if (auto known = evaluateAffine(op, operands, index)) return *known;
  if (llvm::Value* quotient = divideByOne(op, operands, index)) return {quotient};
  bool uniform = llvm::all_of(operands, [](const LaneValue& operand) { return operand.isUniform(); });
  Values vectors;
  for (const LaneValue& operand : operands)
    vectors.push_back(uniform ? operand.value : toVector(builder_, operand, index.width()));
  return {apply(op, vectors)[0]};
}

// f32 divided by the same number on all lanes: times its reciprocal, which is within the two units in the
// last place that the dialect leaves a plain division. Only in a loop's fast twin, where that number is known
// to have a reciprocal that is neither infinite nor subnormal.
llvm::Value* Emitter::divideByOne(mlir::Operation& op, llvm::ArrayRef<LaneValue> operands,
                                  const LaneIndex& index) {
  if (!mlir::isa<mlir::arith::DivFOp>(op) || !tt::elementType(op.getResult(0).getType()).isF32())
    return nullptr;
  bool rounds = !builder_.getFastMathFlags().allowContract();
  if (rounds || operands[0].isUniform() || !operands[1].isUniform()) return nullptr;
  bool known = assume([&]() -> llvm::Value* {
    LaneValue divisor = evaluate(op.getOperand(1), index);
    if (!divisor.isUniform()) return nullptr;
    llvm::Value* bits = builder_.CreateBitCast(divisor.value, builder_.getInt32Ty());
    llvm::Value* exponent = builder_.CreateAnd(builder_.CreateLShr(bits, 23), 0xff);
    return builder_.CreateICmpULT(builder_.CreateSub(exponent, builder_.getInt32(1)), builder_.getInt32(252));
  });
  if (!known) return nullptr;
  llvm::Constant* one = llvm::ConstantFP::get(builder_.getFloatTy(), 1);
  llvm::Value* reciprocal = builder_.CreateFDiv(one, operands[1].value); // the loop's invariant
  return builder_.CreateFMul(operands[0].value, splat(builder_, reciprocal, index.width()));
}

// Integers and pointers that differ from lane to lane by constants stay one scalar and these constants. Sums
// wrap in the integer's own type, so that offsets count modulo two to its width.
std::optional<LaneValue> Emitter::evaluateAffine(mlir::Operation& op, llvm::ArrayRef<LaneValue> operands,
                                                 const LaneIndex& index) {
  if (!llvm::all_of(operands, [](const LaneValue& operand) { return operand.isAffine(); }))
    return std::nullopt;
  if (llvm::all_of(operands, [](const LaneValue& operand) { return operand.isUniform(); }))
    return std::nullopt;
  const LaneValue& a = operands[0];
  if (mlir::isa<mlir::arith::ExtSIOp>(op))
    return widenRun(op.getOperand(0), index, typeOf(tt::elementType(op.getResult(0).getType())));
  if (operands.size() != 2) return std::nullopt;
  const LaneValue& b = operands[1];
  if (auto add = mlir::dyn_cast<tt::AddPtrOp>(op)) return addOffsets(add, a, b, index);
  auto combined = [&](llvm::Value* value, llvm::function_ref<uint64_t(unsigned)> offset) {
    unsigned bits = value->getType()->getIntegerBitWidth();
    llvm::SmallVector<int64_t, 16> offsets;
    for (unsigned lane = 0; lane < index.width(); ++lane)
      offsets.push_back(llvm::SignExtend64(offset(lane), std::min(bits, 64u)));
    return affine(value, std::move(offsets));
  };
  auto at = [](const LaneValue& value, unsigned lane) { return uint64_t(value.offset(lane)); };
  if (mlir::isa<mlir::arith::AddIOp>(op))
    return combined(builder_.CreateAdd(a.value, b.value),
                    [&](unsigned lane) { return at(a, lane) + at(b, lane); });
  if (mlir::isa<mlir::arith::SubIOp>(op))
    return combined(builder_.CreateSub(a.value, b.value),
                    [&](unsigned lane) { return at(a, lane) - at(b, lane); });
  if (mlir::isa<mlir::arith::MulIOp>(op)) {
    const LaneValue& factor = b.isUniform() ? b : a;
    const LaneValue& other = b.isUniform() ? a : b;
    auto* known = llvm::dyn_cast<llvm::ConstantInt>(factor.value);
    if (!factor.isUniform() || !known || known->getBitWidth() > 64) return std::nullopt;
    return combined(builder_.CreateMul(other.value, factor.value),
                    [&](unsigned lane) { return at(other, lane) * uint64_t(known->getSExtValue()); });
  }
  // Remainders and quotients of runs that the analysis proves contiguous or constant.
  bool quotient = mlir::isa<mlir::arith::DivSIOp, mlir::arith::DivUIOp>(op);
  if (!quotient && !mlir::isa<mlir::arith::RemSIOp, mlir::arith::RemUIOp>(op)) return std::nullopt;
  if (!b.isUniform() || patternOf(a.offsets, 1) != Pattern::Contiguous || a.offset(0) != 0)
    return std::nullopt;
  auto [contiguity, constancy] = runsAlong(op.getResult(0), index);
  if ((quotient ? constancy : contiguity) < int64_t(index.width())) return std::nullopt;
  llvm::Value* first = apply(op, {a.value, b.value})[0];
  if (quotient) return LaneValue{first};
  return LaneValue{first, a.offsets};
}

// How far the analysis proves the values at `index`, from its first lane on, to rise by one, and to be equal.
// Nothing is known of lanes that do not follow each other along the last dimension.
std::pair<int64_t, int64_t> Emitter::runsAlong(mlir::Value tile, const LaneIndex& index) const {
  const tt::AxisInfo& facts = facts_.of(tile);
  bool inOrder = facts.rank() == shapeOf(tile).size() && facts.rank() > 0 && index.width() > 1 &&
                 patternOf(index.lanes, 1) == Pattern::Contiguous && index.lanes[0] == 0;
  if (!inOrder) return {1, 1};
  return {facts.contiguity.back(), facts.constancy.back()};
}

// Is scalar + offset, widened as a whole, what each lane is? Proven where the values' bounds leave no room
// for a difference of two to the width, and for runs that start at a multiple of their length.
bool Emitter::neverWraps(mlir::Value tile, const LaneValue& lanes, const LaneIndex& index) const {
  if (lanes.isUniform()) return true;
  unsigned bits = lanes.value->getType()->getIntegerBitWidth();
  if (bits < 2 || bits > 32) return false;
  const tt::AxisInfo& facts = facts_.of(tile);
  bool aligned = patternOf(lanes.offsets, 1) == Pattern::Contiguous &&
                 runsAlong(tile, index).first >= int64_t(index.width()) &&
                 facts.divisorAt(facts.rank() - 1, index.width()) >= int64_t(index.width()) &&
                 uint64_t(index.width()) <= uint64_t(1) << (bits - 1);
  if (aligned) return true;
  int64_t half = int64_t(1) << (bits - 1);
  int64_t span = facts.upper.value_or(half - 1) - facts.lower.value_or(-half);
  auto [least, most] = std::minmax_element(lanes.offsets.begin(), lanes.offsets.end());
  return span + (*most - *least) < 2 * half;
}

// The run as an affine one whose scalar is its first lane: only then do bounds of the lanes say something of
// it.
LaneValue Emitter::fromFirstLane(const LaneValue& lanes) {
  if (lanes.isUniform() || lanes.offset(0) == 0) return lanes;
  LaneValue run{builder_.CreateAdd(
      lanes.value, llvm::ConstantInt::get(lanes.value->getType(), uint64_t(lanes.offset(0)), true, true))};
  for (int64_t offset : lanes.offsets)
    run.offsets.push_back(offset - lanes.offset(0));
  return run;
}

// A scalar that is true if no lane wraps: scalar + offset fits the integer's own type.
llvm::Value* Emitter::fitsType(const LaneValue& lanes) {
  auto* type = llvm::cast<llvm::IntegerType>(lanes.value->getType());
  unsigned bits = type->getBitWidth();
  auto [least, most] = std::minmax_element(lanes.offsets.begin(), lanes.offsets.end());
  llvm::APInt largest = llvm::APInt::getSignedMaxValue(bits), smallest = llvm::APInt::getSignedMinValue(bits);
  llvm::APInt up(bits, uint64_t(std::max<int64_t>(0, *most)), true, true),
      down(bits, uint64_t(std::min<int64_t>(0, *least)), true, true);
  llvm::Value* fits = builder_.CreateICmpSLE(lanes.value, llvm::ConstantInt::get(type, largest - up));
  return builder_.CreateAnd(
      fits, builder_.CreateICmpSGE(lanes.value, llvm::ConstantInt::get(type, smallest - down)));
}

// A tile of integers sign-extended, affine where its lanes do not wrap. Where that is not proven, the fast
// twin of the loop is taken only if they do not.
std::optional<LaneValue> Emitter::widenRun(mlir::Value tile, const LaneIndex& index, llvm::Type* type) {
  LaneValue lanes = evaluate(tile, index);
  if (lanes.isVector()) return std::nullopt;
  if (neverWraps(tile, lanes, index)) {
    lanes = fromFirstLane(lanes);
  } else if (!assume([&] {
               LaneValue outside = evaluate(tile, index);
               return outside.isVector() || outside.isUniform() ? nullptr : fitsType(outside);
             })) {
    return std::nullopt;
  }
  return LaneValue{builder_.CreateSExt(lanes.value, type), lanes.offsets};
}

// Pointers that move by constants. Offsets of 32 bits that reach less far than any two ends of a buffer are
// apart (axis_info.h) are taken not to wrap: what wraps is masked off.
std::optional<LaneValue> Emitter::addOffsets(tt::AddPtrOp op, const LaneValue& pointer,
                                             const LaneValue& offset, const LaneIndex& index) {
  constexpr int64_t reach = 1 << 24;
  unsigned bits = offset.value->getType()->getIntegerBitWidth();
  bool near = llvm::all_of(offset.offsets, [](int64_t at) { return at > -reach && at < reach; });
  std::optional<LaneValue> wide = offset;
  llvm::Type* i64 = builder_.getInt64Ty();
  if (bits >= 32 && near)
    wide->value = builder_.CreateSExtOrTrunc(offset.value, i64);
  else if (bits < 64)
    wide = widenRun(op.getOffset(), index, i64);
  if (!wide) return std::nullopt;
  auto type = mlir::cast<tt::PointerType>(tt::elementType(op.getType()));
  int64_t size = storageBytes(type.getPointeeType());
  llvm::Value* moved = builder_.CreateGEP(builder_.getIntNTy(unsigned(size * 8)), pointer.value, wide->value);
  llvm::SmallVector<int64_t, 16> offsets;
  for (unsigned lane = 0; lane < index.width(); ++lane)
    offsets.push_back(
        int64_t(uint64_t(pointer.offset(lane)) + uint64_t(size) * uint64_t(wide->offset(lane))));
  return affine(moved, std::move(offsets));
}

LaneValue Emitter::evaluateGather(tt::GatherOp op, const LaneIndex& index) {
  llvm::Value* at = evaluateVector(op.getIndices(), index);
  llvm::ArrayRef<int64_t> from = shapeOf(op.getSrc()), to = shapeOf(op.getIndices());
  llvm::Type* i64 = builder_.getInt64Ty();
  llvm::Value* place = splat(builder_, builder_.getInt64(0), index.width());
  unsigned shift = 0;
  for (int axis = int(from.size()) - 1; axis >= 0; --axis) {
    llvm::Value* coordinate =
        axis == int(op.getAxis())
            ? builder_.CreateIntCast(at, vectorOf(i64, index.width()), true)
            : toVector(builder_, indexing_.places(indexing_.coordinate(index, to, unsigned(axis)), i64),
                       index.width());
    place = builder_.CreateAdd(place, builder_.CreateShl(coordinate, uint64_t(shift)));
    shift += log2(from[axis]);
  }
  mlir::Type element = tt::elementType(op.getSrc().getType());
  // Indices out of range are undefined; they must not leave the tile.
  place = builder_.CreateAnd(place,
                             splat(builder_, builder_.getInt64((uint64_t(1) << shift) - 1), index.width()));
  llvm::Value* pointers = builder_.CreateGEP(memoryTypeOf(element), slotAddress(op.getSrc()), place);
  return load({pointers}, element, std::nullopt, std::nullopt, index.width());
}

} // namespace tuned::cpu
