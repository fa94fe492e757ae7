#include "client/tunectl/verbs/segments.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tuned::tunectl {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

/// time / the best one's - 1 for each point and configuration.
std::vector<std::vector<double>> lossesOf(const std::vector<std::vector<double>>& seconds) {
  std::vector<std::vector<double>> losses;
  for (const auto& row : seconds) {
    const double best = row.empty() ? kInfinite : *std::ranges::min_element(row);
    losses.emplace_back();
    for (double each : row)
      losses.back().push_back(std::isfinite(each) ? each / best - 1 : kInfinite);
  }
  return losses;
}

} // namespace

std::vector<Segment> coverRange(const std::vector<std::vector<double>>& seconds, double within) {
  const auto losses = lossesOf(seconds);
  std::vector<Segment> out;
  for (size_t point = 0; point < losses.size();) {
    Segment longest{point, point, 0, kInfinite};
    bool found = false;
    for (size_t c = 0; c < losses[point].size(); ++c) {
      size_t end = point;
      double worst = 0;
      while (end < losses.size() && losses[end][c] <= within)
        worst = std::max(worst, losses[end++][c]);
      if (end == point) continue;
      // Of those that reach as far the one that loses least.
      if (!found || end - 1 > longest.last || (end - 1 == longest.last && worst < longest.loss))
        longest = {point, end - 1, c, worst};
      found = true;
    }
    if (found) out.push_back(longest);
    point = longest.last + 1;
  }
  return out;
}

std::vector<int64_t> pointsOf(int64_t from, int64_t to) {
  std::vector<int64_t> out;
  for (int64_t at = from; at < to; at *= 2) {
    out.push_back(at);
    if (at > to / 2) break;
  }
  out.push_back(to);
  return out;
}

} // namespace tuned::tunectl
