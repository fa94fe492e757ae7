#include "tuner/search/model/analytic.h"

#include "backend/options.h"
#include "base/model/multiprocessor.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tuned {
namespace {

constexpr double kLaunch = 2e-6;    // until the first program runs
constexpr double kLatency = 0.8e-6; // of one load from memory, its addresses included
constexpr double kCacheRate = 2.2;  // last-level cache over memory, bytes a second
constexpr double kSharedBytesACycle = 128, kOperationsACycle = 128;
constexpr double kSpill = 1.0 / 32; // slower by this share for each register a thread lacks
constexpr int64_t kMostRegisters = 255, kFewRegisters = 64; // a thread's, and what it needs besides tiles
// Our own compiler loads what it multiplies through registers, from 3 stages on an iteration ahead: so many
// times what an iteration loads is in registers then. (Fitted to four spaces of 220 to 240 configurations on
// an H200.)
constexpr int64_t kStagesAhead = 3;
constexpr double kHeld = 0.5, kHeldAhead = 1.5;

struct Options {
  int64_t warps, stages, ctas;
  bool tileIr; ///< by the second compiler, which pipelines whatever it can
};

Options optionsOf(const CompileOptions& given) {
  const bool tileIr = !given.compiler.empty();
  return {tileIr && given.workerWarps != 0 ? given.workerWarps : given.numWarps, given.numStages,
          given.numCtas, tileIr};
}

/// Whether a launch may have them at all, and no product below leaves 64 bits: the options are a document's,
/// the work another process's.
bool plausible(const Options& options, const ProgramWork& work) {
  constexpr int64_t mostWarps = 32, mostCtas = 16, mostStages = 1024, most = int64_t{1} << 40;
  const auto within = [](int64_t value, int64_t least, int64_t largest) {
    return value >= least && value <= largest;
  };
  return within(options.warps, 1, mostWarps) && within(options.ctas, 1, mostCtas) &&
         within(options.stages, 0, mostStages) && within(work.liveBytes, 0, most) && work.programs >= 1 &&
         work.stepBytes >= 0 && work.stepBytes <= static_cast<double>(most) &&
         std::ranges::all_of(work.dots, [&](const DotWork& dot) {
           return within(dot.m, 1, 1 << 20) && within(dot.n, 1, 1 << 20) && within(dot.k, 1, 1 << 20) &&
                  within(dot.bits, 1, 64);
         });
}

/// Bytes that warps move through shared memory for one product: a and b are written once, and each warp reads
/// its rows of a and its columns of b.
double sharedBytesOf(const DotWork& dot, int64_t warps) {
  double best = 0;
  for (int64_t across = 1; across <= warps; across *= 2) {
    const double m = static_cast<double>(dot.m) * static_cast<double>(across),
                 n = static_cast<double>(dot.n) * static_cast<double>(warps) / static_cast<double>(across);
    if (best == 0 || m + n < best) best = m + n;
  }
  return (best + static_cast<double>(dot.m + dot.n)) * static_cast<double>(dot.k * dot.bits) / 8;
}

/// Seconds that a multiprocessor needs for the products of one program.
class DotCost {
public:
  DotCost(const DeviceInfo& device, const Multiprocessor& has, const Options& options)
      : flops_(device.peakFlopsPerSecond / device.multiprocessors), clock_(flops_ / (2 * kOperationsACycle)),
        tensor_(has.tensorRate), options_(options) {}

  double seconds(const DotWork& dot) const {
    const double flops =
        2.0 * static_cast<double>(dot.m) * static_cast<double>(dot.n) * static_cast<double>(dot.k);
    const double wide = dot.bits >= 64   ? 0.5
                        : dot.bits >= 32 ? tensor_ / 4
                                         : tensor_ * 16 / static_cast<double>(dot.bits);
    // Tile IR's products read shared memory themselves, 64 rows at a time; ours go through registers, 16.
    if (options_.tileIr) {
      const double rows = static_cast<double>(dot.m) / static_cast<double>(options_.ctas);
      const double filled = std::min(1.0, rows / 64), columns = static_cast<double>(dot.n);
      return flops / (flops_ * wide * filled * columns / (columns + 16));
    }
    const double filled =
        std::min(1.0, static_cast<double>(dot.m) / 16) * std::min(1.0, static_cast<double>(dot.n) / 8);
    const double products = flops / (flops_ * wide * 0.6 * filled);
    return std::max(products, sharedBytesOf(dot, options_.warps) / (kSharedBytesACycle * clock_));
  }

private:
  double flops_, clock_, tensor_;
  Options options_;
};

} // namespace

