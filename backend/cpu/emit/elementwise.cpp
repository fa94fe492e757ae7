// Integer, comparison, selection and cast operations, on scalars and vectors alike.
#include "backend/cpu/emit/emitter.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/Dialect/Math/IR/Math.h>

namespace tuned::cpu {
namespace {

namespace arith = mlir::arith;

llvm::CmpInst::Predicate predicateOf(arith::CmpIPredicate predicate) {
  using P = llvm::CmpInst;
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return P::ICMP_EQ;
  case arith::CmpIPredicate::ne:
    return P::ICMP_NE;
  case arith::CmpIPredicate::slt:
    return P::ICMP_SLT;
  case arith::CmpIPredicate::sle:
    return P::ICMP_SLE;
  case arith::CmpIPredicate::sgt:
    return P::ICMP_SGT;
  case arith::CmpIPredicate::sge:
    return P::ICMP_SGE;
  case arith::CmpIPredicate::ult:
    return P::ICMP_ULT;
  case arith::CmpIPredicate::ule:
    return P::ICMP_ULE;
  case arith::CmpIPredicate::ugt:
    return P::ICMP_UGT;
  case arith::CmpIPredicate::uge:
    return P::ICMP_UGE;
  }
  return P::ICMP_EQ;
}

// LLVM has unordered before the unordered comparisons, MLIR behind them.
llvm::CmpInst::Predicate predicateOf(arith::CmpFPredicate predicate) {
  using P = llvm::CmpInst::Predicate;
  constexpr P predicates[] = {P::FCMP_FALSE, P::FCMP_OEQ, P::FCMP_OGT, P::FCMP_OGE, P::FCMP_OLT, P::FCMP_OLE,
                              P::FCMP_ONE,   P::FCMP_ORD, P::FCMP_UEQ, P::FCMP_UGT, P::FCMP_UGE, P::FCMP_ULT,
                              P::FCMP_ULE,   P::FCMP_UNE, P::FCMP_UNO, P::FCMP_TRUE};
  return predicates[static_cast<unsigned>(predicate)];
}

bool isFloat(mlir::Type type) {
  return mlir::isa<mlir::FloatType>(tt::elementType(type));
}

} // namespace

llvm::Constant* Emitter::constant(mlir::Type element, mlir::Attribute value) {
  llvm::Type* type = typeOf(element);
  if (auto number = mlir::dyn_cast<mlir::FloatAttr>(value)) {
    llvm::APInt bits = number.getValue().bitcastToAPInt();
    if (element.isF32() || element.isF64()) return llvm::ConstantFP::get(context_, number.getValue());
    return llvm::ConstantInt::get(type, bits);
  }
  if (auto number = mlir::dyn_cast<mlir::IntegerAttr>(value))
    return llvm::ConstantInt::get(type, number.getValue());
  if (auto dense = mlir::dyn_cast<mlir::DenseElementsAttr>(value); dense && dense.isSplat())
    return constant(element, dense.getSplatValue<mlir::Attribute>());
  return llvm::PoisonValue::get(type);
}

Emitter::Values Emitter::apply(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> operands) {
  if (auto call = mlir::dyn_cast<tt::ExternElementwiseOp>(op)) return {applyExtern(call, operands)};
  if (op.getNumResults() == 1 && op.getNumRegions() == 0) {
    llvm::Value* result = nullptr;
    if (op.getName().getDialectNamespace() == "math")
      result = applyMath(op, operands);
    else if (op.getNumOperands() == 1)
      result = applyCast(op, operands[0]);
    if (!result && isFloat(op.getResult(0).getType())) result = applyFloat(op, operands);
    if (!result) result = applyInteger(op, operands);
    if (result) return {result};
    unsupported(op, "this operation is not supported on the CPU");
  } else {
    unsupported(op, "this operation is not supported on the CPU");
  }
  Values poison;
  for (mlir::Type type : op.getResultTypes())
    poison.push_back(llvm::PoisonValue::get(
        vectorOf(typeOf(tt::elementType(type)), operands.empty() ? 1 : widthOf(operands[0]))));
  return poison;
}

