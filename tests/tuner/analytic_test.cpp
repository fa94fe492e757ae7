// The analytic guess orders what is plainly better before what is plainly worse.
#include "tuner/search/model/analytic.h"

#include <cstdint>
#include <doctest/doctest.h>

using namespace tuned;

namespace {

DeviceInfo h100() {
  DeviceInfo info;
  info.id = "cuda:0";
  info.architecture = "sm_90a";
  info.multiprocessors = 132;
  info.sharedBytesLimit = 232448;
  info.peakBytesPerSecond = 3.35e12;
  info.peakFlopsPerSecond = 67e12;
  return info;
}

/// A square product of f16 matrices of 4096 rows, in tiles.
ProgramWork matmul(int64_t m, int64_t n, int64_t k) {
  ProgramWork work;
  work.steps = 4096.0 / static_cast<double>(k);
  work.stepBytes = static_cast<double>((m + n) * k * 2);
  work.bytesLoaded = work.steps * work.stepBytes;
  work.bytesStored = static_cast<double>(m * n * 2);
  work.dots = {{m, n, k, 16, work.steps}};
  work.liveBytes = m * n * 4;
  work.programs = (4096 / m) * (4096 / n);
  return work;
}
constexpr double kUnique = 3.0 * 4096 * 4096 * 2;

double seconds(const ProgramWork& work, int64_t warps, int64_t stages, int64_t compiler = 1) {
  auto guess = analyticSeconds(work, {{"num_warps", warps}, {"num_stages", stages}, {"compiler", compiler}},
                               kUnique, h100());
  REQUIRE(guess);
  return *guess;
}

} // namespace

TEST_CASE("large tiles of a product come before small ones, and a guess is of the right size") {
  const double large = seconds(matmul(128, 256, 64), 8, 3);
  CHECK(large < seconds(matmul(64, 64, 32), 4, 3));
  CHECK(large < seconds(matmul(32, 32, 32), 4, 3));
  CHECK(large > 1.0e-4); // the device's peak
  CHECK(large < 4.0e-4);
}

TEST_CASE("sums that no thread can hold, and stages that are missing, cost") {
  CHECK(seconds(matmul(256, 256, 32), 4, 2) > 1.5 * seconds(matmul(128, 256, 32), 8, 2));
  CHECK(seconds(matmul(128, 128, 32), 4, 1) > seconds(matmul(128, 128, 32), 4, 3));
}

TEST_CASE("what does not fit has no guess, and neither have devices that are not known") {
  const Configuration options = {{"num_warps", 8}, {"num_stages", 6}, {"compiler", 1}};
  CHECK_FALSE(analyticSeconds(matmul(256, 256, 128), options, kUnique, h100()));
  DeviceInfo cpu = h100();
  cpu.architecture = "cpu:znver3";
  CHECK_FALSE(analyticSeconds(matmul(64, 64, 64), options, kUnique, cpu));
}

TEST_CASE("what only moves bytes takes what memory takes, and more with few programs") {
  ProgramWork work;
  work.bytesLoaded = work.bytesStored = 4096 * 4;
  work.operations = 4096;
  work.liveBytes = work.widestTile = 4096 * 4;
  work.programs = 8192;
  const double unique = 8192.0 * 2 * 4096 * 4;
  auto guess = analyticSeconds(work, {{"num_warps", 4}}, unique, h100());
  REQUIRE(guess);
  CHECK(*guess > unique / 3.35e12);
  CHECK(*guess < 2 * unique / 3.35e12);
  ProgramWork one = work; // the same work by a single program
  one.bytesLoaded *= 8192, one.bytesStored *= 8192, one.operations *= 8192, one.steps = 8192,
                                                                            one.programs = 1;
  CHECK(*analyticSeconds(one, {{"num_warps", 4}}, unique, h100()) > 50 * *guess);
}

TEST_CASE("options and work of no launch have no guess") {
  const ProgramWork work = matmul(128, 128, 64);
  for (const char* option : {"num_warps", "num_ctas", "worker_warps"})
    for (const int64_t value : {int64_t{-1}, int64_t{33}, int64_t{1} << 59, INT64_MAX, INT64_MIN}) {
      CAPTURE(option);
      CAPTURE(value);
      CHECK_FALSE(analyticSeconds(work, {{option, value}, {"compiler", 2}}, kUnique, h100()));
    }
  CHECK_FALSE(analyticSeconds(work, {{"num_warps", 0}}, kUnique, h100()));
  CHECK_FALSE(analyticSeconds(work, {{"num_ctas", 0}}, kUnique, h100()));
  CHECK_FALSE(analyticSeconds(work, {{"num_stages", -1}}, kUnique, h100()));
  ProgramWork huge = work;
  huge.liveBytes = INT64_MAX;
  CHECK_FALSE(analyticSeconds(huge, {}, kUnique, h100()));
  huge = work;
  huge.dots[0].m = INT64_MAX;
  CHECK_FALSE(analyticSeconds(huge, {}, kUnique, h100()));
  huge = work;
  huge.stepBytes = 1e300;
  CHECK_FALSE(analyticSeconds(huge, {}, kUnique, h100()));
}
