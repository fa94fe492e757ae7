// Elementary functions of f32 against libm in double precision, in units of the last place.
#include "tests/backend/cpu/cpu_support.h"

#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <random>

using namespace tuned;
using namespace tuned::test;

namespace {

constexpr int count = 1 << 16;

double unitsApart(float got, double exact) {
  float rounded = float(exact);
  if (std::isnan(exact)) return std::isnan(got) ? 0 : 1e9;
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : 1e9;
  float next = std::nextafter(std::fabs(rounded), INFINITY);
  return std::fabs(double(got) - exact) / (double(next) - std::fabs(double(rounded)));
}

void check(const std::string& name, double (*exact)(double), float low, float high, double limit) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> in(count), out(count);
  for (float& x : in)
    x = uniform(random);
  float special[] = {0.0f,    -0.0f,    1.0f,  -1.0f, INFINITY, -INFINITY, NAN,    1e-40f,  1e-10f, -1e-10f,
                     3.4e38f, -3.4e38f, 88.7f, 88.8f, -87.4f,   -103.9f,   -150.f, 127.99f, 128.f};
  bool anySpecial = name != "sin" && name != "cos";
  if (anySpecial) std::copy(std::begin(special), std::end(special), in.begin());
  std::string tile = "tensor<" + std::to_string(count) + "xf32>";
  auto done = runOnCpu(mapKernel(count, "f32", "f32", "    %y = math." + name + " %x : " + tile), {1, 1, 1},
                       {pointerTo(in), pointerTo(out)});
  REQUIRE_MESSAGE(done, done.error().text());
  double worst = 0;
  float at = 0;
  for (int i = 0; i < count; ++i) {
    double apart = unitsApart(out[i], exact(in[i]));
    if (apart > worst) {
      worst = apart;
      at = in[i];
    }
  }
  MESSAGE(name << ": " << worst << " units at " << at);
  CHECK_MESSAGE(worst <= limit, name << " is " << worst << " units off at " << at);
}

} // namespace

TEST_CASE("elementary functions are within two units in the last place") {
  check("exp", std::exp, -104, 89, 2);
  check("exp", std::exp, -1, 1, 2);
  check("exp2", std::exp2, -150, 128, 2);
  check("log", std::log, 0, 4, 2);
  check("log", std::log, 0, 1e30f, 2);
  check("log2", std::log2, 0, 4, 2);
  check("log2", std::log2, 0.99f, 1.01f, 2);
  check("sin", std::sin, -20, 20, 2);
  check("sin", std::sin, -1e6f, 1e6f, 2);
  check("cos", std::cos, -20, 20, 2);
  check("tanh", std::tanh, -10, 10, 2);
  check("tanh", std::tanh, -0.7f, 0.7f, 2);
  check("erf", std::erf, -4.5f, 4.5f, 2);
  check("sqrt", std::sqrt, 0, 100, 0.5001);
  check("floor", std::floor, -100, 100, 0);
}
