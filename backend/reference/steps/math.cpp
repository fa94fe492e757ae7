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

/// A float to an integer power, by the signed value of the second operand.
Step fpowi(const Operation& op) {
  Kind kind = op.operandTypes[0].kind, integer = op.operandTypes[1].kind;
  return mapBinary(op, [kind, integer](uint64_t x, uint64_t n) {
    return fromDouble(kind, std::pow(toDouble(kind, x), static_cast<double>(signedValue(integer, n))));
  });
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
}

} // namespace tuned::reference
