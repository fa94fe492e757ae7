// Narrow floats as bits: f16, bf16 and the 8-bit formats, to and from f32 and f64 with exact rounding.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <mlir/IR/BuiltinTypes.h>

namespace tuned::cpu {

/// All functions take scalars and vectors. A value of a float type narrower than 32 bits is its bits, an
/// integer.
class FloatFormats {
public:
  FloatFormats(llvm::IRBuilderBase& builder, bool halfConversions)
      : builder_(builder), halfConversions_(halfConversions) {}

  /// f16, bf16 or 8-bit bits to f32, exactly; f32 and f64 as they are.
  llvm::Value* widen(llvm::Value* value, mlir::Type type);
  /// f32 or f64 to `type`: to nearest even, or toward zero. 8-bit formats saturate as NVIDIA's do: what is
  /// beyond the largest finite value, infinity too, becomes it; but toward zero infinity stays where the
  /// format has it. NaN stays NaN.
  llvm::Value* narrow(llvm::Value* value, mlir::Type type, bool towardZero = false);
  /// Between any two float types.
  llvm::Value* convert(llvm::Value* value, mlir::Type from, mlir::Type to, bool towardZero = false);

private:
  struct Format {
    unsigned exponentBits, mantissaBits;
    int bias;
    bool infinity; ///< the largest exponent is infinity and NaN; else only all ones (or, FNUZ, -0) is NaN
    bool saturates;
    bool negativeZeroIsNan;
  };
  static Format formatOf(mlir::Type type);

  llvm::Value* number(llvm::Type* like, uint64_t value);
  llvm::Value* truncate(llvm::Value* f64);
  llvm::Value* roundToOdd(llvm::Value* f64);
  std::pair<llvm::Value*, llvm::Value*> towardZeroBits(llvm::Value* f64);
  llvm::Value* encode(llvm::Value* f32, const Format& format, bool towardZero);
  llvm::Value* decode(llvm::Value* bits, const Format& format);

  llvm::IRBuilderBase& builder_;
  bool halfConversions_;
};

} // namespace tuned::cpu