llvm::Value* Emitter::applyInteger(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> v) {
  auto intrinsic = [&](llvm::Intrinsic::ID id) { return builder_.CreateBinaryIntrinsic(id, v[0], v[1]); };
  auto shift = [&](auto make) { // beyond the width: zero, or the sign
    unsigned bits = v[0]->getType()->getScalarSizeInBits();
    llvm::Constant* limit = llvm::ConstantInt::get(v[1]->getType(), bits);
    llvm::Value* valid = builder_.CreateICmpULT(v[1], limit);
    return std::pair{valid, make};
  };
  return llvm::TypeSwitch<mlir::Operation&, llvm::Value*>(op)
      .Case<arith::AddIOp>([&](auto) { return builder_.CreateAdd(v[0], v[1]); })
      .Case<arith::SubIOp>([&](auto) { return builder_.CreateSub(v[0], v[1]); })
      .Case<arith::MulIOp>([&](auto) { return builder_.CreateMul(v[0], v[1]); })
      .Case<arith::AndIOp>([&](auto) { return builder_.CreateAnd(v[0], v[1]); })
      .Case<arith::OrIOp>([&](auto) { return builder_.CreateOr(v[0], v[1]); })
      .Case<arith::XOrIOp>([&](auto) { return builder_.CreateXor(v[0], v[1]); })
      .Case<arith::DivSIOp, arith::RemSIOp, arith::DivUIOp, arith::RemUIOp>(
          [&](auto) { return divide(op, v); })
      .Case<arith::CeilDivSIOp, arith::FloorDivSIOp, arith::CeilDivUIOp>(
          [&](auto) { return divideRounded(op, v); })
      .Case<arith::MinSIOp>([&](auto) { return intrinsic(llvm::Intrinsic::smin); })
      .Case<arith::MaxSIOp>([&](auto) { return intrinsic(llvm::Intrinsic::smax); })
      .Case<arith::MinUIOp>([&](auto) { return intrinsic(llvm::Intrinsic::umin); })
      .Case<arith::MaxUIOp>([&](auto) { return intrinsic(llvm::Intrinsic::umax); })
      .Case<arith::ShLIOp, arith::ShRUIOp>([&](auto) {
        auto [valid, unused] = shift(0);
        llvm::Value* zero = llvm::Constant::getNullValue(v[0]->getType());
        llvm::Value* amount = builder_.CreateSelect(valid, v[1], zero);
        llvm::Value* moved = mlir::isa<arith::ShLIOp>(op) ? builder_.CreateShl(v[0], amount)
                                                          : builder_.CreateLShr(v[0], amount);
        return builder_.CreateSelect(valid, moved, zero);
      })
      .Case<arith::ShRSIOp>([&](auto) {
        auto [valid, unused] = shift(0);
        llvm::Constant* most =
            llvm::ConstantInt::get(v[1]->getType(), v[0]->getType()->getScalarSizeInBits() - 1);
        return builder_.CreateAShr(v[0], builder_.CreateSelect(valid, v[1], most));
      })
      .Case<arith::CmpIOp>([&](arith::CmpIOp compare) {
        return builder_.CreateICmp(predicateOf(compare.getPredicate()), v[0], v[1]);
      })
      .Case<arith::CmpFOp>([&](arith::CmpFOp compare) {
        mlir::Type type = tt::elementType(compare.getLhs().getType());
        return builder_.CreateFCmp(predicateOf(compare.getPredicate()), formats_.widen(v[0], type),
                                   formats_.widen(v[1], type));
      })
      .Case<arith::SelectOp>([&](auto) { return builder_.CreateSelect(v[0], v[1], v[2]); })
      .Case<mlir::math::AbsIOp>([&](auto) {
        return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::abs, v[0], builder_.getFalse());
      })
      .Case<mlir::math::CtPopOp>(
          [&](auto) { return builder_.CreateUnaryIntrinsic(llvm::Intrinsic::ctpop, v[0]); })
      .Case<mlir::math::CountLeadingZerosOp>([&](auto) {
        return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::ctlz, v[0], builder_.getFalse());
      })
      .Case<mlir::math::CountTrailingZerosOp>([&](auto) {
        return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, v[0], builder_.getFalse());
      })
      .Case<tt::AddPtrOp>([&](tt::AddPtrOp add) {
        auto pointer = mlir::cast<tt::PointerType>(tt::elementType(add.getType()));
        llvm::Type* i64 = vectorOf(builder_.getInt64Ty(), widthOf(v[1]));
        return builder_.CreateGEP(builder_.getIntNTy(unsigned(storageBytes(pointer.getPointeeType()) * 8)),
                                  v[0], builder_.CreateSExtOrTrunc(v[1], i64));
      })
      .Case<tt::MulhiUIOp>([&](auto) -> llvm::Value* {
        unsigned bits = v[0]->getType()->getScalarSizeInBits();
        llvm::Type* wide = vectorOf(builder_.getIntNTy(2 * bits), widthOf(v[0]));
        llvm::Value* product =
            builder_.CreateMul(builder_.CreateZExt(v[0], wide), builder_.CreateZExt(v[1], wide));
        return builder_.CreateTrunc(builder_.CreateLShr(product, bits), v[0]->getType());
      })
      .Default([](mlir::Operation&) -> llvm::Value* { return nullptr; });
}

