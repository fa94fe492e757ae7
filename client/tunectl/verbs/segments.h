// A range of a size, covered by few configurations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tuned::tunectl {

/// Neighbouring points that one configuration serves.
struct Segment {
  size_t first = 0, last = 0; ///< points, in order
  size_t configuration = 0;
  double loss = 0; ///< the worst of its points: time / the best one's - 1
};

/// The fewest segments in which one configuration is within `within` of the best at every point.
/// seconds[p][c] is the time of configuration c at point p; infinite: it does not run there. A point where
/// nothing runs is in no segment. Taking the longest segment from the left each time is the fewest, since
/// what serves a segment serves its parts.
std::vector<Segment> coverRange(const std::vector<std::vector<double>>& seconds, double within);

/// `from`, its doubles, and `to`; 1 ≤ from ≤ to.
std::vector<int64_t> pointsOf(int64_t from, int64_t to);

} // namespace tuned::tunectl
