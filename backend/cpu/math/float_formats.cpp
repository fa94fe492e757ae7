#include "backend/cpu/math/float_formats.h"

#include <llvm/IR/DerivedTypes.h>

#include <cmath>

namespace tuned::cpu {
namespace {

llvm::Type* sameShape(llvm::Type* like, llvm::Type* element) {
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(like);
  return vector ? llvm::FixedVectorType::get(element, vector->getNumElements()) : element;
}

// Without the builder's leave to contract: LLVM takes two roundings in a row for one if both have it.
llvm::Value* rounded(llvm::IRBuilderBase& builder, llvm::Value* value, llvm::Type* type) {
  return builder.CreateFPTruncFMF(value, type, llvm::FastMathFlags());
}

} // namespace

FloatFormats::Format FloatFormats::formatOf(mlir::Type type) {
  if (type.isF16()) return {5, 10, 15, true, false, false};
  if (type.isBF16()) return {8, 7, 127, true, false, false};
  if (mlir::isa<mlir::Float8E5M2Type>(type)) return {5, 2, 15, true, true, false};
  if (mlir::isa<mlir::Float8E5M2FNUZType>(type)) return {5, 2, 16, false, true, true};
  if (mlir::isa<mlir::Float8E4M3FNUZType>(type)) return {4, 3, 8, false, true, true};
  if (mlir::isa<mlir::Float8E4M3B11FNUZType>(type)) return {4, 3, 11, false, true, true};
  return {4, 3, 7, false, true, false}; // f8E4M3FN
}

llvm::Value* FloatFormats::number(llvm::Type* like, uint64_t value) {
  return llvm::ConstantInt::get(like, value);
}

llvm::Value* FloatFormats::widen(llvm::Value* value, mlir::Type type) {
  if (type.isF32() || type.isF64()) return value;
  if (type.isF16() && halfConversions_) {
    llvm::Value* half = builder_.CreateBitCast(value, sameShape(value->getType(), builder_.getHalfTy()));
    return builder_.CreateFPExt(half, sameShape(value->getType(), builder_.getFloatTy()));
  }
  llvm::Type* i32 = sameShape(value->getType(), builder_.getInt32Ty());
  llvm::Value* bits = builder_.CreateZExt(value, i32);
  if (!type.isBF16()) return decode(bits, formatOf(type));
  return builder_.CreateBitCast(builder_.CreateShl(bits, 16), sameShape(i32, builder_.getFloatTy()));
}

llvm::Value* FloatFormats::narrow(llvm::Value* value, mlir::Type type, bool towardZero) {
  bool fromDouble = value->getType()->getScalarType()->isDoubleTy();
  llvm::Type* f32 = sameShape(value->getType(), builder_.getFloatTy());
  if (type.isF64())
    return fromDouble ? value : builder_.CreateFPExt(value, sameShape(f32, builder_.getDoubleTy()));
  if (type.isF32()) return !fromDouble ? value : towardZero ? truncate(value) : rounded(builder_, value, f32);
  if (fromDouble) value = roundToOdd(value); // so that the second rounding is the only one that counts
  unsigned width = type.getIntOrFloatBitWidth();
  llvm::Type* narrow = sameShape(f32, builder_.getIntNTy(width));
  if (type.isF16() && halfConversions_ && !towardZero)
    return builder_.CreateBitCast(rounded(builder_, value, sameShape(f32, builder_.getHalfTy())), narrow);
  return builder_.CreateTrunc(encode(value, formatOf(type), towardZero), narrow);
}

llvm::Value* FloatFormats::convert(llvm::Value* value, mlir::Type from, mlir::Type to, bool towardZero) {
  if (from == to) return value;
  return narrow(widen(value, from), to, towardZero);
}

// f64 to f32 toward zero; infinity and NaN stay what they are.
llvm::Value* FloatFormats::truncate(llvm::Value* f64) {
  return builder_.CreateBitCast(towardZeroBits(f64).first, sameShape(f64->getType(), builder_.getFloatTy()));
}

// f64 to f32 with the last bit set whenever the value is not exact.
llvm::Value* FloatFormats::roundToOdd(llvm::Value* f64) {
  llvm::Type* i32 = sameShape(f64->getType(), builder_.getInt32Ty());
  auto [bits, inexact] = towardZeroBits(f64);
  llvm::Value* odd = builder_.CreateOr(bits, builder_.CreateZExt(inexact, i32));
  return builder_.CreateBitCast(odd, sameShape(f64->getType(), builder_.getFloatTy()));
}

// The bits of the f32 next to the f64 toward zero, and whether anything was lost.
std::pair<llvm::Value*, llvm::Value*> FloatFormats::towardZeroBits(llvm::Value* f64) {
  llvm::Type* f32 = sameShape(f64->getType(), builder_.getFloatTy());
  llvm::Type* i32 = sameShape(f64->getType(), builder_.getInt32Ty());
  llvm::Value* nearest = rounded(builder_, f64, f32);
  llvm::Value* back = builder_.CreateFPExt(nearest, f64->getType());
  llvm::Value* bits = builder_.CreateBitCast(nearest, i32);
  llvm::Value* magnitude = builder_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, f64);
  llvm::Value* over =
      builder_.CreateFCmpOGT(builder_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, back), magnitude);
  llvm::Value* inexact = builder_.CreateFCmpONE(back, f64);
  return {builder_.CreateSelect(over, builder_.CreateSub(bits, number(i32, 1)), bits), inexact};
}

