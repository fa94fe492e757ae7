// Elementary functions of f32 vectors and scalars as polynomials: no calls, no branches, within 2 units in
// the last place unless said otherwise. NaN gives NaN; infinities, zeros and domain errors behave as in libm.
#pragma once

#include <llvm/IR/IRBuilder.h>

namespace tuned::cpu {

class Polynomials {
public:
  explicit Polynomials(llvm::IRBuilderBase& builder) : b_(builder) {}

  llvm::Value* exp(llvm::Value* x);
  llvm::Value* exp2(llvm::Value* x);
  llvm::Value* log(llvm::Value* x);
  llvm::Value* log2(llvm::Value* x);
  /// Of sin and cos: beyond, their reduction has no digits left.
  static constexpr double kLargestAngle = 0x1p48;
  llvm::Value* sin(llvm::Value* x) { return sine(x, 0); }
  llvm::Value* cos(llvm::Value* x) { return sine(x, 1); }
  llvm::Value* tanh(llvm::Value* x);
  llvm::Value* erf(llvm::Value* x);

private:
  llvm::Value* f(llvm::Value* like, double value);
  llvm::Value* i(llvm::Value* like, int64_t value);
  llvm::Value* fma(llvm::Value* a, llvm::Value* b, llvm::Value* c);
  /// Coefficients from the highest power down.
  llvm::Value* horner(llvm::Value* x, std::initializer_list<double> coefficients);
  llvm::Value* scale(llvm::Value* value, llvm::Value* shifted, llvm::Value* power);
  llvm::Value* sine(llvm::Value* x, int quarterTurns);
  llvm::Type* integers(llvm::Value* like);
  struct Logarithm {
    llvm::Value *mantissa, *exponent; ///< mantissa - 1 in [sqrt(1/2) - 1, sqrt(2) - 1]; exponent as f32
  };
  Logarithm split(llvm::Value* x);
  llvm::Value* logarithmEdges(llvm::Value* x, llvm::Value* result);

  llvm::IRBuilderBase& b_;
};

} // namespace tuned::cpu
