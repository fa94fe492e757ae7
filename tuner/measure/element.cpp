#include "tuner/measure/element.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

namespace tuned {
namespace {

/// A binary format of at most 16 bits: 1 sign bit, then exponent, then mantissa.
struct SmallFloat {
  int exponentBits, mantissaBits;
  bool hasInfinity; ///< f8E4M3FN has none: all ones is NaN, and the rest of that exponent is finite
  int bias() const { return (1 << (exponentBits - 1)) - 1; }
  int bits() const { return 1 + exponentBits + mantissaBits; }
};
constexpr SmallFloat kF16{5, 10, true}, kBF16{8, 7, true}, kE4M3{4, 3, false}, kE5M2{5, 2, true};

template <typename T> T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <typename T> void store(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

double decodeSlowly(const SmallFloat& format, uint32_t bits) {
  uint32_t mantissa = bits & ((1u << format.mantissaBits) - 1);
  uint32_t exponent = bits >> format.mantissaBits & ((1u << format.exponentBits) - 1);
  double sign = bits >> (format.bits() - 1) ? -1 : 1;
  bool top = exponent == (1u << format.exponentBits) - 1;
  if (top && format.hasInfinity) return mantissa ? NAN : sign * INFINITY;
  if (top && mantissa == (1u << format.mantissaBits) - 1) return NAN;
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - format.bias() - format.mantissaBits);
  return sign * std::ldexp(mantissa | 1u << format.mantissaBits,
                           static_cast<int>(exponent) - format.bias() - format.mantissaBits);
}

/// Every value of a format, computed once.
template <const SmallFloat& format> double decode(uint32_t bits) {
  static const std::vector<double> values = [] {
    std::vector<double> all(size_t(1) << format.bits());
    for (size_t i = 0; i < all.size(); ++i)
      all[i] = decodeSlowly(format, static_cast<uint32_t>(i));
    return all;
  }();
  return values[bits];
}

/// Normal values that stay normal and finite after rounding, which is nearly all: by the bits.
std::optional<uint32_t> encodeNormal(const SmallFloat& format, double value) {
  uint64_t bits = std::bit_cast<uint64_t>(value);
  int exponent = static_cast<int>(bits >> 52 & 0x7ff) - 1023;
  if (exponent < 1 - format.bias() || exponent >= format.bias()) return std::nullopt;
  int dropped = 52 - format.mantissaBits;
  uint64_t mantissa = bits & ((uint64_t(1) << 52) - 1);
  uint64_t half = uint64_t(1) << (dropped - 1), odd = mantissa >> dropped & 1;
  uint64_t rounded = (mantissa + half - 1 + odd) >> dropped; // a carry goes on into the exponent
  uint32_t sign = static_cast<uint32_t>(bits >> 63) << (format.bits() - 1);
  return sign | ((static_cast<uint32_t>(exponent + format.bias()) << format.mantissaBits) +
                 static_cast<uint32_t>(rounded));
}

uint32_t encode(const SmallFloat& format, double value, bool saturate) {
  if (auto quick = encodeNormal(format, value)) return *quick;
  uint32_t sign = std::signbit(value) ? 1u << (format.bits() - 1) : 0;
  uint32_t top = ((1u << format.exponentBits) - 1) << format.mantissaBits;
  uint32_t nan =
      top | (format.hasInfinity ? 1u << (format.mantissaBits - 1) : (1u << format.mantissaBits) - 1);
  if (std::isnan(value)) return sign | nan;
  uint32_t largest = format.hasInfinity ? top - 1 : nan - 1;
  double magnitude = std::fabs(value);
  if (magnitude == 0) return sign;
  int exponent = 0;
  std::frexp(magnitude, &exponent); // magnitude in [2^(exponent-1), 2^exponent)
  int lowest = 1 - format.bias();
  int scale = std::max(exponent - 1, lowest) - format.mantissaBits;
  // nearbyint rounds half to even; a carry into the next exponent falls out of the addition below.
  double steps = std::isinf(magnitude) ? 0 : std::nearbyint(std::ldexp(magnitude, -scale));
  bool beyond = std::isinf(magnitude) || std::ldexp(steps, scale) > decodeSlowly(format, largest);
  if (beyond) return sign | (saturate || !format.hasInfinity ? largest : top);
  uint32_t whole = static_cast<uint32_t>(steps);
  int field = std::max(exponent - 1, lowest) - lowest; // exponent field, less one for normal numbers
  return sign | ((static_cast<uint32_t>(field) << format.mantissaBits) + whole);
}

} // namespace

ElementInfo elementInfo(const std::string& type) {
  std::string name = type.starts_with("*") ? type.substr(1) : type;
  if (name == "f32") return {ElementType::F32, 4, true};
  if (name == "f16") return {ElementType::F16, 2, true};
  if (name == "bf16") return {ElementType::BF16, 2, true};
  if (name == "f64") return {ElementType::F64, 8, true};
  if (name == "f8E4M3FN") return {ElementType::F8E4M3, 1, true};
  if (name == "f8E5M2") return {ElementType::F8E5M2, 1, true};
  if (name == "i32") return {ElementType::I32, 4, false};
  if (name == "i64") return {ElementType::I64, 8, false};
  if (name == "i16") return {ElementType::I16, 2, false};
  if (name == "i1") return {ElementType::I1, 1, false};
  return {ElementType::I8, 1, false};
}

double readElement(ElementType type, const std::byte* at) {
  switch (type) {
  case ElementType::I1:
    return load<uint8_t>(at) != 0;
  case ElementType::I8:
    return load<int8_t>(at);
  case ElementType::I16:
    return load<int16_t>(at);
  case ElementType::I32:
    return load<int32_t>(at);
  case ElementType::I64:
    return static_cast<double>(load<int64_t>(at));
  case ElementType::F32:
    return load<float>(at);
  case ElementType::F64:
    return load<double>(at);
  case ElementType::BF16:
    return std::bit_cast<float>(static_cast<uint32_t>(load<uint16_t>(at)) << 16);
  case ElementType::F16:
    return decode<kF16>(load<uint16_t>(at));
  case ElementType::F8E4M3:
    return decode<kE4M3>(load<uint8_t>(at));
  case ElementType::F8E5M2:
    return decode<kE5M2>(load<uint8_t>(at));
  }
  return 0;
}

void writeElement(ElementType type, std::byte* at, double value) {
  switch (type) {
  case ElementType::I1:
    return store<uint8_t>(at, value != 0);
  case ElementType::I8:
    return store(at, static_cast<int8_t>(static_cast<int64_t>(value)));
  case ElementType::I16:
    return store(at, static_cast<int16_t>(static_cast<int64_t>(value)));
  case ElementType::I32:
    return store(at, static_cast<int32_t>(static_cast<int64_t>(value)));
  case ElementType::I64:
    return store(at, static_cast<int64_t>(value));
  case ElementType::F32:
    return store(at, static_cast<float>(value));
  case ElementType::F64:
    return store(at, value);
  case ElementType::BF16:
    return store(at, static_cast<uint16_t>(encode(kBF16, value, false)));
  case ElementType::F16:
    return store(at, static_cast<uint16_t>(encode(kF16, value, false)));
  case ElementType::F8E4M3:
    return store(at, static_cast<uint8_t>(encode(kE4M3, value, true)));
  case ElementType::F8E5M2:
    return store(at, static_cast<uint8_t>(encode(kE5M2, value, true)));
  }
}

} // namespace tuned
