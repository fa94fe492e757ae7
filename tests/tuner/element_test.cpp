#include "tuner/measure/element.h"
#include "tuner/measure/inputs.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <doctest/doctest.h>

using namespace tuned;

namespace {

uint32_t bitsOf(ElementType type, double value) {
  uint32_t bits = 0;
  writeElement(type, reinterpret_cast<std::byte*>(&bits), value);
  return bits;
}
double valueOf(ElementType type, uint32_t bits) {
  return readElement(type, reinterpret_cast<std::byte*>(&bits));
}

KernelArgument argument(const std::string& type, const std::string& fill) {
  KernelArgument out;
  out.type = type;
  out.fill = fill;
  return out;
}

} // namespace

TEST_CASE("known bit patterns") {
  CHECK(bitsOf(ElementType::F16, 1) == 0x3c00);
  CHECK(bitsOf(ElementType::F16, -2) == 0xc000);
  CHECK(bitsOf(ElementType::F16, 65504) == 0x7bff);
  CHECK(bitsOf(ElementType::F16, 65519) == 0x7bff);
  CHECK(bitsOf(ElementType::F16, 65520) == 0x7c00); // half way rounds to even: infinity
  CHECK(bitsOf(ElementType::F16, 0x1p-24) == 0x0001);
  CHECK(bitsOf(ElementType::F16, 0x1p-25) == 0x0000);
  CHECK(bitsOf(ElementType::F16, 0x1.8p-25) == 0x0001);
  CHECK(bitsOf(ElementType::F16, 0x1.ffcp-15) == 0x03ff + 1); // largest subnormal plus half rounds up
  CHECK(bitsOf(ElementType::BF16, 1) == 0x3f80);
  CHECK(bitsOf(ElementType::BF16, 1 + 0x1p-8) == 0x3f80); // half way, to even
  CHECK(bitsOf(ElementType::BF16, 1 + 0x1.8p-7) == 0x3f82);
  CHECK(bitsOf(ElementType::F8E4M3, 448) == 0x7e);
  CHECK(bitsOf(ElementType::F8E4M3, 1e9) == 0x7e); // saturates
  CHECK(bitsOf(ElementType::F8E4M3, 1) == 0x38);
  CHECK(bitsOf(ElementType::F8E5M2, 57344) == 0x7b);
  CHECK(bitsOf(ElementType::F8E5M2, -INFINITY) == 0xfb); // saturates
  CHECK(bitsOf(ElementType::I8, -1) == 0xff);
  CHECK(std::isnan(valueOf(ElementType::F8E4M3, 0x7f)));
  CHECK(std::isinf(valueOf(ElementType::F8E5M2, 0x7c)));
  CHECK(std::isnan(valueOf(ElementType::F16, bitsOf(ElementType::F16, NAN))));
  CHECK(std::isnan(valueOf(ElementType::BF16, bitsOf(ElementType::BF16, NAN))));
}

TEST_CASE("every value of the small formats comes back") {
  for (ElementType type : {ElementType::F16, ElementType::BF16, ElementType::F8E4M3, ElementType::F8E5M2}) {
    bool wide = type == ElementType::F16 || type == ElementType::BF16;
    int wrong = 0;
    for (uint32_t bits = 0; bits < (wide ? 65536u : 256u); ++bits) {
      double value = valueOf(type, bits);
      if (std::isnan(value) || (std::isinf(value) && !wide)) continue; // f8 saturates
      wrong += bitsOf(type, value) != bits;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("f16 rounds as the compiler's own half type does") {
  int wrong = 0;
  uint64_t state = 1;
  for (int i = 0; i < 100000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    float value =
        std::ldexp(static_cast<float>(static_cast<int32_t>(state >> 32)), -static_cast<int>(state >> 8 & 63));
    _Float16 half = static_cast<_Float16>(value);
    uint16_t bits;
    std::memcpy(&bits, &half, 2);
    wrong += bitsOf(ElementType::F16, value) != bits;
  }
  CHECK(wrong == 0);
}

TEST_CASE("inputs depend on type, fill, count and seed only") {
  auto a = makeInput(argument("*f32", "normal"), 1000, 5), b = makeInput(argument("*f32", "normal"), 1000, 5);
  auto c = makeInput(argument("*f32", "normal"), 1000, 6);
  REQUIRE((a && b && c));
  CHECK(*a == *b);
  CHECK(*a != *c);
  double sum = 0, squares = 0;
  for (int i = 0; i < 1000; ++i) {
    double x = readElement(ElementType::F32, a->data() + 4 * i);
    sum += x;
    squares += x * x;
  }
  CHECK(std::fabs(sum / 1000) < 0.1);
  CHECK(std::fabs(squares / 1000 - 1) < 0.15);
}

TEST_CASE("long inputs, which are made the quick way, begin like short ones") {
  constexpr int64_t few = 5000, many = 300000;
  for (const char* type : {"*f16", "*bf16", "*f32", "*f64", "*f8E4M3FN", "*f8E5M2", "*i32", "*i8"})
    for (const char* fill : {"normal", "uniform", "zeros", "ones", "indices"}) {
      CAPTURE(type);
      CAPTURE(fill);
      auto slow = makeInput(argument(type, fill), few, 9), quick = makeInput(argument(type, fill), many, 9);
      REQUIRE((slow && quick));
      CHECK(std::equal(slow->begin(), slow->end(), quick->begin()));
      if (std::string(fill) == "zeros") CHECK(std::ranges::count(*quick, std::byte{0}) == std::ssize(*quick));
    }
}

TEST_CASE("fills") {
  auto at = [](const std::string& type, const std::string& fill, int64_t i) {
    auto bytes = makeInput(argument(type, fill), 300, 1);
    REQUIRE(bytes.has_value());
    ElementInfo info = elementInfo(type);
    CHECK(bytes->size() == size_t(300 * info.bytes));
    return readElement(info.type, bytes->data() + i * info.bytes);
  };
  CHECK(at("*i32", "indices", 299) == 299);
  CHECK(at("*i8", "indices", 299) == 43);
  CHECK(at("*f16", "ones", 7) == 1);
  CHECK(at("*bf16", "zeros", 7) == 0);
  for (int i = 0; i < 300; ++i) {
    double u = at("*f32", "uniform", i), n = at("*i32", "normal", i), m = at("*i1", "normal", i);
    CHECK((u >= 0 && u < 1 && n >= -8 && n <= 8 && (m == 0 || m == 1)));
  }
  CHECK_FALSE(makeInput(argument("*f99", "ones"), 3, 1).has_value());
}
