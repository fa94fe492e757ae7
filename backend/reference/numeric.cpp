#include "backend/reference/numeric.h"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace tuned::reference {
namespace {

struct KindFacts {
  const char* name;
  int bits;
  bool isFloat;
  int mantissaBits, bias; // floats
  bool infinity;          // false: the largest exponent holds numbers too, and only all ones is NaN
};

constexpr std::array<KindFacts, 12> kFacts = {{
    {"i1", 1, false, 0, 0, false},
    {"i8", 8, false, 0, 0, false},
    {"i16", 16, false, 0, 0, false},
    {"i32", 32, false, 0, 0, false},
    {"i64", 64, false, 0, 0, false},
    {"f8E5M2", 8, true, 2, 15, true},
    {"f8E4M3FN", 8, true, 3, 7, false},
    {"f16", 16, true, 10, 15, true},
    {"bf16", 16, true, 7, 127, true},
    {"f32", 32, true, 23, 127, true},
    {"f64", 64, true, 52, 1023, true},
    {"ptr", 64, false, 0, 0, false},
}};

const KindFacts& facts(Kind kind) {
  return kFacts[static_cast<size_t>(kind)];
}

/// 2^exponent, for exponents of normal doubles.
double power(int exponent) {
  return std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
}

double decodeSmall(Kind kind, uint64_t bits) {
  const KindFacts& f = facts(kind);
  int exponentBits = f.bits - 1 - f.mantissaBits;
  uint64_t mantissa = bits & ((1u << f.mantissaBits) - 1);
  int exponent = static_cast<int>(bits >> f.mantissaBits) & ((1 << exponentBits) - 1);
  bool top = exponent == (1 << exponentBits) - 1;
  double value;
  if (top && f.infinity) {
    value = mantissa ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  } else if (top && mantissa == (1u << f.mantissaBits) - 1) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    value = static_cast<double>(mantissa) * power(1 - f.bias - f.mantissaBits);
  } else {
    value =
        static_cast<double>(mantissa | (1u << f.mantissaBits)) * power(exponent - f.bias - f.mantissaBits);
  }
  return bits >> (f.bits - 1) & 1 ? -value : value;
}

/// Every value of a kind of at most 16 bits, by its bits.
const double* table(Kind kind) {
  static const auto make = [](Kind k) {
    std::vector<double> values(size_t{1} << bitWidth(k));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = decodeSmall(k, i);
    return values;
  };
  static const std::vector<double> e5m2 = make(Kind::F8E5M2), e4m3 = make(Kind::F8E4M3FN);
  static const std::vector<double> half = make(Kind::F16), bfloat = make(Kind::BF16);
  switch (kind) {
  case Kind::F8E5M2:
    return e5m2.data();
  case Kind::F8E4M3FN:
    return e4m3.data();
  case Kind::F16:
    return half.data();
  default:
    return bfloat.data();
  }
}

} // namespace

const char* name(Kind kind) {
  return facts(kind).name;
}
int bitWidth(Kind kind) {
  return facts(kind).bits;
}
int byteWidth(Kind kind) {
  return (facts(kind).bits + 7) / 8;
}
bool isFloat(Kind kind) {
  return facts(kind).isFloat;
}
uint64_t mask(Kind kind) {
  return ~uint64_t{0} >> (64 - facts(kind).bits);
}

int64_t signedValue(Kind kind, uint64_t lane) {
  int unused = 64 - facts(kind).bits;
  return static_cast<int64_t>(lane << unused) >> unused;
}

double toDouble(Kind kind, uint64_t bits) {
  if (kind == Kind::F32) return asFloat(bits);
  if (kind == Kind::F64) return asDouble(bits);
  return table(kind)[bits];
}

uint64_t fromDouble(Kind kind, double value, Rounding rounding, bool saturate) {
  if (kind == Kind::F64) return lane(value);
  if (kind == Kind::F32 && rounding == Rounding::NearestEven) return lane(static_cast<float>(value));
  const KindFacts& f = facts(kind);
  uint64_t notANumber = mask(kind) >> 1;
  if (std::isnan(value)) return notANumber;
  uint64_t sign = std::signbit(value) ? uint64_t{1} << (f.bits - 1) : 0;
  uint64_t exponentOnes = notANumber >> f.mantissaBits << f.mantissaBits;
  uint64_t infinity = f.infinity ? exponentOnes : notANumber;
  uint64_t largest = infinity - 1;
  double magnitude = std::fabs(value);
  if (std::isinf(magnitude)) return sign | (saturate ? largest : infinity);
  int exponent = static_cast<int>(std::bit_cast<uint64_t>(magnitude) >> 52) - 1023;
  if (exponent < -1000) return sign; // below half of the smallest number of every kind
  int smallest = 1 - f.bias;
  bool subnormal = exponent < smallest;
  double units = magnitude * power(f.mantissaBits - (subnormal ? smallest : exponent));
  // Adding and taking 2^52 rounds to the nearest integer, ties to even.
  constexpr double kRounder = 4503599627370496.0;
  auto count = rounding == Rounding::TowardZero ? static_cast<uint64_t>(units)
                                                : static_cast<uint64_t>((units + kRounder) - kRounder);
  // A count that carries into the next binade lands in the right bits by itself.
  uint64_t bits = subnormal ? count : (static_cast<uint64_t>(exponent - smallest) << f.mantissaBits) + count;
  if (exponent > f.bias + 1 || bits > largest)
    return sign | (saturate || rounding == Rounding::TowardZero ? largest : infinity);
  return sign | bits;
}

float truncateToTf32(float value) {
  if (std::isnan(value)) return value;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) & ~0x1fffu);
}

} // namespace tuned::reference
