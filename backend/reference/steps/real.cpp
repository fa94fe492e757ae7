// arith on floats: every operation rounds to its type; narrower types than f32 compute in f32 first.
#include "backend/reference/steps/map.h"

#include <cmath>

namespace tuned::reference {
namespace {

// As PTX has them: +0 is above -0; one NaN operand is ignored (maxnum) or wins (maximum).
template <typename T> T larger(T a, T b) {
  return a == b ? (std::signbit(a) ? b : a) : (a > b ? a : b);
}
template <typename T> T smaller(T a, T b) {
  return a == b ? (std::signbit(a) ? a : b) : (a < b ? a : b);
}
template <typename T> T maxnum(T a, T b) {
  return std::isnan(a) ? b : std::isnan(b) ? a : larger(a, b);
}
template <typename T> T minnum(T a, T b) {
  return std::isnan(a) ? b : std::isnan(b) ? a : smaller(a, b);
}
template <typename T> T maximum(T a, T b) {
  return std::isnan(a) ? a : std::isnan(b) ? b : larger(a, b);
}
template <typename T> T minimum(T a, T b) {
  return std::isnan(a) ? a : std::isnan(b) ? b : smaller(a, b);
}

/// Predicates are numbered as in arith: bit 0 equal, 1 greater, 2 less, 3 unordered, once `always false` is
/// 0.
Step cmpf(const Operation& op) {
  // arith: false oeq ogt oge olt ole one ord ueq ugt uge ult ule une uno true
  constexpr int kEqual = 1, kGreater = 2, kLess = 4, kUnordered = 8;
  constexpr int kHolds[16] = {0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 8, 15};
  int holds = kHolds[op.integer("predicate", 0) & 15];
  Kind kind = op.operandTypes[0].kind;
  return mapBinary(op, [holds, kind](uint64_t a, uint64_t b) -> uint64_t {
    double x = toDouble(kind, a), y = toDouble(kind, b);
    int is = x == y ? kEqual : x > y ? kGreater : x < y ? kLess : kUnordered;
    return (holds & is) != 0;
  });
}

/// Bounds first from below, then from above. Without propagation a NaN gives the lower bound.
Step clampf(const Operation& op) {
  Kind kind = op.resultTypes[0].kind;
  bool propagate = op.integer("propagateNan", 0) != 0;
  return mapTernary(op, [kind, propagate](uint64_t x, uint64_t low, uint64_t high) {
    double value = toDouble(kind, x);
    if (propagate && std::isnan(value)) return x;
    return fromDouble(kind, minnum(maxnum(value, toDouble(kind, low)), toDouble(kind, high)));
  });
}

/// On the sign bit alone, so that NaN and zero keep their other bits.
Step negf(const Operation& op) {
  Kind kind = op.resultTypes[0].kind;
  return mapUnary(op, [sign = mask(kind) ^ (mask(kind) >> 1)](uint64_t a) { return a ^ sign; });
}
Step absf(const Operation& op) {
  Kind kind = op.resultTypes[0].kind;
  return mapUnary(op, [m = mask(kind) >> 1](uint64_t a) { return a & m; });
}
Step copysign(const Operation& op) {
  uint64_t magnitude = mask(op.resultTypes[0].kind) >> 1;
  return mapBinary(op, [magnitude, sign = mask(op.resultTypes[0].kind) ^ magnitude](uint64_t a, uint64_t b) {
    return (a & magnitude) | (b & sign);
  });
}

/// Rounded once: f32 and narrower products are exact in double.
Step fma(const Operation& op) {
  Kind kind = op.resultTypes[0].kind;
  if (kind == Kind::F32)
    return mapTernary(op, [](uint64_t a, uint64_t b, uint64_t c) {
      return lane(std::fma(asFloat(a), asFloat(b), asFloat(c)));
    });
  return mapTernary(op, [kind](uint64_t a, uint64_t b, uint64_t c) {
    return fromDouble(kind, std::fma(toDouble(kind, a), toDouble(kind, b), toDouble(kind, c)));
  });
}

/// By the exponent alone, which toDouble() would widen.
Step isNormal(const Operation& op) {
  const Kind kind = op.operandTypes[0].kind;
  const double least = kind == Kind::F64        ? 0x1p-1022
                       : kind == Kind::F32      ? 0x1p-126
                       : kind == Kind::BF16     ? 0x1p-126
                       : kind == Kind::F8E4M3FN ? 0x1p-6
                                                : 0x1p-14; // f16, f8E5M2
  return mapUnary(op, [least, kind](uint64_t a) -> uint64_t {
    const double x = toDouble(kind, a);
    return std::isfinite(x) && std::fabs(x) >= least;
  });
}

template <typename F> Step classify(const Operation& op, F f) {
  Kind kind = op.operandTypes[0].kind;
  return mapUnary(op, [f, kind](uint64_t a) -> uint64_t { return f(toDouble(kind, a)); });
}

} // namespace

void addReal(StepTable& t) {
  using Op = const Operation&;
  t["arith.addf"] = [](Op op) { return realBinary(op, [](auto a, auto b) { return a + b; }); };
  t["arith.subf"] = [](Op op) { return realBinary(op, [](auto a, auto b) { return a - b; }); };
  t["arith.mulf"] = [](Op op) { return realBinary(op, [](auto a, auto b) { return a * b; }); };
  t["arith.divf"] = [](Op op) { return realBinary(op, [](auto a, auto b) { return a / b; }); };
  t["arith.remf"] = [](Op op) { return realBinary(op, [](auto a, auto b) { return std::fmod(a, b); }); };
  t["tt.precise_divf"] = t["arith.divf"];
  t["arith.maxnumf"] = [](Op op) { return realBinary(op, [](auto a, auto b) { return maxnum(a, b); }); };
  t["arith.minnumf"] = [](Op op) { return realBinary(op, [](auto a, auto b) { return minnum(a, b); }); };
  t["arith.maximumf"] = [](Op op) { return realBinary(op, [](auto a, auto b) { return maximum(a, b); }); };
  t["arith.minimumf"] = [](Op op) { return realBinary(op, [](auto a, auto b) { return minimum(a, b); }); };
  t["arith.negf"] = negf;
  t["arith.cmpf"] = cmpf;
  t["tt.clampf"] = clampf;
  t["math.clampf"] = clampf;
  t["math.absf"] = absf;
  t["math.copysign"] = copysign;
  t["math.fma"] = fma;
  t["math.isnan"] = [](Op op) { return classify(op, [](double x) { return std::isnan(x); }); };
  t["math.isinf"] = [](Op op) { return classify(op, [](double x) { return std::isinf(x); }); };
  t["math.isfinite"] = [](Op op) { return classify(op, [](double x) { return std::isfinite(x); }); };
  t["math.isnormal"] = isNormal;
}

} // namespace tuned::reference
