// What a launch takes of energy. The device's counter moves in steps of some 100 ms, and what it takes when
// it idles is in it: so launches follow each other without a pause, and only whole steps count.
#include "base/clock.h"
#include "tuner/measure/measure.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tuned {
namespace {

constexpr double kBatchSeconds = 5e-3; // between two looks at the counter
constexpr int kMostInBatch = 4096;
constexpr double kPatience = 10; // times energySeconds, for a counter that does not move
constexpr int kTurns = 2, kTimedPerTurn = 8;

/// Batches of launches, with the counter's value after each.
class Meter {
public:
  Meter(Device& device, LoadedKernel& kernel, const Grid& grid, std::span<const ArgumentValue> arguments)
      : device_(device), kernel_(kernel), grid_(grid), arguments_(arguments) {}

  Result<double> joules() {
    auto times = device_.time(kernel_, grid_, arguments_, {batch_, false});
    if (!times) return fail(times.error());
    launches_ += batch_;
    const double spent = std::accumulate(times->begin(), times->end(), 0.0);
    const double wanted = kBatchSeconds / std::max(spent / batch_, 1e-9);
    batch_ = std::clamp(static_cast<int>(wanted), 1, kMostInBatch);
    return device_.joules();
  }
  int64_t launches() const { return launches_; }

private:
  Device& device_;
  LoadedKernel& kernel_;
  const Grid& grid_;
  std::span<const ArgumentValue> arguments_;
  int batch_ = 1;
  int64_t launches_ = 0;
};

} // namespace

Result<double> energyOf(Device& device, LoadedKernel& kernel, const Grid& grid,
                        std::span<const ArgumentValue> arguments, const MeasureOptions& options) {
  auto before = device.joules();
  if (!before) return before;
  Meter meter(device, kernel, grid, arguments);
  std::optional<double> first; // the counter where it began, at a step
  int64_t launchesAtFirst = 0;
  const auto start = std::chrono::steady_clock::now();
  auto since = start;
  for (double last = *before; secondsSince(start) < kPatience * options.energySeconds;) {
    auto now = meter.joules();
    if (!now) return now;
    if (*now == last) continue;
    last = *now;
    if (!first) {
      first = *now, launchesAtFirst = meter.launches(), since = std::chrono::steady_clock::now();
    } else if (secondsSince(since) >= options.energySeconds) {
      return (*now - *first) / static_cast<double>(meter.launches() - launchesAtFirst);
    }
  }
  return fail(ErrorKind::TimedOut,
              "the counter of the energy that " + device.info().id + " takes did not move while it was busy");
}

void weigh(Device& device, std::vector<Racer>& racers, std::span<const ArgumentValue> arguments,
           const MeasureOptions& options) {
  for (int turn = 0; turn < kTurns; ++turn)
    for (size_t i = 0; i < racers.size(); ++i) {
      Racer& racer = racers[(i + static_cast<size_t>(turn)) % racers.size()];
      if (racer.failure) continue;
      auto joules = energyOf(device, *racer.kernel, racer.grid, arguments, options);
      auto times = joules
                       ? device.time(*racer.kernel, racer.grid, arguments, {kTimedPerTurn, options.coldCache})
                       : fail(joules.error());
      if (!times) {
        racer.failure = outcomeOf(times.error(), false);
        continue;
      }
      racer.joules = racer.joules.value_or(0) + *joules / kTurns;
      racer.samples.insert(racer.samples.end(), times->begin(), times->end());
    }
}

} // namespace tuned
