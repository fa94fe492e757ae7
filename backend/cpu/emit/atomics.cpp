// Atomic operations: real ones, since program instances run at the same time.
#include "backend/cpu/emit/emitter.h"

namespace tuned::cpu {
namespace {

llvm::AtomicOrdering orderingOf(tt::MemSemantic semantic) {
  switch (semantic) {
  case tt::MemSemantic::RELAXED:
    return llvm::AtomicOrdering::Monotonic;
  case tt::MemSemantic::ACQUIRE:
    return llvm::AtomicOrdering::Acquire;
  case tt::MemSemantic::RELEASE:
    return llvm::AtomicOrdering::Release;
  case tt::MemSemantic::ACQUIRE_RELEASE:
    return llvm::AtomicOrdering::AcquireRelease;
  }
  return llvm::AtomicOrdering::SequentiallyConsistent;
}

llvm::AtomicRMWInst::BinOp operationOf(tt::RMWOp kind) {
  using Op = llvm::AtomicRMWInst;
  switch (kind) {
  case tt::RMWOp::AND:
    return Op::And;
  case tt::RMWOp::OR:
    return Op::Or;
  case tt::RMWOp::XOR:
    return Op::Xor;
  case tt::RMWOp::ADD:
    return Op::Add;
  case tt::RMWOp::FADD:
    return Op::FAdd;
  case tt::RMWOp::MAX:
    return Op::Max;
  case tt::RMWOp::MIN:
    return Op::Min;
  case tt::RMWOp::UMAX:
    return Op::UMax;
  case tt::RMWOp::UMIN:
    return Op::UMin;
  case tt::RMWOp::XCHG:
    return Op::Xchg;
  }
  return Op::Xchg;
}

} // namespace

Emitter::Values Emitter::when(llvm::Value* condition, llvm::function_ref<Values()> body, Values otherwise) {
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  auto* then = llvm::BasicBlock::Create(context_, "when", function_);
  auto* after = llvm::BasicBlock::Create(context_, "after", function_);
  builder_.CreateCondBr(condition, then, after);
  builder_.SetInsertPoint(then);
  Values results = body();
  llvm::BasicBlock* end = builder_.GetInsertBlock();
  builder_.CreateBr(after);
  builder_.SetInsertPoint(after);
  Values merged;
  for (auto [result, other] : llvm::zip(results, otherwise)) {
    auto* phi = builder_.CreatePHI(result->getType(), 2);
    phi->addIncoming(result, end);
    phi->addIncoming(other, before);
    merged.push_back(phi);
  }
  return merged;
}

llvm::Value* Emitter::readModifyWrite(tt::RMWOp kind, mlir::Type element, llvm::Value* address,
                                      llvm::Value* value, llvm::AtomicOrdering ordering) {
  llvm::Align align{uint64_t(storageBytes(element))};
  bool narrowFloat = mlir::isa<mlir::FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
  bool asFloat = mlir::isa<mlir::FloatType>(element) && kind != tt::RMWOp::XCHG;
  if (!(narrowFloat && asFloat)) {
    llvm::AtomicRMWInst::BinOp operation = operationOf(kind);
    if (asFloat && kind == tt::RMWOp::MAX) operation = llvm::AtomicRMWInst::FMax;
    if (asFloat && kind == tt::RMWOp::MIN) operation = llvm::AtomicRMWInst::FMin;
    return builder_.CreateAtomicRMW(operation, address, value, align, ordering);
  }
  // No instruction adds 16-bit floats: compare and exchange until nobody came between.
  llvm::Type* bits = value->getType();
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  auto* attempt = llvm::BasicBlock::Create(context_, "attempt", function_);
  auto* after = llvm::BasicBlock::Create(context_, "after", function_);
  llvm::Value* seen = builder_.CreateAlignedLoad(bits, address, align);
  builder_.CreateBr(attempt);
  builder_.SetInsertPoint(attempt);
  auto* old = builder_.CreatePHI(bits, 2);
  llvm::Value *a = formats_.widen(old, element), *b = formats_.widen(value, element);
  llvm::Value* wide =
      kind == tt::RMWOp::MAX   ? builder_.CreateBinaryIntrinsic(llvm::Intrinsic::maximumnum, a, b)
      : kind == tt::RMWOp::MIN ? builder_.CreateBinaryIntrinsic(llvm::Intrinsic::minimumnum, a, b)
                               : builder_.CreateFAdd(a, b);
  auto* exchanged =
      builder_.CreateAtomicCmpXchg(address, old, formats_.narrow(wide, element), align, ordering,
                                   llvm::AtomicCmpXchgInst::getStrongestFailureOrdering(ordering));
  old->addIncoming(seen, before);
  old->addIncoming(builder_.CreateExtractValue(exchanged, 0), attempt);
  builder_.CreateCondBr(builder_.CreateExtractValue(exchanged, 1), after, attempt);
  builder_.SetInsertPoint(after);
  return old;
}

llvm::Value* Emitter::atomicElement(mlir::Operation& op, llvm::Value* address, llvm::Value* value,
                                    llvm::Value* compare) {
  mlir::Type element = tt::elementType(op.getResult(0).getType());
  if (auto update = mlir::dyn_cast<tt::AtomicRMWOp>(op))
    return readModifyWrite(update.getAtomicRmwOp(), element, address, value, orderingOf(update.getSem()));
  llvm::AtomicOrdering ordering = orderingOf(mlir::cast<tt::AtomicCASOp>(op).getSem());
  llvm::Type* bits = builder_.getIntNTy(unsigned(storageBytes(element) * 8));
  auto* exchanged = builder_.CreateAtomicCmpXchg(
      address, builder_.CreateBitOrPointerCast(compare, bits), builder_.CreateBitOrPointerCast(value, bits),
      llvm::Align(uint64_t(storageBytes(element))), ordering,
      llvm::AtomicCmpXchgInst::getStrongestFailureOrdering(ordering));
  return builder_.CreateBitOrPointerCast(builder_.CreateExtractValue(exchanged, 0), typeOf(element));
}

void Emitter::emitAtomic(mlir::Operation& op) {
  auto update = mlir::dyn_cast<tt::AtomicRMWOp>(op);
  auto exchange = mlir::dyn_cast<tt::AtomicCASOp>(op);
  mlir::Value pointer = update ? update.getPtr() : exchange.getPtr();
  mlir::Value value = update ? update.getVal() : exchange.getVal();
  mlir::Value mask = update ? update.getMask() : mlir::Value();
  mlir::Type element = tt::elementType(value.getType());
  if (element.isInteger(1)) return unsupported(op, "atomics on i1");
  auto one = [&](const LaneIndex& index) -> llvm::Value* {
    llvm::Value* address = evaluateVector(pointer, index);
    llvm::Value* operand = evaluateVector(value, index);
    llvm::Value* compare = exchange ? evaluateVector(exchange.getCmp(), index) : nullptr;
    auto act = [&] { return Values{atomicElement(op, address, operand, compare)}; };
    if (!mask) return act()[0];
    return when(evaluateVector(mask, index), act, {llvm::Constant::getNullValue(typeOf(element))})[0];
  };
  auto type = mlir::dyn_cast<mlir::RankedTensorType>(value.getType());
  if (!type) {
    scalars_[op.getResult(0)] = one(LaneIndex());
    return;
  }
  forEachChunk(
      type.getNumElements(), type.getNumElements(), 1,
      [&](const LaneIndex& index) {
        llvm::Value* before = one(index);
        if (!op.getResult(0).use_empty()) writeTile(slotAddress(op.getResult(0)), element, index, {before});
      },
      false);
}

} // namespace tuned::cpu