// Division must not trap: by zero it gives all ones (NVIDIA's), and the most negative by -1 wraps.
llvm::Value* Emitter::divide(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> v) {
  bool isSigned = !mlir::isa<arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp>(op);
  bool quotient = !mlir::isa<arith::RemSIOp, arith::RemUIOp>(op);
  llvm::Type* type = v[0]->getType();
  llvm::Value* divisor = v[1];
  auto* known = // none when the divisors differ
      llvm::dyn_cast_or_null<llvm::ConstantInt>(divisor->getType()->isVectorTy() &&
                                                        llvm::isa<llvm::Constant>(divisor)
                                                    ? llvm::cast<llvm::Constant>(divisor)->getSplatValue()
                                                    : divisor);
  bool safe = known && !known->isZero() && !known->isMinusOne();
  llvm::Value *isZero = nullptr, *isMinusOne = nullptr;
  llvm::Constant *one = llvm::ConstantInt::get(type, 1), *ones = llvm::Constant::getAllOnesValue(type);
  if (!safe) {
    isZero = builder_.CreateICmpEQ(divisor, llvm::Constant::getNullValue(type));
    divisor = builder_.CreateSelect(isZero, one, divisor);
    if (isSigned) {
      isMinusOne = builder_.CreateICmpEQ(divisor, ones);
      divisor = builder_.CreateSelect(isMinusOne, one, divisor);
    }
  }
  llvm::Value* result =
      isSigned   ? quotient ? builder_.CreateSDiv(v[0], divisor) : builder_.CreateSRem(v[0], divisor)
        : quotient ? builder_.CreateUDiv(v[0], divisor)
                 : builder_.CreateURem(v[0], divisor);
  if (isMinusOne && quotient) result = builder_.CreateSelect(isMinusOne, builder_.CreateNeg(v[0]), result);
  return isZero ? builder_.CreateSelect(isZero, quotient ? ones : v[0], result) : result;
}

// Up or down: the quotient toward zero, corrected where there is a remainder and the true quotient lies
// above, below zero.
llvm::Value* Emitter::divideRounded(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> v) {
  llvm::Value* quotient = divide(op, v);
  llvm::Constant* zero = llvm::Constant::getNullValue(v[0]->getType());
  llvm::Value* fix =
      builder_.CreateICmpNE(builder_.CreateSub(v[0], builder_.CreateMul(quotient, v[1])), zero);
  fix = builder_.CreateAnd(fix, builder_.CreateICmpNE(v[1], zero)); // all ones stay
  bool up = !mlir::isa<arith::FloorDivSIOp>(op);
  if (!mlir::isa<arith::CeilDivUIOp>(op)) {
    llvm::Value* below = builder_.CreateICmpSLT(builder_.CreateXor(v[0], v[1]), zero);
    fix = builder_.CreateAnd(fix, up ? builder_.CreateNot(below) : below);
  }
  fix = builder_.CreateZExt(fix, v[0]->getType());
  return up ? builder_.CreateAdd(quotient, fix) : builder_.CreateSub(quotient, fix);
}