std::optional<double> analyticSeconds(const ProgramWork& work, const Configuration& configuration,
                                      double uniqueBytes, const DeviceInfo& device) {
  const Multiprocessor* has = multiprocessorOf(device.architecture);
  if (!has || device.multiprocessors < 1 || device.peakBytesPerSecond <= 0 || device.peakFlopsPerSecond <= 0)
    return std::nullopt;
  if (!std::ranges::all_of(configuration, [](const auto& each) { return std::in_range<int>(each.second); }))
    return std::nullopt; // no compiler is told such a number
  const Options options = optionsOf(compileOptions(device.architecture, configuration));
  if (!plausible(options, work)) return std::nullopt;
  const int64_t threads = options.warps * Multiprocessor::warp;
  const bool dots = !work.dots.empty(), pipelined = options.tileIr || !dots;

  // What a program takes.
  const bool ahead = options.stages >= kStagesAhead;
  const double held = pipelined ? 0 : work.stepBytes * (ahead ? kHeldAhead : kHeld);
  const int64_t wanted =
      kFewRegisters + (work.liveBytes + static_cast<int64_t>(held)) / (4 * threads * options.ctas);
  const int64_t registers = std::min(wanted, kMostRegisters);
  const double stages = pipelined ? static_cast<double>(std::max<int64_t>(1, options.stages)) : ahead ? 2 : 1;
  const double copies = pipelined ? stages : 1;
  const auto shared =
      static_cast<int64_t>(dots ? work.stepBytes * copies / static_cast<double>(options.ctas) : 0);
  if (device.sharedBytesLimit > 0 && shared > device.sharedBytesLimit) return std::nullopt;
  const int64_t resident = has->resident(threads, registers, shared);
  if (resident < 1) return std::nullopt;

  // What a multiprocessor needs for one program, when it has nothing to wait for.
  const double multiprocessors = static_cast<double>(device.multiprocessors);
  const double programs = static_cast<double>(work.programs) * static_cast<double>(options.ctas);
  const DotCost cost(device, *has, options);
  double computing =
      (work.operations * 2 + work.reduced * 4) / (device.peakFlopsPerSecond / 2 / multiprocessors);
  for (const DotWork& dot : work.dots)
    computing += dot.times * cost.seconds(dot);
  const double bytes = work.bytesLoaded + work.bytesStored;
  const double all = bytes * static_cast<double>(work.programs) * work.meanShare;
  const double fromMemory = all > 0 ? std::min(1.0, uniqueBytes / all) : 1;
  const double moving =
      bytes * std::max(fromMemory, 1 / kCacheRate) * multiprocessors / device.peakBytesPerSecond;
  const double alone = std::max(computing, moving) / static_cast<double>(options.ctas);

  // Programs run in waves of `resident` a multiprocessor; what waits in one is done by the others meanwhile.
  const double steps = std::max(1.0, work.steps);
  const double exposed =
      stages > 1 ? std::max(alone / steps, kLatency / (stages - 1)) : alone / steps + kLatency;
  auto wave = [&](double together) { return kLatency + steps * std::max(together * alone / steps, exposed); };
  const double each = static_cast<double>(resident), full = std::floor(programs / (each * multiprocessors));
  const double rest = std::ceil((programs - full * each * multiprocessors) / multiprocessors);
  // Many waves even out: programs start when others end, and take their average share.
  const double share = full >= 2 ? work.meanShare : 1;
  double seconds = kLaunch + share * (full * wave(each) + (rest > 0 ? wave(rest) : 0));
  if (wanted > kMostRegisters) seconds *= 1 + kSpill * static_cast<double>(wanted - kMostRegisters);
  return seconds;
}

} // namespace tuned
