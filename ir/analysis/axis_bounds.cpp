#include "ir/analysis/axis_bounds.h"

#include <algorithm>
#include <bit>

namespace tuned::tt {

using Bound = std::optional<int64_t>;

template <typename Operation> static Bound combine(Bound a, Bound b, Operation operation) {
  int64_t result;
  if (!a || !b || operation(*a, *b, &result)) return std::nullopt;
  return result;
}

static constexpr auto plus = [](int64_t a, int64_t b, int64_t* out) {
  return __builtin_add_overflow(a, b, out);
};
static constexpr auto minus = [](int64_t a, int64_t b, int64_t* out) {
  return __builtin_sub_overflow(a, b, out);
};
static constexpr auto times = [](int64_t a, int64_t b, int64_t* out) {
  return __builtin_mul_overflow(a, b, out);
};

void boundSum(AxisInfo& info, const AxisInfo& a, const AxisInfo& b) {
  info.lower = combine(a.lower, b.lower, plus);
  info.upper = combine(a.upper, b.upper, plus);
}

void boundDifference(AxisInfo& info, const AxisInfo& a, const AxisInfo& b) {
  info.lower = combine(a.lower, b.upper, minus);
  info.upper = combine(a.upper, b.lower, minus);
}

void boundProduct(AxisInfo& info, const AxisInfo& a, const AxisInfo& b) {
  Bound corners[] = {combine(a.lower, b.lower, times), combine(a.lower, b.upper, times),
                     combine(a.upper, b.lower, times), combine(a.upper, b.upper, times)};
  if (!std::ranges::all_of(corners, [](const Bound& corner) { return corner.has_value(); })) return;
  info.lower = *std::ranges::min_element(corners);
  info.upper = *std::ranges::max_element(corners);
}

void boundQuotient(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, bool down) {
  if (!b.constant || *b.constant <= 0) {
    if (a.lower && *a.lower >= 0 && b.lower && *b.lower > 0) info.lower = 0, info.upper = a.upper;
    return;
  }
  auto quotient = [&](Bound value) -> Bound {
    if (!value) return value;
    int64_t result = *value / *b.constant;
    return down && *value < 0 && *value % *b.constant ? result - 1 : result;
  };
  info.lower = quotient(a.lower);
  info.upper = quotient(a.upper);
}

void boundBitwise(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, bool conjunction) {
  auto natural = [](const AxisInfo& value) { return value.lower && *value.lower >= 0 && value.upper; };
  if (conjunction) {
    Bound least;
    for (const AxisInfo* value : {&a, &b})
      if (natural(*value)) least = std::min(least.value_or(INT64_MAX), *value->upper);
    if (least) info.lower = 0, info.upper = least;
  } else if (natural(a) && natural(b)) {
    info.lower = 0;
    info.upper = int64_t(std::bit_ceil(uint64_t(std::max(*a.upper, *b.upper)) + 1) - 1);
  }
}

void boundExtreme(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, bool smaller) {
  // One known bound is enough on the side the operation cuts.
  auto cut = [&](Bound x, Bound y) {
    return x && y ? (smaller ? std::min(*x, *y) : std::max(*x, *y)) : x ? x : y;
  };
  auto both = [&](Bound x, Bound y) {
    return x && y ? Bound(smaller ? std::min(*x, *y) : std::max(*x, *y)) : Bound();
  };
  info.upper = smaller ? cut(a.upper, b.upper) : both(a.upper, b.upper);
  info.lower = smaller ? both(a.lower, b.lower) : cut(a.lower, b.lower);
}

bool fitsType(int64_t value, mlir::Type type) {
  auto integer = mlir::dyn_cast<mlir::IntegerType>(elementType(type));
  if (!integer || integer.getWidth() >= 64) return true;
  if (integer.getWidth() == 1) return value == 0 || value == 1;
  int64_t half = int64_t(1) << (integer.getWidth() - 1);
  return value >= -half && value < half;
}

void clampToType(AxisInfo& info, mlir::Type type) {
  bool fits = (!info.lower || fitsType(*info.lower, type)) && (!info.upper || fitsType(*info.upper, type));
  if (!fits) info.lower = info.upper = std::nullopt;
  if (info.constant && !fitsType(*info.constant, type)) info.constant.reset();
}

int64_t signedValue(const llvm::APInt& value) {
  if (value.getBitWidth() == 1) return value.getZExtValue();
  return value.getSignificantBits() <= 64 ? value.getSExtValue() : INT64_MIN;
}

AxisInfo castInfo(mlir::Operation* cast, const AxisInfo& value) {
  AxisInfo info = value;
  mlir::Type from = cast->getOperand(0).getType(), to = cast->getResult(0).getType();
  bool unsignedCast = mlir::isa<mlir::arith::ExtUIOp, mlir::arith::IndexCastUIOp>(cast);
  bool signedBit = elementType(from).isInteger(1) && mlir::isa<mlir::arith::ExtSIOp>(cast);
  if (signedBit || (unsignedCast && !(value.lower && *value.lower >= 0))) {
    info.constant.reset();
    info.lower = info.upper = std::nullopt;
    if (signedBit) info.lower = -1, info.upper = 0, info.index = false;
  }
  if (mlir::isa<mlir::arith::TruncIOp>(cast) && !(info.lower && info.upper))
    info.lower = info.upper = std::nullopt;
  clampToType(info, to);
  return info;
}

std::optional<bool> decide(mlir::arith::CmpIPredicate predicate, const AxisInfo& a, const AxisInfo& b) {
  using enum mlir::arith::CmpIPredicate;
  auto natural = [](const AxisInfo& value) { return value.lower && *value.lower >= 0; };
  bool isUnsigned = predicate == ult || predicate == ule || predicate == ugt || predicate == uge;
  if (isUnsigned && !(natural(a) && natural(b))) return std::nullopt;
  // x < y: certain when x's upper is below y's lower, impossible when x's lower reaches y's upper.
  auto less = [](const AxisInfo& x, const AxisInfo& y, bool orEqual) -> std::optional<bool> {
    if (x.upper && y.lower && (orEqual ? *x.upper <= *y.lower : *x.upper < *y.lower)) return true;
    if (x.lower && y.upper && (orEqual ? *x.lower > *y.upper : *x.lower >= *y.upper)) return false;
    return std::nullopt;
  };
  switch (predicate) {
  case slt:
  case ult:
    return less(a, b, false);
  case sle:
  case ule:
    return less(a, b, true);
  case sgt:
  case ugt:
    return less(b, a, false);
  case sge:
  case uge:
    return less(b, a, true);
  case eq:
  case ne:
    if (a.constant && a.constant == b.constant) return predicate == eq;
    if (less(a, b, false) == true || less(b, a, false) == true) return predicate == ne;
  }
  return std::nullopt;
}

} // namespace tuned::tt
