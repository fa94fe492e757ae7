// Formats and roundings of the evaluator, against facts of the formats.
#include "backend/reference/numeric.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

using namespace tuned::reference;

TEST_CASE("every value of the narrow formats survives a round trip") {
  for (Kind kind : {Kind::F8E5M2, Kind::F8E4M3FN, Kind::F16, Kind::BF16})
    for (uint64_t bits = 0; bits <= mask(kind); ++bits) {
      double value = toDouble(kind, bits);
      if (std::isnan(value))
        CHECK(std::isnan(toDouble(kind, fromDouble(kind, value))));
      else
        REQUIRE(fromDouble(kind, value) == bits);
    }
}

TEST_CASE("rounding is to nearest, ties to even, between every two neighbours") {
  for (Kind kind : {Kind::F8E5M2, Kind::F8E4M3FN, Kind::F16, Kind::BF16}) {
    uint64_t step = kind == Kind::F16 || kind == Kind::BF16 ? 37 : 1;
    for (uint64_t bits = 0; bits + 1 < mask(kind) >> 1; bits += step) {
      double low = toDouble(kind, bits), high = toDouble(kind, bits + 1);
      if (!std::isfinite(high)) break;
      double middle = (low + high) / 2;
      REQUIRE(fromDouble(kind, middle) == (bits % 2 ? bits + 1 : bits));
      REQUIRE(fromDouble(kind, std::nextafter(middle, 0)) == bits);
      REQUIRE(fromDouble(kind, std::nextafter(middle, high)) == bits + 1);
      REQUIRE(fromDouble(kind, std::nextafter(high, 0), Rounding::TowardZero) == bits);
    }
  }
}

TEST_CASE("beyond the largest number: infinity, NaN where there is none, or the largest when saturating") {
  double infinity = std::numeric_limits<double>::infinity();
  CHECK(toDouble(Kind::F8E4M3FN, 0x7e) == 448);
  CHECK(toDouble(Kind::F8E5M2, 0x7b) == 57344);
  CHECK(fromDouble(Kind::F8E4M3FN, 1e6) == 0x7f);
  CHECK(fromDouble(Kind::F8E4M3FN, 1e6, Rounding::NearestEven, true) == 0x7e);
  CHECK(fromDouble(Kind::F8E4M3FN, -infinity, Rounding::NearestEven, true) == 0xfe);
  CHECK(fromDouble(Kind::F8E5M2, infinity) == 0x7c);
  CHECK(fromDouble(Kind::F16, 65519.0) == 0x7bff);
  CHECK(fromDouble(Kind::F16, 65520.0) == 0x7c00);
  CHECK(fromDouble(Kind::F16, 65520.0, Rounding::TowardZero) == 0x7bff);
}

TEST_CASE("subnormals and signed zeros") {
  CHECK(fromDouble(Kind::F16, 0x1p-24) == 1);
  CHECK(fromDouble(Kind::F16, 0x1p-25) == 0); // a tie, to even
  CHECK(fromDouble(Kind::F16, 0x1.8p-25) == 1);
  CHECK(fromDouble(Kind::F16, -0.0) == 0x8000);
  CHECK(fromDouble(Kind::BF16, 0x1p-133) == 1);
  CHECK(fromDouble(Kind::F8E5M2, 0x1p-16) == 1);
}

TEST_CASE("tf32 keeps ten bits and drops the rest") {
  CHECK(truncateToTf32(1.0f) == 1.0f);
  CHECK(truncateToTf32(1.0f + 0x1.ffcp-11f) == 1.0f);
  CHECK(truncateToTf32(-1.0f - 0x1.8p-10f) == -1.0f - 0x1p-10f);
  CHECK(std::isinf(truncateToTf32(std::numeric_limits<float>::infinity())));
  CHECK(std::isnan(truncateToTf32(std::bit_cast<float>(0x7f800001u))));
}
