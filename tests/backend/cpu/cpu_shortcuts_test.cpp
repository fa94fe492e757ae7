// What the CPU does in fewer instructions than the plain way takes gives what the plain way gives.
#include "backend/cpu/run/memory.h"
#include "tests/backend/cpu/cpu_support.h"

#include <bit>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <random>

using namespace tuned;
using namespace tuned::test;

namespace {

constexpr int rows = 64, columns = 64;
constexpr float infinity = std::numeric_limits<float>::infinity();

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

/// y[i] is the OPERATION of the 64 numbers of x along AXIS.
const char* reduction = R"(module {
  tt.func public @reduce(%x: !tt.ptr<f32>, %y: !tt.ptr<f32>) {
    %r = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
    %stride = arith.constant dense<64> : tensor<64x1xi32>
    %i = tt.expand_dims %r {axis = 1 : i32} : tensor<64xi32> -> tensor<64x1xi32>
    %j = tt.expand_dims %r {axis = 0 : i32} : tensor<64xi32> -> tensor<1x64xi32>
    %row = arith.muli %i, %stride : tensor<64x1xi32>
    %down = tt.broadcast %row : tensor<64x1xi32> -> tensor<64x64xi32>
    %along = tt.broadcast %j : tensor<1x64xi32> -> tensor<64x64xi32>
    %at = arith.addi %down, %along : tensor<64x64xi32>
    %base = tt.splat %x : !tt.ptr<f32> -> tensor<64x64x!tt.ptr<f32>>
    %p = tt.addptr %base, %at : tensor<64x64x!tt.ptr<f32>>, tensor<64x64xi32>
    %v = tt.load %p : tensor<64x64x!tt.ptr<f32>>
    %most = "tt.reduce"(%v) <{axis = AXIS : i32}> ({
    ^bb0(%a: f32, %b: f32):
      %c = arith.OPERATION %a, %b : f32
      tt.reduce.return %c : f32
    }) : (tensor<64x64xf32>) -> tensor<64xf32>
    %out = tt.splat %y : !tt.ptr<f32> -> tensor<64x!tt.ptr<f32>>
    %q = tt.addptr %out, %r : tensor<64x!tt.ptr<f32>>, tensor<64xi32>
    tt.store %q, %most : tensor<64x!tt.ptr<f32>>
    tt.return
  }
})";

float extreme(float a, float b, bool largest) {
  if (std::isnan(a)) return b;
  if (std::isnan(b)) return a;
  if (a == 0 && b == 0) return std::signbit(a) == largest ? b : a;
  return (a < b) == largest ? b : a;
}

} // namespace

TEST_CASE(
    "the largest and the smallest number of a tile: NaNs of both kinds are skipped, and -0 is below 0") {
  const float quiet = std::bit_cast<float>(0x7fc00001U), signalling = std::bit_cast<float>(0x7f800001U);
  const std::vector<float> odd = {quiet, signalling, 0.0F, -0.0F, infinity, -infinity, 1e-40F};
  std::mt19937 random(3);
  for (int round = 0; round < 6; ++round) {
    std::vector<float> x(rows * columns);
    for (float& value : x) { // round 0: NaNs alone; 1: zeros among them
      const auto dice = random() % 8;
      if (round < 2)
        value = odd[random() % (round == 0 ? 2 : 4)];
      else
        value = dice < 3 ? odd[random() % odd.size()] : float(int(random() % 2001) - 1000);
    }
    for (int axis : {0, 1})
      for (bool largest : {true, false}) {
        CAPTURE(round);
        CAPTURE(axis);
        CAPTURE(largest);
        std::vector<float> y(rows, 77);
        std::string kernel = replaced(replaced(reduction, "AXIS", std::to_string(axis)), "OPERATION",
                                      largest ? "maxnumf" : "minnumf");
        auto done = runOnCpu(kernel, {1, 1, 1}, {pointerTo(x), pointerTo(y)});
        REQUIRE_MESSAGE(done, done.error().text());
        for (int i = 0; i < rows; ++i) {
          float expected = quiet;
          for (int k = 0; k < columns; ++k)
            expected = extreme(expected, x[size_t(axis ? i * columns + k : k * columns + i)], largest);
          const float got = y[size_t(i)];
          if (std::isnan(expected))
            CHECK((std::bit_cast<uint32_t>(got) & 0x7fc00000U) == 0x7fc00000U); // a quiet one
          else
            CHECK(std::bit_cast<uint32_t>(got) == std::bit_cast<uint32_t>(expected));
        }
      }
  }
}

