// arith: one instruction a register.
#include "backend/nvptx/lowering/math/float_remainder.h"

#include <llvm/IR/IntrinsicsNVPTX.h>
#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::nvptx {
namespace {

using Operands = llvm::ArrayRef<llvm::Value*>;
namespace arith = mlir::arith;

llvm::Constant* constantOf(Emitter& e, mlir::Attribute attribute, llvm::Type* type) {
  if (auto integer = mlir::dyn_cast<mlir::IntegerAttr>(attribute))
    return llvm::ConstantInt::get(type, integer.getValue().zextOrTrunc(type->getIntegerBitWidth()));
  llvm::APFloat value = mlir::cast<mlir::FloatAttr>(attribute).getValue();
  if (type->isIntegerTy()) return llvm::ConstantInt::get(type, value.bitcastToAPInt()); // fp8
  return llvm::ConstantFP::get(e.module.getContext(), value);
}

Result<void> constant(Emitter& e, mlir::Operation& op) {
  mlir::Attribute value = mlir::cast<arith::ConstantOp>(op).getValue();
  mlir::Type type = op.getResult(0).getType();
  auto elements = mlir::dyn_cast<mlir::DenseElementsAttr>(value);
  if (!elements) {
    e.set(op.getResult(0), {constantOf(e, value, e.type(type))});
    return {};
  }
  if (!elements.isSplat()) return unsupported(op, "a constant tensor whose elements differ");
  llvm::Constant* splat = constantOf(e, elements.getSplatValue<mlir::Attribute>(), e.type(type));
  e.set(op.getResult(0), Registers(e.layout(type).registerCount(), splat));
  return {};
}

template <llvm::Instruction::BinaryOps code> Result<void> binary(Emitter& e, mlir::Operation& op) {
  return e.elementwise(op, [&](Operands v) { return e.builder.CreateBinOp(code, v[0], v[1]); });
}

/// Shifts by the width or more give 0, or the sign: LLVM leaves them undefined.
template <llvm::Instruction::BinaryOps code> Result<void> shift(Emitter& e, mlir::Operation& op) {
  auto& b = e.builder;
  return e.elementwise(op, [&](Operands v) -> llvm::Value* {
    unsigned width = v[0]->getType()->getIntegerBitWidth();
    llvm::Value* fits = b.CreateICmpULT(v[1], llvm::ConstantInt::get(v[1]->getType(), width));
    if (code == llvm::Instruction::AShr)
      return b.CreateAShr(v[0],
                          b.CreateSelect(fits, v[1], llvm::ConstantInt::get(v[1]->getType(), width - 1)));
    llvm::Constant* zero = llvm::ConstantInt::get(v[0]->getType(), 0);
    return b.CreateSelect(fits, b.CreateBinOp(code, v[0], v[1]), zero);
  });
}

/// Integer division toward zero, or its remainder, defined for every pair: LLVM would take a division by
/// zero, or of the smallest number by -1, for something that cannot happen, also in lanes that a select
/// drops. By zero the quotient is all ones, as the hardware has it, and the remainder x.
llvm::Value* divideIntegers(Emitter& e, llvm::Value* x, llvm::Value* y, bool isSigned, bool quotient) {
  auto& b = e.builder;
  llvm::Type* type = x->getType();
  auto divide = [&](llvm::Value* by) {
    if (quotient) return isSigned ? b.CreateSDiv(x, by) : b.CreateUDiv(x, by);
    return isSigned ? b.CreateSRem(x, by) : b.CreateURem(x, by);
  };
  auto* known = llvm::dyn_cast<llvm::ConstantInt>(y);
  if (known && !known->isZero() && !(isSigned && known->isMinusOne())) return divide(y);
  llvm::Constant *one = llvm::ConstantInt::get(type, 1), *ones = llvm::Constant::getAllOnesValue(type);
  if (type->isIntegerTy(1)) {
    llvm::Value *byOne = quotient ? x : b.getFalse(), *byZero = quotient ? ones : x;
    return b.CreateSelect(y, byOne, byZero);
  }
  // A divisor that LLVM leaves open, such as a masked lane of a load, must not pass the test as one value and
  // divide as another.
  llvm::Value* divisor = b.CreateFreeze(y);
  llvm::Value* isZero = b.CreateICmpEQ(divisor, llvm::ConstantInt::get(type, 0));
  llvm::Value* isMinusOne = isSigned ? b.CreateICmpEQ(divisor, ones) : b.getFalse();
  llvm::Value* result = divide(b.CreateSelect(b.CreateOr(isZero, isMinusOne), one, divisor));
  if (isSigned && quotient) result = b.CreateSelect(isMinusOne, b.CreateNeg(x), result);
  return b.CreateSelect(isZero, quotient ? ones : x, result);
}

template <bool isSigned, bool quotient> Result<void> divideInts(Emitter& e, mlir::Operation& op) {
  return e.elementwise(op, [&](Operands v) { return divideIntegers(e, v[0], v[1], isSigned, quotient); });
}

template <llvm::Intrinsic::ID id> Result<void> intrinsic(Emitter& e, mlir::Operation& op) {
  return e.elementwise(op, [&](Operands v) -> llvm::Value* {
    if (v.size() == 1) return e.builder.CreateUnaryIntrinsic(id, v[0]);
    return e.builder.CreateBinaryIntrinsic(id, v[0], v[1]);
  });
}

template <llvm::Instruction::CastOps code> Result<void> cast(Emitter& e, mlir::Operation& op) {
  llvm::Type* type = e.type(op.getResult(0).getType());
  return e.elementwise(op,
                       [&](Operands v) -> llvm::Value* { return e.builder.CreateCast(code, v[0], type); });
}

Result<void> negate(Emitter& e, mlir::Operation& op) {
  return e.elementwise(op, [&](Operands v) { return e.builder.CreateFNeg(v[0]); });
}

/// f32 as Triton: div.full (2 ulp); narrower types through f32.
Result<void> divide(Emitter& e, mlir::Operation& op) {
  auto& b = e.builder;
  llvm::Type* type = e.type(op.getResult(0).getType());
  if (type->isDoubleTy()) return binary<llvm::Instruction::FDiv>(e, op);
  return e.elementwise(op, [&](Operands v) -> llvm::Value* {
    llvm::Value *x = b.CreateFPExt(v[0], b.getFloatTy()), *y = b.CreateFPExt(v[1], b.getFloatTy());
    llvm::Value* quotient = b.CreateIntrinsic(b.getFloatTy(), llvm::Intrinsic::nvvm_div_full, {x, y});
    return b.CreateFPTrunc(quotient, type);
  });
}

Result<void> remainder(Emitter& e, mlir::Operation& op) {
  return e.elementwise(op, [&](Operands v) { return floatRemainder(e, v[0], v[1]); });
}

Result<void> compareInts(Emitter& e, mlir::Operation& op) {
  using P = llvm::CmpInst::Predicate;
  constexpr P predicates[] = {P::ICMP_EQ,  P::ICMP_NE,  P::ICMP_SLT, P::ICMP_SLE, P::ICMP_SGT,
                              P::ICMP_SGE, P::ICMP_ULT, P::ICMP_ULE, P::ICMP_UGT, P::ICMP_UGE};
  P predicate = predicates[static_cast<unsigned>(mlir::cast<arith::CmpIOp>(op).getPredicate())];
  return e.elementwise(op, [&](Operands v) { return e.builder.CreateICmp(predicate, v[0], v[1]); });
}

Result<void> compareFloats(Emitter& e, mlir::Operation& op) {
  using P = llvm::CmpInst::Predicate;
  constexpr P predicates[] = {P::FCMP_FALSE, P::FCMP_OEQ, P::FCMP_OGT, P::FCMP_OGE, P::FCMP_OLT, P::FCMP_OLE,
                              P::FCMP_ONE,   P::FCMP_ORD, P::FCMP_UEQ, P::FCMP_UGT, P::FCMP_UGE, P::FCMP_ULT,
                              P::FCMP_ULE,   P::FCMP_UNE, P::FCMP_UNO, P::FCMP_TRUE};
  P predicate = predicates[static_cast<unsigned>(mlir::cast<arith::CmpFOp>(op).getPredicate())];
  return e.elementwise(op, [&](Operands v) { return e.builder.CreateFCmp(predicate, v[0], v[1]); });
}

Result<void> select(Emitter& e, mlir::Operation& op) {
  return e.elementwise(op, [&](Operands v) { return e.builder.CreateSelect(v[0], v[1], v[2]); });
}

/// Integer division rounding up, down: quotient toward zero, corrected where there is a remainder and the
/// true quotient lies above, below zero.
template <bool up, bool isSigned> Result<void> divideRounded(Emitter& e, mlir::Operation& op) {
  auto& b = e.builder;
  return e.elementwise(op, [&](Operands v) -> llvm::Value* {
    llvm::Value* zero = llvm::ConstantInt::get(v[0]->getType(), 0);
    llvm::Value* quotient = divideIntegers(e, v[0], v[1], isSigned, true);
    llvm::Value* fix = b.CreateICmpNE(b.CreateSub(v[0], b.CreateMul(quotient, v[1])), zero);
    fix = b.CreateAnd(fix, b.CreateICmpNE(v[1], zero)); // a division by zero stays all ones
    if (isSigned) {
      llvm::Value* below = b.CreateICmpSLT(b.CreateXor(v[0], v[1]), zero);
      fix = b.CreateAnd(fix, up ? b.CreateNot(below) : below);
    }
    fix = b.CreateZExt(fix, v[0]->getType());
    return up ? b.CreateAdd(quotient, fix) : b.CreateSub(quotient, fix);
  });
}

/// tt.mulhiui: the high half of the unsigned product.
Result<void> multiplyHigh(Emitter& e, mlir::Operation& op) {
  auto& b = e.builder;
  return e.elementwise(op, [&](Operands v) -> llvm::Value* {
    unsigned width = v[0]->getType()->getIntegerBitWidth();
    llvm::Type* wide = b.getIntNTy(2 * width);
    llvm::Value* product = b.CreateMul(b.CreateZExt(v[0], wide), b.CreateZExt(v[1], wide));
    return b.CreateTrunc(b.CreateLShr(product, width), v[0]->getType());
  });
}

Result<void> indexCast(Emitter& e, mlir::Operation& op) {
  llvm::Type* type = e.type(op.getResult(0).getType());
  bool isSigned = mlir::isa<arith::IndexCastOp>(op);
  return e.elementwise(op, [&](Operands v) { return e.builder.CreateIntCast(v[0], type, isSigned); });
}

} // namespace

