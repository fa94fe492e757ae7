// Coefficients: Chebyshev fits of the function over the reduced range, in 200-bit arithmetic.
#include "backend/cpu/math/polynomials.h"

#include "backend/cpu/math/native.h"

#include <llvm/IR/DerivedTypes.h>

namespace tuned::cpu {

llvm::Value* Polynomials::f(llvm::Value* like, double value) {
  return llvm::ConstantFP::get(like->getType(), value);
}

llvm::Value* Polynomials::i(llvm::Value* like, int64_t value) {
  return llvm::ConstantInt::get(like->getType(), uint64_t(value), true);
}

llvm::Value* Polynomials::fma(llvm::Value* a, llvm::Value* b, llvm::Value* c) {
  return b_.CreateIntrinsic(llvm::Intrinsic::fma, {a->getType()}, {a, b, c});
}

llvm::Type* Polynomials::integers(llvm::Value* like) {
  llvm::Type* element = like->getType()->getScalarType()->isDoubleTy() ? b_.getInt64Ty() : b_.getInt32Ty();
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(like->getType());
  return vector ? llvm::FixedVectorType::get(element, vector->getNumElements()) : element;
}

llvm::Value* Polynomials::horner(llvm::Value* x, std::initializer_list<double> coefficients) {
  llvm::Value* sum = nullptr;
  for (double coefficient : coefficients)
    sum = sum ? fma(sum, x, f(x, coefficient)) : f(x, coefficient);
  return sum;
}

// Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
constexpr double magic = 12582912;

// value * 2^exponent, where `shifted` is exponent + magic. In two steps where there is no instruction for it,
// so that subnormal results are right.
llvm::Value* Polynomials::scale(llvm::Value* value, llvm::Value* shifted, llvm::Value* power) {
  if (llvm::Value* scaled = scaleByPowerOfTwo(b_, value, power)) return scaled;
  llvm::Type* ints = integers(value);
  llvm::Value* exponent =
      b_.CreateSub(b_.CreateBitCast(shifted, ints), b_.CreateBitCast(f(value, magic), ints));
  llvm::Value* half = b_.CreateAShr(exponent, i(exponent, 1));
  auto powerOf = [&](llvm::Value* n) {
    llvm::Value* bits = b_.CreateShl(b_.CreateAdd(n, i(n, 127)), i(n, 23));
    return b_.CreateBitCast(bits, value->getType());
  };
  return b_.CreateFMul(b_.CreateFMul(value, powerOf(half)), powerOf(b_.CreateSub(exponent, half)));
}

// Comparisons are written so that NaN passes.
llvm::Value* Polynomials::exp(llvm::Value* x) {
  x = b_.CreateSelect(b_.CreateFCmpOGT(x, f(x, 89)), f(x, 89), x);
  x = b_.CreateSelect(b_.CreateFCmpOLT(x, f(x, -105)), f(x, -105), x);
  llvm::Value* shifted = fma(x, f(x, 1.4426950408889634), f(x, magic));
  llvm::Value* n = b_.CreateFSub(shifted, f(x, magic));
  llvm::Value* r = fma(n, f(x, -0.693145751953125), x);
  r = fma(n, f(x, -1.42860682030941723e-6), r);
  llvm::Value* p = horner(r, {0.00139264841, 0.00836341962, 0.04166655281, 0.1666657554, 0.5, 1, 1});
  return scale(p, shifted, n);
}

llvm::Value* Polynomials::exp2(llvm::Value* x) {
  x = b_.CreateSelect(b_.CreateFCmpOGT(x, f(x, 129)), f(x, 129), x);
  x = b_.CreateSelect(b_.CreateFCmpOLT(x, f(x, -151)), f(x, -151), x);
  llvm::Value* shifted = b_.CreateFAdd(x, f(x, magic));
  llvm::Value* n = b_.CreateFSub(shifted, f(x, magic));
  llvm::Value* r = b_.CreateFSub(x, n);
  llvm::Value* p = horner(
      r, {0.0001545336197, 0.001339109325, 0.009618082183, 0.05550356682, 0.2402265076, 0.6931471881, 1});
  return scale(p, shifted, n);
}

Polynomials::Logarithm Polynomials::split(llvm::Value* x) {
  llvm::Value* subnormal = b_.CreateFCmpOLT(x, f(x, 1.17549435e-38));
  llvm::Value* normal = b_.CreateSelect(subnormal, b_.CreateFMul(x, f(x, 8388608)), x);
  llvm::Value* bits = b_.CreateBitCast(normal, integers(x));
  llvm::Value* exponent = b_.CreateAShr(b_.CreateSub(bits, i(bits, 0x3f3504f3)), i(bits, 23));
  llvm::Value* mantissa = b_.CreateSub(bits, b_.CreateShl(exponent, i(bits, 23)));
  llvm::Value* e = b_.CreateSIToFP(exponent, x->getType());
  e = b_.CreateSelect(subnormal, b_.CreateFSub(e, f(x, 23)), e);
  return {b_.CreateFSub(b_.CreateBitCast(mantissa, x->getType()), f(x, 1)), e};
}

// log of 0 is -infinity, of infinity itself, of what is negative NaN.
llvm::Value* Polynomials::logarithmEdges(llvm::Value* x, llvm::Value* result) {
  llvm::Constant* infinity = llvm::ConstantFP::getInfinity(x->getType());
  result = b_.CreateSelect(b_.CreateFCmpOEQ(x, f(x, 0)), llvm::ConstantFP::getInfinity(x->getType(), true),
                           result);
  result = b_.CreateSelect(b_.CreateFCmpOLT(x, infinity), result, x);
  return b_.CreateSelect(b_.CreateFCmpOLT(x, f(x, 0)), llvm::ConstantFP::getNaN(x->getType()), result);
}

static constexpr std::initializer_list<double> log1pTail = {0.06971611471, -0.1147973385, 0.1168541992,
                                                            -0.1242568733, 0.1424905765,  -0.1666780232,
                                                            0.2000071575,  -0.2499999696, 0.3333333118};

llvm::Value* Polynomials::log(llvm::Value* x) {
  auto [r, e] = split(x);
  llvm::Value* square = b_.CreateFMul(r, r);
  llvm::Value* tail = b_.CreateFMul(b_.CreateFMul(square, r), horner(r, log1pTail));
  tail = fma(e, f(x, -2.12194440e-4), tail);
  tail = fma(square, f(x, -0.5), tail);
  return logarithmEdges(x, fma(e, f(x, 0.693359375), b_.CreateFAdd(r, tail)));
}

llvm::Value* Polynomials::log2(llvm::Value* x) {
  auto [r, e] = split(x);
  llvm::Value* square = b_.CreateFMul(r, r);
  llvm::Value* tail = b_.CreateFMul(b_.CreateFMul(square, r), horner(r, log1pTail));
  tail = fma(square, f(x, -0.5), tail);
  // log2(e) = 1 + 0.4426…: the two products apart keep the digits
  llvm::Value* sum = b_.CreateFMul(tail, f(x, 0.44269504088896340736));
  sum = fma(r, f(x, 0.44269504088896340736), sum);
  sum = b_.CreateFAdd(b_.CreateFAdd(sum, tail), r);
  return logarithmEdges(x, b_.CreateFAdd(sum, e));
}

// The argument is reduced in f64 by a two-part pi/2: good to kLargestAngle.
llvm::Value* Polynomials::sine(llvm::Value* x, int quarterTurns) {
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(x->getType());
  llvm::Type* f64 =
      vector ? llvm::FixedVectorType::get(b_.getDoubleTy(), vector->getNumElements()) : b_.getDoubleTy();
  llvm::Value* wide = b_.CreateFPExt(x, f64);
  llvm::Value* magic = f(wide, 6755399441055744.0);
  llvm::Value* shifted = fma(wide, f(wide, 0.63661977236758134308), magic);
  llvm::Value* n = b_.CreateFSub(shifted, magic);
  llvm::Value* reduced = fma(n, f(wide, -1.57079632679489655800), wide);
  reduced = fma(n, f(wide, -6.12323399573676603587e-17), reduced);
  llvm::Value* turns = b_.CreateTrunc(b_.CreateBitCast(shifted, integers(wide)), integers(x));
  turns = b_.CreateAdd(turns, i(turns, quarterTurns));
  llvm::Value* r = b_.CreateFPTrunc(reduced, x->getType());
  llvm::Value* z = b_.CreateFMul(r, r);
  llvm::Value* sine =
      fma(b_.CreateFMul(r, z), horner(z, {-0.0001958283068, 0.008332724614, -0.1666666454}), r);
  llvm::Value* cosine = horner(z, {2.454287111e-5, -0.001388827933, 0.04166666454, -0.5, 1});
  auto bit = [&](int64_t mask) { return b_.CreateICmpNE(b_.CreateAnd(turns, i(turns, mask)), i(turns, 0)); };
  llvm::Value* result = b_.CreateSelect(bit(1), cosine, sine);
  return b_.CreateSelect(bit(2), b_.CreateFNeg(result), result);
}

llvm::Value* Polynomials::tanh(llvm::Value* x) {
  llvm::Value* magnitude = b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
  llvm::Value* z = b_.CreateFMul(x, x);
  llvm::Value* small =
      horner(z, {-0.005992961254, 0.02092414818, -0.05383514126, 0.1333266348, -0.3333332786});
  small = fma(b_.CreateFMul(x, z), small, x);
  llvm::Value* e = exp(b_.CreateFMul(magnitude, f(x, 2)));
  llvm::Value* large = b_.CreateFSub(f(x, 1), b_.CreateFDiv(f(x, 2), b_.CreateFAdd(e, f(x, 1))));
  large = b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, large, x);
  return b_.CreateSelect(b_.CreateFCmpOLT(magnitude, f(x, 0.625)), small, large);
}

llvm::Value* Polynomials::erf(llvm::Value* x) {
  llvm::Value* t = b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
  llvm::Value* z = b_.CreateFMul(x, x);
  llvm::Value* small =
      horner(z, {-0.0005876505632, 0.004970797457, -0.02675150035, 0.112814073, -0.3761245598, 0.1283791442});
  small = fma(small, x, x);
  // Beyond, 1 - e^log(erfc): from 4 on erf is 1.
  llvm::Value* bounded = b_.CreateSelect(b_.CreateFCmpOGT(t, f(x, 4)), f(x, 4), t);
  llvm::Value* exponent =
      horner(bounded, {1.643063656e-6, -4.616385863e-5, 0.0005975857702, -0.004762625833, 0.02642763715,
                       -0.1100871665, -0.6318239181, -1.130231055, 0.0003185396624});
  llvm::Value* large = b_.CreateFSub(f(x, 1), exp(exponent));
  large = b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, large, x);
  return b_.CreateSelect(b_.CreateFCmpOGT(t, f(x, 0.925)), large, small);
}

} // namespace tuned::cpu