TEST_CASE(
    "all elements divided by one number are within two units in the last place, whatever the number is") {
  const char* kernel = R"(module {
  tt.func public @divide(%x: !tt.ptr<f32>, %y: !tt.ptr<f32>, %s: f32) {
    %r = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
    %xs = tt.splat %x : !tt.ptr<f32> -> tensor<1024x!tt.ptr<f32>>
    %xp = tt.addptr %xs, %r : tensor<1024x!tt.ptr<f32>>, tensor<1024xi32>
    %v = tt.load %xp : tensor<1024x!tt.ptr<f32>>
    %d = tt.splat %s : f32 -> tensor<1024xf32>
    %q = arith.divf %v, %d : tensor<1024xf32>
    %ys = tt.splat %y : !tt.ptr<f32> -> tensor<1024x!tt.ptr<f32>>
    %yp = tt.addptr %ys, %r : tensor<1024x!tt.ptr<f32>>, tensor<1024xi32>
    tt.store %yp, %q : tensor<1024x!tt.ptr<f32>>
    tt.return
  }
})";
  std::mt19937 random(5);
  std::vector<float> x(1024), y(1024);
  for (float& value : x) // of all sizes
    value = std::ldexp(float(random() % 65536) - 32768, int(random() % 250) - 140);
  x[0] = infinity, x[1] = -0.0F, x[2] = NAN, x[3] = 1e-45F, x[4] = 3.4e38F;
  for (float divisor : {3.0F, -7.0F, 1.0F, 0.1F, 1.2e-38F, 1.17e-38F, 1e-44F, 8e37F, 9e37F, 3.4e38F, 0.0F,
                        -0.0F, infinity, -infinity, NAN}) {
    CAPTURE(divisor);
    auto done = runOnCpu(kernel, {1, 1, 1},
                         {pointerTo(x), pointerTo(y), Scalar{std::bit_cast<uint32_t>(divisor), 4}});
    REQUIRE_MESSAGE(done, done.error().text());
    for (size_t i = 0; i < x.size(); ++i) {
      CAPTURE(x[i]);
      const float exact = x[i] / divisor;
      if (!std::isfinite(exact)) {
        CHECK(std::isnan(exact) ? std::isnan(y[i]) : y[i] == exact);
        continue;
      }
      const float next = std::nextafter(std::fabs(exact), infinity);
      CHECK(std::fabs(double(y[i]) - double(exact)) <= 2 * (double(next) - std::fabs(double(exact))));
      CHECK(std::signbit(y[i]) == std::signbit(exact));
    }
  }
}

TEST_CASE("what goes past the caches from a loop is all there, wherever the array begins") {
  // Twice each row of 512; an instance takes two, and the launch is one that is larger than the caches.
  const char* kernel = R"(module {
  tt.func public @twice(%x: !tt.ptr<f32>, %y: !tt.ptr<f32>, %n: i32) {
    %one = arith.constant 1 : i32
    %two = arith.constant 2 : i32
    %length = arith.constant 512 : i32
    %pid = tt.get_program_id x : i32
    %first = arith.muli %pid, %two : i32
    %past = arith.addi %first, %two : i32
    %last = arith.minsi %past, %n : i32
    %r = tt.make_range {end = 512 : i32, start = 0 : i32} : tensor<512xi32>
    scf.for %row = %first to %last step %one  : i32 {
      %start = arith.muli %row, %length : i32
      %xr = tt.addptr %x, %start : !tt.ptr<f32>, i32
      %xs = tt.splat %xr : !tt.ptr<f32> -> tensor<512x!tt.ptr<f32>>
      %xp = tt.addptr %xs, %r : tensor<512x!tt.ptr<f32>>, tensor<512xi32>
      %v = tt.load %xp : tensor<512x!tt.ptr<f32>>
      %w = arith.addf %v, %v : tensor<512xf32>
      %yr = tt.addptr %y, %start : !tt.ptr<f32>, i32
      %ys = tt.splat %yr : !tt.ptr<f32> -> tensor<512x!tt.ptr<f32>>
      %yp = tt.addptr %ys, %r : tensor<512x!tt.ptr<f32>>, tensor<512xi32>
      tt.store %yp, %w : tensor<512x!tt.ptr<f32>>
    }
    tt.return
  }
})";
  std::string assembly;
  CompileOptions options;
  options.onStage = [&](const std::string& stage, const std::string& text) {
    if (stage == "asm") assembly = text;
  };
  REQUIRE(compileForCpu(kernel, options));
  CHECK(assembly.find("movntps") != std::string::npos);
  constexpr int count = 15, length = 512;
  const auto instances = int32_t(cpu::lastLevelCacheBytes() / (2 * length * sizeof(float)) + 2);
  std::vector<float> x(count * length), y(x.size() + 64);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = float(i);
  const size_t aligned = (64 - reinterpret_cast<uintptr_t>(y.data()) % 64) % 64 / sizeof(float);
  for (size_t shift : {0, 1, 4, 8}) { // in floats, behind a cache line's begin
    CAPTURE(shift);
    std::ranges::fill(y, -1.0F);
    float* out = y.data() + aligned + shift;
    auto done = runOnCpu(kernel, {instances, 1, 1},
                         {pointerTo(x), ArgumentValue(reinterpret_cast<uint64_t>(out)), i32(count)});
    REQUIRE_MESSAGE(done, done.error().text());
    for (size_t i = 0; i < x.size(); ++i)
      REQUIRE(out[i] == 2 * x[i]);
    CHECK(out[x.size()] == -1);
    CHECK((aligned + shift == 0 || out[-1] == -1));
  }
}