void addArithmetic(OpTable& table) {
  using I = llvm::Instruction;
  namespace In = llvm::Intrinsic;
  table["arith.constant"] = {constant};
  table["arith.addi"] = {binary<I::Add>};
  table["arith.subi"] = {binary<I::Sub>};
  table["arith.muli"] = {binary<I::Mul>};
  table["arith.divsi"] = {divideInts<true, true>};
  table["arith.divui"] = {divideInts<false, true>};
  table["arith.remsi"] = {divideInts<true, false>};
  table["arith.remui"] = {divideInts<false, false>};
  table["arith.ceildivsi"] = {divideRounded<true, true>};
  table["arith.ceildivui"] = {divideRounded<true, false>};
  table["arith.floordivsi"] = {divideRounded<false, true>};
  table["arith.andi"] = {binary<I::And>};
  table["arith.ori"] = {binary<I::Or>};
  table["arith.xori"] = {binary<I::Xor>};
  table["arith.shli"] = {shift<I::Shl>};
  table["arith.shrsi"] = {shift<I::AShr>};
  table["arith.shrui"] = {shift<I::LShr>};
  table["arith.maxsi"] = {intrinsic<In::smax>};
  table["arith.minsi"] = {intrinsic<In::smin>};
  table["arith.maxui"] = {intrinsic<In::umax>};
  table["arith.minui"] = {intrinsic<In::umin>};
  table["tt.mulhiui"] = {multiplyHigh};
  table["arith.addf"] = {binary<I::FAdd>};
  table["arith.subf"] = {binary<I::FSub>};
  table["arith.mulf"] = {binary<I::FMul>};
  table["arith.divf"] = {divide};
  table["arith.remf"] = {remainder};
  table["arith.negf"] = {negate};
  table["arith.maxnumf"] = {intrinsic<In::maxnum>};
  table["arith.minnumf"] = {intrinsic<In::minnum>};
  table["arith.maximumf"] = {intrinsic<In::maximum>};
  table["arith.minimumf"] = {intrinsic<In::minimum>};
  table["arith.cmpi"] = {compareInts};
  table["arith.cmpf"] = {compareFloats};
  table["arith.select"] = {select};
  table["arith.extsi"] = {cast<I::SExt>};
  table["arith.extui"] = {cast<I::ZExt>};
  table["arith.trunci"] = {cast<I::Trunc>};
  table["arith.index_cast"] = {indexCast};
  table["arith.index_castui"] = {indexCast};
}

} // namespace tuned::nvptx