llvm::Value* FloatFormats::encode(llvm::Value* f32, const Format& format, bool towardZero) {
  llvm::Type* i32 = sameShape(f32->getType(), builder_.getInt32Ty());
  unsigned mantissa = format.mantissaBits, dropped = 23 - mantissa;
  unsigned exponentOnes = (1u << format.exponentBits) - 1;
  unsigned infinityBits = exponentOnes << mantissa;
  unsigned largest = format.infinity            ? infinityBits - 1
                     : format.negativeZeroIsNan ? infinityBits | ((1u << mantissa) - 1)
                                                : (infinityBits | ((1u << mantissa) - 1)) - 1;
  llvm::Value* bits = builder_.CreateBitCast(f32, i32);
  llvm::Value* magnitude = builder_.CreateAnd(bits, number(i32, 0x7fffffff));
  llvm::Value* signShifted = builder_.CreateLShr(builder_.CreateXor(bits, magnitude),
                                                 number(i32, 32 - (1 + format.exponentBits + mantissa)));
  // Normal results: the rebased exponent and mantissa, rounded by an addition that may carry into the
  // exponent.
  llvm::Value* rebased = builder_.CreateSub(magnitude, number(i32, uint64_t(127 - format.bias) << 23));
  if (!towardZero) {
    llvm::Value* even =
        builder_.CreateAnd(builder_.CreateLShr(magnitude, number(i32, dropped)), number(i32, 1));
    rebased = builder_.CreateAdd(rebased, builder_.CreateAdd(even, number(i32, (1u << (dropped - 1)) - 1)));
  }
  llvm::Value* result = builder_.CreateLShr(rebased, number(i32, dropped));
  if (format.bias != 127) {
    // Subnormal results: adding a power of two whose last place is theirs lets the hardware round.
    uint32_t magic = uint32_t(127 + 23 + 1 - format.bias - int(mantissa)) << 23;
    llvm::Value* plain = builder_.CreateBitCast(magnitude, f32->getType());
    llvm::Value* magicFloat = builder_.CreateBitCast(number(i32, magic), f32->getType());
    llvm::Value* small;
    if (towardZero) {
      float scale = std::ldexp(1.0f, format.bias - 1 + int(mantissa));
      small = builder_.CreateFPToUI(
          builder_.CreateFMul(plain, llvm::ConstantFP::get(f32->getType(), double(scale))), i32);
    } else {
      small = builder_.CreateSub(builder_.CreateBitCast(builder_.CreateFAdd(plain, magicFloat), i32),
                                 number(i32, magic));
    }
    llvm::Value* isSmall = builder_.CreateICmpULT(magnitude, number(i32, uint64_t(128 - format.bias) << 23));
    result = builder_.CreateSelect(isSmall, small, result);
  }
  // Beyond the largest: saturated, or infinity.
  unsigned top = format.saturates ? largest : towardZero ? largest : infinityBits;
  llvm::Value* beyond = builder_.CreateICmpUGT(result, number(i32, top));
  uint64_t unreachable = (uint64_t(exponentOnes - format.bias + 127) + 1)
                         << 23; // the shift above may have wrapped
  llvm::Value* huge = unreachable < 0x7f800000 ? builder_.CreateICmpUGE(magnitude, number(i32, unreachable))
                                               : builder_.CreateICmpUGE(magnitude, number(i32, 0x7f800000));
  result = builder_.CreateSelect(builder_.CreateOr(beyond, huge), number(i32, top), result);
  if (format.infinity && towardZero) // truncation keeps infinity
    result = builder_.CreateSelect(builder_.CreateICmpEQ(magnitude, number(i32, 0x7f800000)),
                                   number(i32, infinityBits), result);
  unsigned nan = infinityBits | ((1u << mantissa) - 1);
  llvm::Value* isNan = builder_.CreateICmpUGT(magnitude, number(i32, 0x7f800000));
  if (format.negativeZeroIsNan) {
    llvm::Value* zero = builder_.CreateICmpEQ(result, number(i32, 0));
    llvm::Value* with = builder_.CreateSelect(zero, number(i32, 0), builder_.CreateOr(result, signShifted));
    return builder_.CreateSelect(isNan, number(i32, 0x80), with);
  }
  return builder_.CreateOr(builder_.CreateSelect(isNan, number(i32, nan), result), signShifted);
}

