// The dialect math: each function in double, rounded once to the type.
#include "backend/reference/steps/map.h"

#include <cmath>

namespace tuned::reference {
namespace {

template <double (*f)(double)> Step function(const Operation& op) {
  return throughDouble(op, f);
}
template <double (*f)(double, double)> Step function2(const Operation& op) {
  return throughDouble2(op, f);
}

double rsqrt(double x) {
  return 1.0 / std::sqrt(x);
}
double roundAway(double x) {
  return std::round(x);
}
double roundEven(double x) {
  return std::nearbyint(x);
}

/// A float to an integer power, by the signed value of the second operand. Beyond 2^53 a double knows no odd
/// numbers: the sign is told from the integer.
Step fpowi(const Operation& op) {
  Kind kind = op.operandTypes[0].kind, integer = op.operandTypes[1].kind;
  return mapBinary(op, [kind, integer](uint64_t x, uint64_t n) {
    const double base = toDouble(kind, x);
    const double power = std::pow(std::fabs(base), static_cast<double>(signedValue(integer, n)));
    return fromDouble(kind, std::signbit(base) && n % 2 == 1 ? -power : power);
  });
}

/// An integer to an integer power, signed both; what is no integer is 0.
Step ipowi(const Operation& op) {
  Kind kind = op.operandTypes[0].kind;
  return mapBinary(op, [kind](uint64_t a, uint64_t b) -> uint64_t {
    const int64_t x = signedValue(kind, a), n = signedValue(kind, b);
    if (n < 0) return x == 1 ? 1 : x == -1 ? (n % 2 ? mask(kind) : 1) : 0;
    uint64_t result = 1, factor = a;
    for (int64_t left = n; left > 0; left /= 2) {
      if (left % 2) result *= factor;
      factor *= factor;
    }
    return result & mask(kind);
  });
}

Step sincos(const Operation& op) {
  Kind kind = op.operandTypes[0].kind;
  return [kind, x = op.operands[0], sine = op.results[0], cosine = op.results[1]](Frame& frame) {
    const Lanes a = frame[x];
    frame[sine].resize(a.size());
    frame[cosine].resize(a.size());
    for (size_t i = 0; i < a.size(); ++i) {
      frame[sine][i] = fromDouble(kind, std::sin(toDouble(kind, a[i])));
      frame[cosine][i] = fromDouble(kind, std::cos(toDouble(kind, a[i])));
    }
  };
}

} // namespace

void addMath(StepTable& t) {
  t["math.exp"] = function<std::exp>;
  t["math.exp2"] = function<std::exp2>;
  t["math.expm1"] = function<std::expm1>;
  t["math.log"] = function<std::log>;
  t["math.log2"] = function<std::log2>;
  t["math.log10"] = function<std::log10>;
  t["math.log1p"] = function<std::log1p>;
  t["math.sqrt"] = function<std::sqrt>;
  t["tt.precise_sqrt"] = function<std::sqrt>;
  t["math.rsqrt"] = function<rsqrt>;
  t["math.cbrt"] = function<std::cbrt>;
  t["math.sin"] = function<std::sin>;
  t["math.cos"] = function<std::cos>;
  t["math.tan"] = function<std::tan>;
  t["math.sinh"] = function<std::sinh>;
  t["math.cosh"] = function<std::cosh>;
  t["math.tanh"] = function<std::tanh>;
  t["math.asin"] = function<std::asin>;
  t["math.acos"] = function<std::acos>;
  t["math.atan"] = function<std::atan>;
  t["math.asinh"] = function<std::asinh>;
  t["math.acosh"] = function<std::acosh>;
  t["math.atanh"] = function<std::atanh>;
  t["math.erf"] = function<std::erf>;
  t["math.erfc"] = function<std::erfc>;
  t["math.floor"] = function<std::floor>;
  t["math.ceil"] = function<std::ceil>;
  t["math.trunc"] = function<std::trunc>;
  t["math.round"] = function<roundAway>;
  t["math.roundeven"] = function<roundEven>;
  t["math.atan2"] = function2<std::atan2>;
  t["math.powf"] = function2<std::pow>;
  t["math.fpowi"] = fpowi;
  t["math.ipowi"] = ipowi;
  t["math.sincos"] = sincos;
}

} // namespace tuned::reference
