#include "backend/nvptx/lowering/math/float_conversion.h"

#include <llvm/IR/IntrinsicsNVPTX.h>

#include <cmath>
#include <optional>

namespace tuned::nvptx {
namespace {

/// An 8-bit float's format. `finite`: no infinities; e4m3fn has NaN at all ones, e4m3b11 at minus zero.
struct Fp8 {
  unsigned mantissaBits;
  int bias;
  uint8_t largest; ///< bits of the largest finite value
  const char* ptx; ///< name in cvt instructions; null: none
};

std::optional<Fp8> fp8Of(mlir::Type type) {
  if (mlir::isa<mlir::Float8E4M3FNType>(type)) return Fp8{3, 7, 0x7e, "e4m3x2"};
  if (mlir::isa<mlir::Float8E5M2Type>(type)) return Fp8{2, 15, 0x7b, "e5m2x2"};
  if (mlir::isa<mlir::Float8E4M3B11FNUZType>(type)) return Fp8{3, 11, 0x7f, nullptr};
  return std::nullopt;
}

class Converter {
public:
  explicit Converter(Emitter& emitter) : e(emitter), b(emitter.builder) {}

  /// 8 bits to half, which holds every value of all three formats but the range of e4m3b11 below its own.
  Registers widen(const Registers& from, const Fp8& format) {
    if (format.ptx && e.target.hasFp8Conversions()) return widenPairs(from, format);
    Registers to;
    for (llvm::Value* value : from)
      to.push_back(widenByInteger(value, format));
    return to;
  }

  Registers narrow(const Registers& from, const Fp8& format, Rounding rounding) {
    bool instruction = format.ptx && e.target.hasFp8Conversions() && rounding == Rounding::NearestEven;
    if (instruction) return narrowPairs(from, format);
    Registers to;
    for (llvm::Value* value : from)
      to.push_back(narrowByInteger(b.CreateFPExt(value, b.getFloatTy()), format, rounding));
    return to;
  }

private:
  Registers widenPairs(const Registers& from, const Fp8& format) {
    auto* pair = llvm::FixedVectorType::get(b.getInt8Ty(), 2);
    auto* halves = llvm::FixedVectorType::get(b.getHalfTy(), 2);
    Registers to;
    for (size_t i = 0; i < from.size(); i += 2) {
      llvm::Value* packed = b.CreateInsertElement(llvm::PoisonValue::get(pair), from[i], uint64_t{0});
      packed = b.CreateInsertElement(packed, from[std::min(i + 1, from.size() - 1)], uint64_t{1});
      llvm::Value* word = e.assembly(b.getInt32Ty(), std::string("cvt.rn.f16x2.") + format.ptx + " $0, $1;",
                                     "=r,h", {b.CreateBitCast(packed, b.getInt16Ty())}, false);
      word = b.CreateBitCast(word, halves);
      for (uint64_t k = 0; k < 2 && i + k < from.size(); ++k)
        to.push_back(b.CreateExtractElement(word, k));
    }
    return to;
  }

  /// From half or float. The instruction's first source is the upper element.
  Registers narrowPairs(const Registers& from, const Fp8& format) {
    bool half = from.front()->getType()->isHalfTy();
    std::string name = std::string("cvt.rn.satfinite.") + format.ptx;
    auto* pair = llvm::FixedVectorType::get(b.getInt8Ty(), 2);
    Registers to;
    for (size_t i = 0; i < from.size(); i += 2) {
      llvm::Value *low = from[i], *high = from[std::min(i + 1, from.size() - 1)], *word;
      if (half) {
        auto* halves = llvm::FixedVectorType::get(b.getHalfTy(), 2);
        llvm::Value* packed = b.CreateInsertElement(llvm::PoisonValue::get(halves), low, uint64_t{0});
        packed = b.CreateInsertElement(packed, high, uint64_t{1});
        word = e.assembly(b.getInt16Ty(), name + ".f16x2 $0, $1;", "=h,r",
                          {b.CreateBitCast(packed, b.getInt32Ty())}, false);
      } else {
        word = e.assembly(b.getInt16Ty(), name + ".f32 $0, $1, $2;", "=h,f,f",
                          {b.CreateFPExt(high, b.getFloatTy()), b.CreateFPExt(low, b.getFloatTy())}, false);
      }
      word = b.CreateBitCast(word, pair);
      for (uint64_t k = 0; k < 2 && i + k < from.size(); ++k)
        to.push_back(b.CreateExtractElement(word, k));
    }
    return to;
  }

