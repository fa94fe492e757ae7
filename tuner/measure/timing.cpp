// How long does a launch take: repeats until the answer is known well enough, and statistics without
// assumptions about the distribution (device times are skewed).
#include "base/clock.h"
#include "tuner/measure/measure.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace tuned {
namespace {

// What disturbs a launch makes it slower, and does so to several in turn ever less likely: how many times the
// best's time the fastest of one, two, three … samples has to take for the matter to be ended.
constexpr std::array kSlower = {3.0, 1.5, 1.25, 1.25, 1.2, 1.15, 1.1};
// The same of long launches, during which what disturbs for a moment comes and goes.
constexpr std::array kSlowerLong = {3.0, 1.25, 1.15, 1.12, 1.12, 1.1, 1.1};

/// Where the interval of the median begins among n sorted samples, 1 and more, and as far from the last one
/// where it ends: the (k - 1)-th, of the largest k with P(Binomial(n, 1/2) < k) ≤ doubt, 2.5 % for an
/// interval of 95 %. The first where there is no such k.
size_t intervalBegin(size_t n, double doubt) {
  double logHalf = static_cast<double>(n) * std::log(0.5), below = 0;
  for (size_t k = 0; k < n; ++k) {
    below += std::exp(std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) + logHalf);
    if (below > doubt) return k > 0 ? k - 1 : 0;
  }
  return 0;
}

bool preciseEnough(const Timed& timed, const MeasureOptions& options) {
  return timed.repeats >= options.minimumRepeats &&
         timed.high - timed.low <= options.precision * timed.median;
}

} // namespace

MeasureOptions optionsFor(const DeviceInfo& device) {
  MeasureOptions options;
  if (device.capabilities.exclusive) {
    options.duelRounds *= 2;
    options.duelSeconds *= 1.5;
    options.duelDoubt = 0.01;
  }
  return options;
}

Timed summarize(std::vector<double> samples) {
  Timed timed;
  timed.repeats = static_cast<int>(samples.size());
  timed.samples = samples;
  if (samples.empty()) return timed;
  std::ranges::sort(samples);
  size_t n = samples.size();
  timed.median = n % 2 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
  const size_t begin = intervalBegin(n, 0.025);
  timed.low = samples[begin];
  timed.high = samples[n - 1 - begin];
  return timed;
}

double lowEnd(std::vector<double> samples, double doubt) {
  std::ranges::sort(samples);
  return samples.empty() ? 0 : samples[intervalBegin(samples.size(), doubt)];
}

bool clearlySlower(const std::vector<double>& samples, double best, bool areLong) {
  if (samples.empty()) return false;
  const double fastest = *std::ranges::min_element(samples);
  const auto& slower = areLong ? kSlowerLong : kSlower;
  if (fastest > slower[std::min(samples.size(), slower.size()) - 1] * best) return true;
  // Later the interval decides; the margin leaves room for drift between the two measurements.
  return samples.size() > kSlower.size() && summarize(samples).low > 1.05 * best;
}

Outcome timeLaunches(Device& device, LoadedKernel& kernel, const Grid& grid,
                     std::span<const ArgumentValue> arguments, const MeasureOptions& options,
                     std::optional<double> best, double first) {
  const bool isLong = first >= options.longLaunch;
  std::vector<double> samples, evidence; // evidence: what tells that it is clearly slower
  if (isLong) evidence.push_back(first);
  auto givenUp = [&] { return best && clearlySlower(evidence, *best, isLong); };
  auto abandoned = [&] {
    Timed timed = summarize(std::move(evidence));
    timed.abandoned = true;
    return timed;
  };
  if (givenUp()) return abandoned();
  if (options.warmups > 0 && !isLong)
    if (auto warm = device.time(kernel, grid, arguments, {options.warmups, false}); !warm)
      return outcomeOf(warm.error(), false);
  double spent = 0;
  const auto start = std::chrono::steady_clock::now();
  int batch = 1; // single launches until a hopeless variant would have been seen
  while (static_cast<int>(samples.size()) < options.maximumRepeats) {
    auto times = device.time(kernel, grid, arguments, {batch, options.coldCache});
    if (!times) return outcomeOf(times.error(), false);
    samples.insert(samples.end(), times->begin(), times->end());
    evidence.insert(evidence.end(), times->begin(), times->end());
    spent += std::accumulate(times->begin(), times->end(), 0.0);
    if (givenUp()) return abandoned();
    int taken = static_cast<int>(samples.size());
    const double clock = secondsSince(start);
    const bool over = spent >= options.seconds || clock >= options.clockSeconds;
    if (taken >= options.fewestRepeats && over) break;
    if (preciseEnough(summarize(samples), options)) break;
    int wanted = taken < 3 || (isLong && taken < options.minimumRepeats) ? 1
                 : taken < options.minimumRepeats                        ? options.minimumRepeats - taken
                                                                         : taken / 2;
    // No more than there is time left for, at the pace so far.
    const double affordable = std::max(0.0, options.clockSeconds - clock) / std::max(clock / taken, 1e-9);
    const int most =
        std::min(options.maximumRepeats - taken, static_cast<int>(std::min(affordable, 1e6)) + 1);
    batch = std::clamp(wanted, 1, std::max(most, 1));
  }
  return summarize(std::move(samples));
}

} // namespace tuned
