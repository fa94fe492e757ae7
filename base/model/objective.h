// What a tuning makes small: the time of a launch, the energy it takes, or both by weights.
#pragma once

#include <cmath>
#include <optional>

namespace tuned {

/// Weights, at least 0 and not both, whose sum is finite. What is made small is time^w × energy^v to the
/// power of 1 / (w + v): no unit matters, and equal weights rank by the product of energy and delay.
struct Objective {
  double time = 1, energy = 0;

  bool operator==(const Objective&) const = default;
  bool timeAlone() const { return energy == 0; }
  bool sound() const { return time >= 0 && energy >= 0 && time + energy > 0 && std::isfinite(time + energy); }
  /// Of a launch of so many seconds and joules; nothing where it needs joules that were not measured.
  std::optional<double> of(double seconds, std::optional<double> joules) const {
    if (timeAlone()) return seconds;
    if (!joules || !(*joules > 0)) return std::nullopt;
    if (time == 0) return *joules;
    return std::exp((time * std::log(seconds) + energy * std::log(*joules)) / (time + energy));
  }
};

template <typename V> void fields(V& v, Objective& m) {
  v.option("time", m.time);
  v.option("energy", m.energy);
}

} // namespace tuned
