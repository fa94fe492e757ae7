// What a device is doing at a moment, beside what we ask of it: whether a time that was taken then can be
// believed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tuned {

/// What cannot be told is absent.
struct DeviceState {
  std::optional<int64_t> clockMegahertz, highestClockMegahertz, memoryClockMegahertz, celsius;
  std::optional<double> watts;
  std::optional<int64_t> busyPercent; ///< share of the last second or so in which any kernel ran
  /// Other processes that have the device open, and the share of its multiprocessors' time that they took
  /// since it was last asked.
  std::optional<int64_t> others, othersPercent;
  /// What holds the clocks down for safety: "heat", "power brake", "hardware". A power cap is not among them:
  /// long matrix work always meets it.
  std::vector<std::string> slowed;

  bool operator==(const DeviceState&) const = default;
};

/// From which share on the others' work falsifies ours, percent.
constexpr int64_t othersMatter = 2;

/// Why a time that was taken around this state cannot be believed; empty: it can.
inline std::string disturbance(const DeviceState& state) {
  if (state.othersPercent.value_or(0) >= othersMatter)
    return "other processes took " + std::to_string(*state.othersPercent) + " % of the device";
  return state.slowed.empty() ? "" : "the device is slowed down: " + state.slowed.front();
}

template <typename V> void fields(V& v, DeviceState& m) {
  v("clock_mhz", m.clockMegahertz);
  v("highest_clock_mhz", m.highestClockMegahertz);
  v("memory_clock_mhz", m.memoryClockMegahertz);
  v("celsius", m.celsius);
  v("watts", m.watts);
  v("busy_percent", m.busyPercent);
  v("others", m.others);
  v("others_percent", m.othersPercent);
  v.option("slowed", m.slowed);
}

} // namespace tuned
