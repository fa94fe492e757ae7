#include "client/tunectl/verbs/segments.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>

using namespace tuned::tunectl;

namespace {
constexpr double infinite = std::numeric_limits<double>::infinity();

std::vector<size_t> configurations(const std::vector<Segment>& segments) {
  std::vector<size_t> out;
  for (const Segment& each : segments)
    out.push_back(each.configuration);
  return out;
}
} // namespace

TEST_CASE("one configuration serves a range as far as it is near the best") {
  // The first is best at small points, the second at large ones; both will do in the middle.
  const std::vector<std::vector<double>> seconds = {
      {1, 2, 3}, {1, 1.5, 3}, {1.04, 1, 3}, {1.5, 1, 3}, {2, 1, 3}};
  auto segments = coverRange(seconds, 0.05);
  REQUIRE(configurations(segments) == std::vector<size_t>{0, 1});
  CHECK(segments[0].first == 0);
  CHECK(segments[0].last == 2);
  CHECK(segments[0].loss == doctest::Approx(0.04));
  CHECK(segments[1].first == 3);
  CHECK(segments[1].last == 4);
  CHECK(segments[1].loss == 0);
  CHECK(configurations(coverRange(seconds, 0)) == std::vector<size_t>{0, 1});
  CHECK(configurations(coverRange(seconds, 10)).size() == 1);
}

TEST_CASE("what does not run serves nothing, and where nothing runs there is no segment") {
  auto segments = coverRange({{infinite, 1}, {infinite, infinite}, {1, infinite}}, 0.05);
  REQUIRE(configurations(segments) == std::vector<size_t>{1, 0});
  CHECK(segments[0].last == 0);
  CHECK(segments[1].first == 2);
  CHECK(coverRange({}, 0.05).empty());
  CHECK(coverRange({{}, {}}, 0.05).empty());
}

TEST_CASE("every point of random times is served, and no cover has fewer segments") {
  std::mt19937 generator(1);
  std::uniform_real_distribution<double> time(1, 1.2);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::vector<double>> seconds(7, std::vector<double>(4));
    for (auto& row : seconds)
      for (double& each : row)
        each = time(generator);
    const auto segments = coverRange(seconds, 0.08);
    // fewest[p]: segments that the first p points need, by trying every last segment.
    std::vector<size_t> fewest(seconds.size() + 1, 100);
    fewest[0] = 0;
    for (size_t end = 1; end <= seconds.size(); ++end)
      for (size_t begin = 0; begin < end; ++begin)
        for (size_t c = 0; c < 4; ++c) {
          bool serves = true;
          for (size_t p = begin; p < end; ++p)
            serves =
                serves && seconds[p][c] <= 1.08 * *std::min_element(seconds[p].begin(), seconds[p].end());
          if (serves) fewest[end] = std::min(fewest[end], fewest[begin] + 1);
        }
    CHECK(segments.size() == fewest.back());
    size_t next = 0;
    for (const Segment& each : segments) {
      CHECK(each.first == next);
      next = each.last + 1;
      CHECK(each.loss <= 0.08 + 1e-9);
    }
    CHECK(next == seconds.size());
  }
}

TEST_CASE("a range is tuned at its ends and at the doubles between") {
  CHECK(pointsOf(1, 8) == std::vector<int64_t>{1, 2, 4, 8});
  CHECK(pointsOf(3, 20) == std::vector<int64_t>{3, 6, 12, 20});
  CHECK(pointsOf(5, 5) == std::vector<int64_t>{5});
  CHECK(pointsOf(1, int64_t(1) << 40).size() == 41);
}