  llvm::Value* widenByInteger(llvm::Value* value, const Fp8& format) {
    llvm::Value* bits = b.CreateZExt(value, b.getInt32Ty());
    llvm::Value* magnitude = b.CreateAnd(bits, 0x7f);
    unsigned shift = 23 - format.mantissaBits;
    // Normal numbers: move the fields to a float's and rebias. Subnormal ones: an integer times a power of
    // two.
    llvm::Value* normal = b.CreateAdd(b.CreateShl(magnitude, shift),
                                      b.getInt32(static_cast<uint32_t>(127 - format.bias) << 23));
    double unit = std::ldexp(1.0, 1 - format.bias - static_cast<int>(format.mantissaBits));
    llvm::Value* subnormal =
        b.CreateFMul(b.CreateUIToFP(magnitude, b.getFloatTy()), llvm::ConstantFP::get(b.getFloatTy(), unit));
    llvm::Value* isSubnormal = b.CreateICmpULT(magnitude, b.getInt32(1u << format.mantissaBits));
    llvm::Value* magnitudeBits =
        b.CreateSelect(isSubnormal, b.CreateBitCast(subnormal, b.getInt32Ty()), normal);
    magnitudeBits = b.CreateSelect(isNan(bits, magnitude, format), b.getInt32(0x7fc00000), magnitudeBits);
    if (format.bias == 15) // e5m2 has infinities
      magnitudeBits =
          b.CreateSelect(b.CreateICmpEQ(magnitude, b.getInt32(0x7c)), b.getInt32(0x7f800000), magnitudeBits);
    llvm::Value* sign = b.CreateShl(b.CreateAnd(bits, 0x80), 24);
    return b.CreateFPTrunc(b.CreateBitCast(b.CreateOr(magnitudeBits, sign), b.getFloatTy()), b.getHalfTy());
  }

  llvm::Value* isNan(llvm::Value* bits, llvm::Value* magnitude, const Fp8& format) {
    if (format.bias == 15) return b.CreateICmpUGT(magnitude, b.getInt32(0x7c));
    if (format.bias == 7) return b.CreateICmpEQ(magnitude, b.getInt32(0x7f));
    return b.CreateICmpEQ(bits, b.getInt32(0x80));
  }

  llvm::Value* narrowByInteger(llvm::Value* value, const Fp8& format, Rounding rounding) {
    llvm::Value* bits = b.CreateBitCast(value, b.getInt32Ty());
    llvm::Value* magnitude = b.CreateAnd(bits, 0x7fffffff);
    unsigned shift = 23 - format.mantissaBits;
    auto minNormal = static_cast<uint32_t>(127 + 1 - format.bias) << 23;
    auto rebias = static_cast<uint32_t>(127 - format.bias) << 23;

    // Normal: rebias, then drop the low mantissa bits; a carry out of the mantissa raises the exponent as it
    // should.
    llvm::Value* rebiased = b.CreateSub(magnitude, b.getInt32(rebias));
    if (rounding == Rounding::NearestEven) {
      llvm::Value* odd = b.CreateAnd(b.CreateLShr(rebiased, shift), 1);
      rebiased = b.CreateAdd(b.CreateAdd(rebiased, odd), b.getInt32((1u << (shift - 1)) - 1));
    }
    llvm::Value* normal = b.CreateLShr(rebiased, shift);

    // Subnormal: the value in units of the smallest, as an integer.
    double scale = std::ldexp(1.0, format.bias - 1 + static_cast<int>(format.mantissaBits));
    llvm::Value* units = b.CreateFMul(b.CreateBitCast(magnitude, b.getFloatTy()),
                                      llvm::ConstantFP::get(b.getFloatTy(), scale));
    const char* convert =
        rounding == Rounding::NearestEven ? "cvt.rni.u32.f32 $0, $1;" : "cvt.rzi.u32.f32 $0, $1;";
    llvm::Value* subnormal = e.assembly(b.getInt32Ty(), convert, "=r,f", {units}, false);

    llvm::Value* result =
        b.CreateSelect(b.CreateICmpULT(magnitude, b.getInt32(minNormal)), subnormal, normal);
    llvm::Value* largest = b.getInt32(format.largest);
    // Beyond the exponents of a float the rebiased number would wrap: clamp by the magnitude's own exponent
    // too.
    llvm::Value* huge = b.CreateICmpUGE(magnitude, b.getInt32(static_cast<uint32_t>(127 + 17) << 23));
    llvm::Value* over = b.CreateOr(huge, b.CreateICmpUGT(result, largest));
    result = b.CreateSelect(over, largest, result);
    llvm::Value* sign = b.CreateAnd(b.CreateLShr(bits, 24), 0x80);
    bool signedZero = format.bias != 11; // e4m3b11 spends minus zero on NaN
    if (!signedZero) sign = b.CreateSelect(b.CreateICmpEQ(result, b.getInt32(0)), b.getInt32(0), sign);
    result = b.CreateOr(result, sign);
    // Toward zero is truncation of a half, which keeps infinity where the format has one.
    if (format.bias == 15 && rounding == Rounding::TowardZero) {
      llvm::Value* infinite = b.CreateICmpEQ(magnitude, b.getInt32(0x7f800000));
      result = b.CreateSelect(infinite, b.CreateOr(sign, b.getInt32(0x7c)), result);
    }
    llvm::Value* nan = b.CreateICmpUGT(magnitude, b.getInt32(0x7f800000));
    result = b.CreateSelect(nan, b.getInt32(format.bias == 11 ? 0x80 : 0x7f), result);
    return b.CreateTrunc(result, b.getInt8Ty());
  }

