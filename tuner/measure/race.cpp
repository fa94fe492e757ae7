// Which of a few is the fastest: launched in turn, so that whatever drifts meets all alike, and compared
// round by round. Those that are clearly behind leave the race, so that most of the time goes to those that
// matter.
#include "base/clock.h"
#include "tuner/measure/measure.h"

#include <algorithm>
#include <cmath>

namespace tuned {
namespace {

constexpr size_t kFirstLook = 5; // rounds before anything is decided
// How far a racer's interval has to be behind the leader's for it to leave, with few rounds and with more;
// and what it may be faster by, at most, where none is looked for any more.
constexpr double kBehindEarly = 1.01, kBehind = 1.0025, kNoFaster = 0.995;

bool running(const Racer& racer) {
  return !racer.failure && !racer.behind;
}

double medianOf(const Racer& racer) {
  return summarize(racer.samples).median;
}

/// One launch of each, another one first in each round, so that none always runs behind the same neighbour.
/// Gives the seconds of the fastest.
double runRound(Device& device, std::vector<Racer>& racers, std::span<const ArgumentValue> arguments,
                bool coldCache, size_t round, double& spent) {
  double fastest = INFINITY;
  for (size_t turn = 0; turn < racers.size(); ++turn) {
    Racer& racer = racers[(turn + round) % racers.size()];
    if (!running(racer)) continue;
    auto time = device.time(*racer.kernel, racer.grid, arguments, {1, coldCache});
    if (!time) {
      racer.failure = outcomeOf(time.error(), false);
      continue;
    }
    spent += time->front();
    fastest = std::min(fastest, time->front());
    racer.samples.push_back(time->front());
  }
  return fastest;
}

/// Sends away who is clearly behind. True: nobody left can be much faster than the first.
bool decided(std::vector<Racer>& racers, double doubt) {
  const Racer* leader = nullptr;
  for (const Racer& racer : racers)
    if (running(racer) && (!leader || medianOf(racer) < medianOf(*leader))) leader = &racer;
  if (!leader) return true;
  const size_t rounds = leader->samples.size();
  if (rounds < kFirstLook) return false;
  // Of so few even the least ratio tells with more doubt than is wanted.
  const bool few = std::exp2(-static_cast<double>(rounds)) > doubt;
  bool settled = true;
  for (Racer& racer : racers) {
    if (!running(racer) || &racer == leader) continue;
    std::vector<double> ratios(rounds);
    for (size_t i = 0; i < rounds; ++i)
      ratios[i] = racer.samples[i] / leader->samples[i];
    const double low = lowEnd(std::move(ratios), doubt);
    if (low > (few ? kBehindEarly : kBehind))
      racer.behind = true;
    else if (low < kNoFaster)
      settled = false;
  }
  return settled;
}

/// Whoever left was timed in the first rounds alone, and what the rest met may have been another machine: its
/// times are told as they compare with the first's over the same rounds.
void align(std::vector<Racer>& racers) {
  const Racer* first = nullptr;
  for (const Racer& racer : racers)
    if (running(racer) && !racer.samples.empty() && (!first || medianOf(racer) < medianOf(*first)))
      first = &racer;
  if (!first) return;
  for (Racer& racer : racers) {
    if (!racer.behind || racer.samples.empty() || racer.samples.size() > first->samples.size()) continue;
    const auto shared = first->samples.begin() + static_cast<long>(racer.samples.size());
    const double drift = medianOf(*first) / summarize({first->samples.begin(), shared}).median;
    for (double& sample : racer.samples)
      sample *= drift;
  }
}

} // namespace

void race(Device& device, std::vector<Racer>& racers, std::span<const ArgumentValue> arguments,
          const MeasureOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  double spent = 0;
  // The first round warms up, unless launches are so long that it need not.
  if (runRound(device, racers, arguments, options.coldCache, 0, spent) < options.longLaunch)
    for (Racer& racer : racers)
      racer.samples.clear();
  // One scored round is taken whatever it costs.
  for (size_t round = 1;; ++round) {
    runRound(device, racers, arguments, options.coldCache, round, spent);
    if (decided(racers, options.duelDoubt) || round >= static_cast<size_t>(options.duelRounds) ||
        spent >= options.duelSeconds || secondsSince(start) >= 2 * options.duelSeconds)
      return align(racers);
  }
}

} // namespace tuned
