#include "ir/analysis/axis/axis_bounds.h"

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

/// The type's smallest and largest value; nothing for what is no integer of at most 64 bits.
struct Range {
  int64_t lower, upper;
};
static std::optional<Range> rangeOfType(mlir::Type type) {
  mlir::Type element = elementType(type);
  if (element.isIndex()) return Range{INT64_MIN, INT64_MAX};
  auto integer = mlir::dyn_cast<mlir::IntegerType>(element);
  if (!integer || integer.getWidth() > 64 || integer.getWidth() == 0) return std::nullopt;
  if (integer.getWidth() == 1) return Range{0, 1};
  int64_t largest = INT64_MAX >> (64 - integer.getWidth());
  return Range{-largest - 1, largest};
}

/// Sets both bounds if both are known and fit.
static void setBounds(AxisInfo& info, Bound lower, Bound upper, mlir::Type type) {
  auto range = rangeOfType(type);
  if (!range || !lower || !upper || *lower < range->lower || *upper > range->upper) return;
  info.lower = lower;
  info.upper = upper;
}

/// What is known, and else the type's own bounds.
static AxisInfo withinType(const AxisInfo& info, mlir::Type type) {
  AxisInfo bounded;
  auto range = rangeOfType(type);
  bounded.constant = info.constant;
  bounded.lower = info.lower || !range ? info.lower : Bound(range->lower);
  bounded.upper = info.upper || !range ? info.upper : Bound(range->upper);
  return bounded;
}

void boundSum(AxisInfo& info, const AxisInfo& left, const AxisInfo& right, mlir::Type type) {
  AxisInfo a = withinType(left, type), b = withinType(right, type);
  setBounds(info, combine(a.lower, b.lower, plus), combine(a.upper, b.upper, plus), type);
}

void boundDifference(AxisInfo& info, const AxisInfo& left, const AxisInfo& right, mlir::Type type) {
  AxisInfo a = withinType(left, type), b = withinType(right, type);
  setBounds(info, combine(a.lower, b.upper, minus), combine(a.upper, b.lower, minus), type);
}

void boundProduct(AxisInfo& info, const AxisInfo& left, const AxisInfo& right, mlir::Type type) {
  AxisInfo a = withinType(left, type), b = withinType(right, type);
  Bound corners[] = {combine(a.lower, b.lower, times), combine(a.lower, b.upper, times),
                     combine(a.upper, b.lower, times), combine(a.upper, b.upper, times)};
  if (!std::ranges::all_of(corners, [](const Bound& corner) { return corner.has_value(); })) return;
  setBounds(info, *std::ranges::min_element(corners), *std::ranges::max_element(corners), type);
}

void boundQuotient(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, Division division) {
  bool natural = a.isNatural();
  if (b.constant && *b.constant > 0 && (natural || division != Division::Unsigned)) {
    auto quotient = [&](Bound value) -> Bound {
      if (!value) return value;
      bool correct = division == Division::Down && *value < 0 && *value % *b.constant != 0;
      return *value / *b.constant - correct;
    };
    info.lower = quotient(a.lower);
    info.upper = quotient(a.upper);
  } else if (natural && b.lower && *b.lower > 0) {
    info.lower = 0;
    if (a.upper) info.upper = *a.upper / *b.lower;
  } else if (natural && a.upper) { // -1 is a division by zero
    bool positive = division == Division::Unsigned || b.isNatural();
    info.lower = positive ? -1 : std::min<int64_t>(-1, -*a.upper);
    info.upper = a.upper;
  }
}

void boundRemainder(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, bool isUnsigned) {
  Bound largest; // of the remainder's magnitude
  if (b.lower && *b.lower > 0 && b.upper) largest = *b.upper - 1;
  if (a.isNatural()) {
    info.lower = 0;
    info.upper = a.upper && largest ? std::min(*a.upper, *largest) : a.upper ? a.upper : largest;
  } else if (largest) {
    info.lower = isUnsigned ? 0 : -*largest;
    info.upper = largest;
  }
}

void boundBitwise(AxisInfo& info, const AxisInfo& a, const AxisInfo& b, bool conjunction) {
  auto natural = [](const AxisInfo& value) { return value.isNatural() && value.upper; };
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

int64_t halfOf(mlir::Type type) {
  auto range = rangeOfType(type);
  if (!range || range->upper == INT64_MAX) return AxisInfo::maxDivisor;
  return range->upper == 1 ? 1 : range->upper + 1;
}

/// Cuts runs along each dimension to those that start at a multiple of their length and are no longer than
/// `limit`: these lie wholly on one side of any multiple of the limit.
static void cutToAligned(AxisInfo& info, int64_t limit) {
  for (size_t d = 0; d < info.rank(); ++d) {
    int64_t run = std::min({info.contiguity[d], info.divisibility[d], limit});
    info.divisibility[d] = info.divisorAt(d, run);
    info.contiguity[d] = run;
  }
}

AxisInfo castInfo(mlir::Type from, mlir::Type to, const AxisInfo& value, bool isUnsigned) {
  AxisInfo info = value;
  auto before = rangeOfType(from), after = rangeOfType(to);
  if (!before || !after) return AxisInfo::unknown(to);
  bool widens = before->upper < after->upper, bit = elementType(from).isInteger(1);
  if (widens && bit && !isUnsigned) { // 1 becomes -1
    info.constant.reset();
    info.lower = -1;
    info.upper = 0;
    cutToAligned(info, 1);
  } else if (widens && isUnsigned && !value.isNatural()) {
    info.constant.reset();
    info.lower = info.upper = std::nullopt;
    if (before->upper <= INT32_MAX) info.lower = 0, info.upper = 2 * before->upper + 1;
    cutToAligned(info, halfOf(from));
  } else if (widens && !isUnsigned) {
    bool mayWrap =
        (!value.lower || *value.lower == before->lower) && (!value.upper || *value.upper == before->upper);
    if (mayWrap) cutToAligned(info, halfOf(from));
  }
  bool narrows = before->upper > after->upper;
  if (narrows && !(info.lower && info.upper)) info.lower = info.upper = std::nullopt;
  clampToType(info, to);
  return info;
}

std::optional<bool> decide(mlir::arith::CmpIOp op, const AxisInfo& a, const AxisInfo& b) {
  using enum mlir::arith::CmpIPredicate;
  mlir::arith::CmpIPredicate predicate = op.getPredicate();
  bool isUnsigned = predicate == ult || predicate == ule || predicate == ugt || predicate == uge;
  if (isUnsigned && !(a.isNatural() && b.isNatural())) return std::nullopt;
  bool equality = predicate == eq || predicate == ne;
  if (!isUnsigned && !equality && elementType(op.getLhs().getType()).isInteger(1))
    return std::nullopt; // a set bit is -1 here and counts as 1 in the facts
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