  Emitter& e;
  llvm::IRBuilder<>& b;
};

llvm::Value* towardZero(Emitter& e, llvm::Value* value) {
  return e.builder.CreateIntrinsic(e.builder.getFloatTy(), llvm::Intrinsic::nvvm_d2f_rz, {value});
}

/// A float on the way to something narrower: the last bit of an inexact one is set, so that the second
/// rounding sees on which side of a tie the double was ("round to odd").
llvm::Value* doubleToOddFloat(Emitter& e, llvm::Value* value) {
  auto& b = e.builder;
  llvm::Value* cut = towardZero(e, value);
  llvm::Value* inexact = b.CreateFCmpONE(b.CreateFPExt(cut, value->getType()), value);
  llvm::Value* bits = b.CreateBitCast(cut, b.getInt32Ty());
  return b.CreateBitCast(b.CreateOr(bits, b.CreateZExt(inexact, b.getInt32Ty())), b.getFloatTy());
}

/// Between float types of 16 bits and more. Toward zero goes by way of float: truncating twice is truncating.
llvm::Value* plain(Emitter& e, llvm::Value* value, llvm::Type* to, Rounding rounding) {
  auto& b = e.builder;
  if (rounding == Rounding::TowardZero && value->getType()->isDoubleTy()) value = towardZero(e, value);
  llvm::Type* from = value->getType();
  if (from == to) return value;
  if (from->getScalarSizeInBits() < to->getScalarSizeInBits()) return b.CreateFPExt(value, to);
  if (from->getScalarSizeInBits() == to->getScalarSizeInBits()) // half and bfloat: through float
    return plain(e, b.CreateFPExt(value, b.getFloatTy()), to, rounding);
  if (rounding == Rounding::NearestEven || !from->isFloatTy()) return b.CreateFPTrunc(value, to);
  const char* name = to->isHalfTy() ? "cvt.rz.f16.f32 $0, $1;" : "cvt.rz.bf16.f32 $0, $1;";
  return b.CreateBitCast(e.assembly(b.getInt16Ty(), name, "=h,f", {value}, false), to);
}

} // namespace

bool isFp8(mlir::Type type) {
  return fp8Of(tt::elementType(type)).has_value();
}

Registers convertFloat(Emitter& e, const Registers& from, mlir::Type fromType, mlir::Type toType,
                       Rounding rounding) {
  auto narrowFrom = fp8Of(tt::elementType(fromType)), narrowTo = fp8Of(tt::elementType(toType));
  Converter converter(e);
  Registers wide = narrowFrom ? converter.widen(from, *narrowFrom) : from;
  for (llvm::Value* value : wide)
    if (!value->getType()->isFloatingPointTy()) return {};
  if (narrowTo) {
    for (llvm::Value*& value : wide)
      if (value->getType()->isDoubleTy())
        value = rounding == Rounding::NearestEven ? doubleToOddFloat(e, value) : towardZero(e, value);
    return converter.narrow(wide, *narrowTo, rounding);
  }
  llvm::Type* to = e.type(toType);
  if (!to->isFloatingPointTy()) return {};
  for (llvm::Value*& value : wide)
    value = plain(e, value, to, rounding);
  return wide;
}

} // namespace tuned::nvptx