// A 64-bit integer that f64 holds exactly and that rounds to 24 bits or fewer as `v` does: beyond 53 bits,
// the last eleven become one that says whether any was set ("round to odd").
llvm::Value* Emitter::fitDouble(llvm::Value* v, bool isSigned) {
  constexpr uint64_t spare = 11;
  llvm::Constant* zero = llvm::Constant::getNullValue(v->getType());
  llvm::Value* upper = isSigned ? builder_.CreateAShr(v, spare) : builder_.CreateLShr(v, spare);
  llvm::Value* inexact = builder_.CreateICmpNE(builder_.CreateAnd(v, (uint64_t(1) << spare) - 1), zero);
  llvm::Value* cut =
      builder_.CreateShl(builder_.CreateOr(upper, builder_.CreateZExt(inexact, v->getType())), spare);
  llvm::Value* magnitude =
      isSigned ? builder_.CreateBinaryIntrinsic(llvm::Intrinsic::abs, v, builder_.getFalse()) : v;
  llvm::Value* fits =
      builder_.CreateICmpULT(magnitude, llvm::ConstantInt::get(v->getType(), uint64_t(1) << 53));
  return builder_.CreateSelect(fits, v, cut);
}

llvm::Value* Emitter::applyCast(mlir::Operation& op, llvm::Value* v) {
  mlir::Type from = tt::elementType(op.getOperand(0).getType()),
             to = tt::elementType(op.getResult(0).getType());
  llvm::Type* target = vectorOf(typeOf(to), widthOf(v));
  auto fromInteger = [&](bool isSigned) -> llvm::Value* {
    bool exact = !to.isF32() && !to.isF64(); // f64 is only on the way
    if (exact && v->getType()->getScalarSizeInBits() == 64) v = fitDouble(v, isSigned);
    bool wide = to.isF64() || from.getIntOrFloatBitWidth() > 24;
    bool narrow = to.getIntOrFloatBitWidth() < 32;
    llvm::Type* middle = vectorOf(wide && narrow ? builder_.getDoubleTy()
                                  : to.isF64()   ? builder_.getDoubleTy()
                                                 : builder_.getFloatTy(),
                                  widthOf(v));
    return formats_.narrow(isSigned ? builder_.CreateSIToFP(v, middle) : builder_.CreateUIToFP(v, middle),
                           to);
  };
  // Saturates as the GPU does, which has integers of at least 32 bits; NaN gives 0.
  auto toInteger = [&](bool isSigned) -> llvm::Value* {
    llvm::Value* wide = formats_.widen(v, from);
    llvm::Type* whole = vectorOf(builder_.getIntNTy(std::max(32u, to.getIntOrFloatBitWidth())), widthOf(v));
    llvm::Value* integer =
        builder_.CreateIntrinsic(isSigned ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat,
                                 {whole, wide->getType()}, {wide});
    return builder_.CreateTrunc(integer, target);
  };
  return llvm::TypeSwitch<mlir::Operation&, llvm::Value*>(op)
      .Case<arith::ExtSIOp>([&](auto) { return builder_.CreateSExt(v, target); })
      .Case<arith::ExtUIOp>([&](auto) { return builder_.CreateZExt(v, target); })
      .Case<arith::TruncIOp>([&](auto) { return builder_.CreateTrunc(v, target); })
      .Case<arith::IndexCastOp>([&](auto) { return builder_.CreateIntCast(v, target, true); })
      .Case<arith::IndexCastUIOp>([&](auto) { return builder_.CreateIntCast(v, target, false); })
      .Case<arith::SIToFPOp>([&](auto) { return fromInteger(true); })
      .Case<arith::UIToFPOp>([&](auto) { return fromInteger(false); })
      .Case<arith::FPToSIOp>([&](auto) { return toInteger(true); })
      .Case<arith::FPToUIOp>([&](auto) { return toInteger(false); })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) { return formats_.convert(v, from, to); })
      .Case<tt::FpToFpOp>([&](tt::FpToFpOp convert) {
        return formats_.convert(v, from, to, convert.getRounding() == tt::RoundingMode::RTZ);
      })
      .Case<tt::IntToPtrOp>([&](auto) {
        llvm::Value* wide = builder_.CreateZExtOrTrunc(v, vectorOf(builder_.getInt64Ty(), widthOf(v)));
        return builder_.CreateIntToPtr(wide, target);
      })
      .Case<tt::PtrToIntOp>([&](auto) { return builder_.CreatePtrToInt(v, target); })
      .Case<tt::BitcastOp, arith::BitcastOp>(
          [&](auto) { return v->getType() == target ? v : builder_.CreateBitOrPointerCast(v, target); })
      .Default([](mlir::Operation&) -> llvm::Value* { return nullptr; });
}

} // namespace tuned::cpu
