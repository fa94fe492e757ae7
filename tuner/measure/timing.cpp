// How long does a launch take: repeats until the answer is known well enough, and statistics without
// assumptions about the distribution (device times are skewed).
#include "base/clock.h"
#include "tuner/measure/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace tuned {
namespace {

// A sample this many times slower than the best ends the matter alone; three samples need less.
constexpr double kHopeless = 5, kSlower = 1.25;

/// Largest k with P(Binomial(n, 1/2) < k) ≤ 2.5 %: the interval runs from the k-th smallest to the k-th
/// largest sample. 0: no such k.
size_t intervalRank(size_t n) {
  double logHalf = static_cast<double>(n) * std::log(0.5), below = 0;
  for (size_t k = 0; k < n; ++k) {
    below += std::exp(std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) + logHalf);
    if (below > 0.025) return k;
  }
  return 0;
}

bool preciseEnough(const Timed& timed, const MeasureOptions& options) {
  return timed.repeats >= options.minimumRepeats &&
         timed.high - timed.low <= options.precision * timed.median;
}

} // namespace

Timed summarize(std::vector<double> samples) {
  Timed timed;
  timed.repeats = static_cast<int>(samples.size());
  timed.samples = samples;
  if (samples.empty()) return timed;
  std::ranges::sort(samples);
  size_t n = samples.size();
  timed.median = n % 2 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
  size_t rank = intervalRank(n);
  timed.low = samples[rank > 0 ? rank - 1 : 0];
  timed.high = samples[rank > 0 ? n - rank : n - 1];
  return timed;
}

bool clearlySlower(const std::vector<double>& samples, double best) {
  if (samples.empty()) return false;
  double fastest = *std::ranges::min_element(samples);
  if (fastest > kHopeless * best) return true;
  if (samples.size() >= 3 && fastest > kSlower * best) return true;
  // Later the interval decides; the margin leaves room for drift between the two measurements.
  return samples.size() >= 8 && summarize(samples).low > 1.05 * best;
}

Outcome timeLaunches(Device& device, LoadedKernel& kernel, const Grid& grid,
                     std::span<const ArgumentValue> arguments, const MeasureOptions& options,
                     std::optional<double> best) {
  if (options.warmups > 0)
    if (auto warm = device.time(kernel, grid, arguments, {options.warmups, false}); !warm)
      return outcomeOf(warm.error(), false);
  std::vector<double> samples;
  double spent = 0;
  const auto start = std::chrono::steady_clock::now();
  int batch = 1; // single launches until a hopeless variant would have been seen
  while (static_cast<int>(samples.size()) < options.maximumRepeats) {
    auto times = device.time(kernel, grid, arguments, {batch, options.coldCache});
    if (!times) return outcomeOf(times.error(), false);
    samples.insert(samples.end(), times->begin(), times->end());
    spent += std::accumulate(times->begin(), times->end(), 0.0);
    if (best && clearlySlower(samples, *best)) {
      Timed timed = summarize(std::move(samples));
      timed.abandoned = true;
      return timed;
    }
    int taken = static_cast<int>(samples.size());
    const double clock = secondsSince(start);
    if (taken >= options.minimumRepeats && (spent >= options.seconds || clock >= options.clockSeconds ||
                                            preciseEnough(summarize(samples), options)))
      break;
    int wanted = taken < 3 ? 1 : taken < options.minimumRepeats ? options.minimumRepeats - taken : taken / 2;
    // No more than there is time left for, at the pace so far.
    const double affordable = std::max(0.0, options.clockSeconds - clock) / std::max(clock / taken, 1e-9);
    const int most =
        std::min(options.maximumRepeats - taken, static_cast<int>(std::min(affordable, 1e6)) + 1);
    batch = std::clamp(wanted, 1, std::max(most, 1));
  }
  return summarize(std::move(samples));
}

} // namespace tuned
