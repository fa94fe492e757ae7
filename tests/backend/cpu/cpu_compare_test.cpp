// Comparisons of floats: all predicates of arith, on ordered and unordered pairs.
#include "tests/backend/cpu/cpu_support.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>

using namespace tuned;
using namespace tuned::test;

namespace {

const std::map<std::string, std::function<bool(float, float)>> predicates = {
    {"false", [](float, float) { return false; }},
    {"oeq", [](float a, float b) { return a == b; }},
    {"ogt", [](float a, float b) { return a > b; }},
    {"oge", [](float a, float b) { return a >= b; }},
    {"olt", [](float a, float b) { return a < b; }},
    {"ole", [](float a, float b) { return a <= b; }},
    {"one", [](float a, float b) { return a < b || a > b; }},
    {"ord", [](float a, float b) { return !std::isunordered(a, b); }},
    {"ueq", [](float a, float b) { return a == b || std::isunordered(a, b); }},
    {"ugt", [](float a, float b) { return !(a <= b); }},
    {"uge", [](float a, float b) { return !(a < b); }},
    {"ult", [](float a, float b) { return !(a >= b); }},
    {"ule", [](float a, float b) { return !(a > b); }},
    {"une", [](float a, float b) { return a != b; }},
    {"uno", [](float a, float b) { return std::isunordered(a, b); }},
    {"true", [](float, float) { return true; }},
};

} // namespace

TEST_CASE("every float predicate is the one arith means") {
  std::vector<float> x = {1, 2, -0.0f, NAN, INFINITY, -INFINITY, 3, -1};
  for (float other : {1.0f, 0.0f, NAN, INFINITY}) {
    for (const auto& [name, holds] : predicates) {
      std::vector<int32_t> y(x.size(), 7);
      std::string c = std::isnan(other)   ? "0x7FC00000"
                      : std::isinf(other) ? "0x7F800000"
                                          : std::to_string(other);
      auto done =
          runOnCpu(mapKernel(8, "f32", "i32",
                             "%c = arith.constant dense<" + c + "> : tensor<8xf32>\n%b = arith.cmpf " + name +
                                 ", %x, %c : tensor<8xf32>\n"
                                 "%y = arith.extui %b : tensor<8xi1> to tensor<8xi32>"),
                   {1, 1, 1}, {pointerTo(x), pointerTo(y)});
      REQUIRE_MESSAGE(done, done.error().text());
      for (size_t i = 0; i < x.size(); ++i)
        CHECK_MESSAGE(bool(y[i]) == holds(x[i], other), name << " of " << x[i] << " and " << other);
    }
  }
}
