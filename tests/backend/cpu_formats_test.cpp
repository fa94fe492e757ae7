// Every value of the narrow float formats, and rounding between all neighbours of them.
#include "tests/backend/cpu_support.h"

#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>

using namespace tuned;
using namespace tuned::test;

namespace {

struct Format {
  const char* type;
  int exponentBits, mantissaBits, bias;
  bool infinity, saturates;
};

const Format formats[] = {{"f16", 5, 10, 15, true, false},
                          {"bf16", 8, 7, 127, true, false},
                          {"f8E5M2", 5, 2, 15, true, true},
                          {"f8E4M3FN", 4, 3, 7, false, true}};

// The value of a format's bits by definition.
float valueOf(const Format& format, unsigned bits) {
  unsigned mantissa = bits & ((1u << format.mantissaBits) - 1);
  unsigned exponent = bits >> format.mantissaBits & ((1u << format.exponentBits) - 1);
  bool negative = bits >> (format.exponentBits + format.mantissaBits);
  unsigned ones = (1u << format.exponentBits) - 1;
  float magnitude;
  if (exponent == ones && format.infinity)
    magnitude = mantissa ? NAN : INFINITY;
  else if (exponent == ones && mantissa == (1u << format.mantissaBits) - 1 && !format.infinity)
    magnitude = NAN;
  else if (exponent == 0)
    magnitude = std::ldexp(float(mantissa), 1 - format.bias - format.mantissaBits);
  else
    magnitude = std::ldexp(float(mantissa | 1u << format.mantissaBits),
                           int(exponent) - format.bias - format.mantissaBits);
  return negative ? -magnitude : magnitude;
}

int bitsOf(const Format& format) {
  return 1 + format.exponentBits + format.mantissaBits;
}

// To nearest even by search: finite magnitudes are in the order of their bits.
unsigned nearest(const Format& format, float x) {
  unsigned sign = std::signbit(x) ? 1u << (bitsOf(format) - 1) : 0, top = 1u << (bitsOf(format) - 1);
  if (std::isnan(x)) return ~0u;
  double magnitude = std::fabs(double(x));
  unsigned largest = 0;
  for (unsigned bits = top; bits-- > 0;)
    if (std::isfinite(valueOf(format, bits))) {
      largest = bits;
      break;
    }
  unsigned low = 0, high = largest;
  while (low < high) { // the last one not above
    unsigned middle = (low + high + 1) / 2;
    if (double(valueOf(format, middle)) <= magnitude)
      low = middle;
    else
      high = middle - 1;
  }
  double below = valueOf(format, low);
  // Past the largest, the next value would be one more step away.
  double above = low == largest ? 2 * below - valueOf(format, low - 1) : double(valueOf(format, low + 1));
  double middle = (below + above) / 2;
  bool up = magnitude > middle || (magnitude == middle && (low & 1));
  if (low == largest && (up || std::isinf(magnitude)))
    return sign | (format.saturates ? largest : largest + 1);
  return sign | (low + up);
}

template <typename Bits> void checkWidening(const Format& format) {
  int count = 1 << bitsOf(format);
  std::vector<Bits> in(count);
  std::vector<float> out(count);
  for (int bits = 0; bits < count; ++bits)
    in[bits] = Bits(bits);
  std::string tile = "tensor<" + std::to_string(count) + "x";
  auto done = runOnCpu(mapKernel(count, format.type, "f32",
                                 "    %y = tt.fp_to_fp %x : " + tile + format.type + "> -> " + tile + "f32>"),
                       {1, 1, 1}, {pointerTo(in), pointerTo(out)});
  REQUIRE_MESSAGE(done, done.error().text());
  for (int bits = 0; bits < count; ++bits) {
    float expected = valueOf(format, unsigned(bits));
    bool same = std::isnan(expected) ? std::isnan(out[bits]) : std::memcmp(&expected, &out[bits], 4) == 0;
    REQUIRE_MESSAGE(same, format.type << " bits " << bits << ": " << out[bits] << ", not " << expected);
  }
}

template <typename Bits> void checkNarrowing(const Format& format) {
  std::vector<float> in;
  auto add = [&](float x) {
    in.push_back(x);
    in.push_back(-x);
  };
  for (unsigned bits = 0; bits + 1 < 1u << (bitsOf(format) - 1); ++bits) {
    float low = valueOf(format, bits), high = valueOf(format, bits + 1);
    if (!std::isfinite(low)) continue;
    add(low);
    if (!std::isfinite(high)) continue;
    float middle = float((double(low) + double(high)) / 2);
    add(middle);
    add(std::nextafter(middle, 0.0f));
    add(std::nextafter(middle, INFINITY));
  }
  for (float x : {448.0f, 464.0f, 465.0f, 480.0f, 57344.0f, 61439.0f, 61440.0f, 65504.0f, 65519.9f, 65520.0f,
                  1e6f, 3e38f, INFINITY, NAN, 1e-30f, 1e-45f})
    add(x);
  size_t count = 1;
  while (count < in.size())
    count *= 2;
  in.resize(count, 1.0f);
  REQUIRE(count <= 1u << 20);
  std::vector<Bits> out(count);
  std::string tile = "tensor<" + std::to_string(count) + "x";
  auto done = runOnCpu(
      mapKernel(int(count), "f32", format.type,
                "    %y = tt.fp_to_fp %x, rounding = rtne : " + tile + "f32> -> " + tile + format.type + ">"),
      {1, 1, 1}, {pointerTo(in), pointerTo(out)});
  REQUIRE_MESSAGE(done, done.error().text());
  for (size_t i = 0; i < count; ++i) {
    if (std::isnan(in[i])) {
      REQUIRE(std::isnan(valueOf(format, out[i])));
      continue;
    }
    unsigned expected = nearest(format, in[i]);
    REQUIRE_MESSAGE(unsigned(out[i]) == expected,
                    format.type << " of " << in[i] << ": " << unsigned(out[i]) << ", not " << expected);
  }
}

} // namespace

TEST_CASE("every narrow float widens exactly") {
  for (const Format& format : formats)
    bitsOf(format) == 16 ? checkWidening<uint16_t>(format) : checkWidening<uint8_t>(format);
}

TEST_CASE("narrowing rounds to nearest even at every halfway point, and saturates where the format does") {
  for (const Format& format : formats)
    bitsOf(format) == 16 ? checkNarrowing<uint16_t>(format) : checkNarrowing<uint8_t>(format);
}

TEST_CASE("f64 narrows with one rounding") {
  // Just above halfway between two f16: by way of f32 it would fall on halfway and go to even.
  std::vector<double> in = {1 + std::ldexp(1.0, -11) + std::ldexp(1.0, -40), 1 + std::ldexp(1.0, -11),
                            -INFINITY, 2};
  std::vector<uint16_t> out(4);
  auto done =
      runOnCpu(mapKernel(4, "f64", "f16", "    %y = arith.truncf %x : tensor<4xf64> to tensor<4xf16>"),
               {1, 1, 1}, {pointerTo(in), pointerTo(out)});
  REQUIRE_MESSAGE(done, done.error().text());
  CHECK(out == std::vector<uint16_t>{0x3c01, 0x3c00, 0xfc00, 0x4000});
}
