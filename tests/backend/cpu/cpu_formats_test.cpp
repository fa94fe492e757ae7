// Every value of the narrow float formats, and rounding between all neighbours of them.
#include "tests/backend/cpu/cpu_support.h"

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

TEST_CASE("toward zero: f64 to f32 never grows; infinity stays where the format has it") {
  double above = 1 + std::ldexp(1.0, -24) + std::ldexp(1.0, -40);
  std::vector<double> in = {above, -above, 1e300, -INFINITY, 0.1, -0.0, std::ldexp(1.0, -149) * 1.9, 3};
  std::vector<float> f32(8);
  auto narrowed = [&](const std::string& type, auto& out) {
    auto done = runOnCpu(
        mapKernel(8, "f64", type,
                  "    %y = tt.fp_to_fp %x, rounding = rtz : tensor<8xf64> -> tensor<8x" + type + ">"),
        {1, 1, 1}, {pointerTo(in), pointerTo(out)});
    REQUIRE_MESSAGE(done, done.error().text());
  };
  narrowed("f32", f32);
  CHECK(f32 == std::vector<float>{1, -1, 3.40282347e38f, -INFINITY, 0x1.999998p-4f, 0, 0x1p-149f, 3});
  CHECK(std::signbit(f32[5]));
  std::vector<uint8_t> e5m2(8), e4m3(8);
  narrowed("f8E5M2", e5m2);
  CHECK(e5m2 == std::vector<uint8_t>{0x3c, 0xbc, 0x7b, 0xfc, 0x2e, 0x80, 0, 0x42});
  narrowed("f8E4M3FN", e4m3);
  CHECK(e4m3 == std::vector<uint8_t>{0x38, 0xb8, 0x7e, 0xfe, 0x1c, 0x80, 0, 0x44});
}

TEST_CASE("integers from floats are those of 32 bits, cut to their width; quotients round up and down") {
  std::vector<float> x = {300, -300, 1e20f, -1e20f, NAN, 2.9f, -2.9f, 127};
  std::vector<int8_t> y(8);
  auto run = [&](const std::string& in, const std::string& out, const std::string& body, auto& from,
                 auto& to) {
    auto done = runOnCpu(mapKernel(8, in, out, body), {1, 1, 1}, {pointerTo(from), pointerTo(to)});
    REQUIRE_MESSAGE(done, done.error().text());
  };
  run("f32", "i8", "%y = arith.fptosi %x : tensor<8xf32> to tensor<8xi8>", x, y);
  CHECK(y == std::vector<int8_t>{44, -44, -1, 0, 0, 2, -2, 127});
  std::vector<int32_t> a = {7, -7, 6, -6, 1, -1, 0, 8}, quotient(8);
  auto divide = [&](const std::string& op) {
    run("i32", "i32",
        "%c = arith.constant dense<3> : tensor<8xi32>\n%y = arith." + op + " %x, %c : tensor<8xi32>", a,
        quotient);
    return quotient;
  };
  CHECK(divide("ceildivsi") == std::vector<int32_t>{3, -2, 2, -2, 1, 0, 0, 3});
  CHECK(divide("floordivsi") == std::vector<int32_t>{2, -3, 2, -2, 0, -1, 0, 2});
  CHECK(divide("ceildivui") == std::vector<int32_t>{3, 1431655763, 2, 1431655764, 1, 1431655765, 0, 3});
}