llvm::Value* FloatFormats::decode(llvm::Value* bits, const Format& format) {
  llvm::Type* i32 = bits->getType();
  llvm::Type* f32 = sameShape(i32, builder_.getFloatTy());
  unsigned width = 1 + format.exponentBits + format.mantissaBits;
  unsigned infinityBits = ((1u << format.exponentBits) - 1) << format.mantissaBits;
  llvm::Value* magnitude = builder_.CreateAnd(bits, number(i32, (1u << (width - 1)) - 1));
  llvm::Value* sign =
      builder_.CreateShl(builder_.CreateAnd(bits, number(i32, 1u << (width - 1))), number(i32, 32 - width));
  // The bits as a tiny f32, scaled up: exact for normals and subnormals.
  llvm::Value* tiny =
      builder_.CreateBitCast(builder_.CreateShl(magnitude, number(i32, 23 - format.mantissaBits)), f32);
  llvm::Value* scaled =
      builder_.CreateFMul(tiny, llvm::ConstantFP::get(f32, std::ldexp(1.0, 127 - format.bias)));
  llvm::Value* result = builder_.CreateBitCast(scaled, i32);
  llvm::Value* nan = number(i32, 0x7fffffff);
  if (format.infinity) {
    llvm::Value* isInfinity = builder_.CreateICmpEQ(magnitude, number(i32, infinityBits));
    result = builder_.CreateSelect(isInfinity, number(i32, 0x7f800000), result);
    result = builder_.CreateSelect(builder_.CreateICmpUGT(magnitude, number(i32, infinityBits)), nan, result);
  } else if (!format.negativeZeroIsNan) {
    result = builder_.CreateSelect(builder_.CreateICmpEQ(magnitude, number(i32, (1u << (width - 1)) - 1)),
                                   nan, result);
  }
  result = builder_.CreateOr(result, sign);
  if (format.negativeZeroIsNan)
    result = builder_.CreateSelect(builder_.CreateICmpEQ(bits, number(i32, 1u << (width - 1))), nan, result);
  return builder_.CreateBitCast(result, f32);
}

} // namespace tuned::cpu
