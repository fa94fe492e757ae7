// Verifying and timing variants on a device. Runs in the process that owns the device (`tuned-worker
// measure`).
#pragma once

#include "tuner/measure/workbench.h"
#include "tuner/search/executor.h"

#include <functional>
#include <map>

namespace tuned {

struct MeasureOptions {
  int warmups = 2; ///< launches before the first timed one, behind the one that is judged; of long ones none
  int minimumRepeats = 8; ///< with fewer than 6 the interval has no 95 %
  int fewestRepeats = 3;  ///< of launches so long that these take all of `seconds`, behind the judged one
  int maximumRepeats = 1000;
  double precision = 0.01;    ///< enough when (high - low) / median is at most this
  double seconds = 0.05;      ///< timed seconds a variant may take: the duel decides
  double clockSeconds = 0.25; ///< the same by the clock: emptying caches may take longer than a launch
  double longLaunch = 2e-3;   ///< from here on a first launch tells the time of the others
  int duelRounds = 60;        ///< interleaved launches of each finalist, at most
  double duelSeconds = 1;     ///< timed seconds of the whole duel, at most; twice that by the clock
  double duelDoubt = 0.025;   ///< chance, in each round, that who is sent away as slower is not
  bool coldCache = true;
  double energySeconds = 0.4; ///< of launches without a pause, for the energy of one: counters move in steps
};

/// Launches of a device that shares its cores with all else (Capabilities::exclusive) vary by some per cent:
/// its duel may take twice the rounds and half as long again, and sends away with less doubt.
MeasureOptions optionsFor(const DeviceInfo& device);

/// Median and its distribution-free 95 % interval by order statistics; below 6 samples: the extremes.
Timed summarize(std::vector<double> samples);

/// Lower end of an interval about the median of all that the samples are of, which is below it by a chance of
/// `doubt` at most, 0 to 0.5, by order statistics; the least sample where there are too few for that.
double lowEnd(std::vector<double> samples, double doubt);

/// Whether samples so far show that a variant cannot beat `best` (seconds). `areLong`: from
/// MeasureOptions::longLaunch on, fewer tell as much.
bool clearlySlower(const std::vector<double>& samples, double best, bool areLong = false);

/// Times launches until the interval is narrow, the repeat budget ends, or it is clearly slower than `best`.
/// `first`: seconds of a launch that went before; where it was a long one it has warmed up the device, and
/// counts when it comes to giving up.
Outcome timeLaunches(Device& device, LoadedKernel& kernel, const Grid& grid,
                     std::span<const ArgumentValue> arguments, const MeasureOptions& options,
                     std::optional<double> best, double first = 0);

/// Joules of one launch: launches follow each other without a pause, with warm caches, from one step of the
/// device's counter to another. Unsupported: the device has none; TimedOut: it does not move.
Result<double> energyOf(Device& device, LoadedKernel& kernel, const Grid& grid,
                        std::span<const ArgumentValue> arguments, const MeasureOptions& options);

/// A variant that runs against others.
struct Racer {
  std::unique_ptr<LoadedKernel> kernel;
  Grid grid = {1, 1, 1};
  std::vector<double> samples = {};    ///< of the rounds so far, all that it took part in
  std::optional<Outcome> failure = {}; ///< it takes part no more
  bool behind = false;                 ///< it was clearly slower than the first, and takes part no more
  std::optional<double> joules = {};
};

/// Launches them in turn, round after round, until the rest is clearly behind one, or none of those left is
/// more than half a per cent faster than the first, or the options' rounds or seconds are over. Samples of
/// those that left are scaled by what the first's times have changed by since.
void race(Device& device, std::vector<Racer>& racers, std::span<const ArgumentValue> arguments,
          const MeasureOptions& options);

/// Time and energy of each, in turn: nobody leaves, since a slow one may take the least energy.
void weigh(Device& device, std::vector<Racer>& racers, std::span<const ArgumentValue> arguments,
           const MeasureOptions& options);

/// Loads, verifies and times variants of one kernel at one set of sizes. After an outcome Faulted the device
/// is not to be used again: replace the process.
class Measurer {
public:
  /// The expected outputs; null while they are not there, and never when asked to wait.
  using Reference = std::function<const ReferenceResult*(bool wait)>;
  /// The same outputs with the kernel's sums taken otherwise.
  using Others = std::function<std::vector<ReferenceResult>()>;
  /// `reference` may have no outputs: then only guards and untouched inputs are checked, and verdicts say so.
  /// `others` is asked once, when an output differs: what these differ by among each other, right builds may
  /// differ by, too. May be empty.
  Measurer(std::unique_ptr<Workbench> bench, Sizes sizes, Reference reference, Others others = {},
           MeasureOptions options = {})
      : bench_(std::move(bench)), sizes_(std::move(sizes)), reference_(std::move(reference)),
        others_(std::move(others)), options_(options) {}

  /// One launch on fresh buffers, looked at and judged, then more of them. While the expected outputs are not
  /// there the verdict is "pending", and the variant is timed all the same.
  Measured measure(const MeasureRequest& request);
  /// Only the launch that is judged, against the expected outputs, for which it waits. The outcome of what is
  /// right is Timed, without times.
  Measured judge(const MeasureRequest& request);
  std::vector<Measured> duel(std::span<const MeasureRequest> requests);
  /// Whose outputs each measurement makes anew.
  Workbench& bench() { return *bench_; }

private:
  Result<Grid> gridOf(const MeasureRequest& request) const;
  /// What one launch on fresh buffers left beside its outputs' values.
  struct Seen {
    double seconds = 0;              ///< of that launch
    std::string wrong;               ///< a guard or an input that it wrote to
    std::optional<uint64_t> outputs; ///< their checksum, where the device computes one
    bool guardsIntact = true;
  };
  Result<Seen> launchOnce(LoadedKernel& kernel, const Grid& grid);
  struct Launchable {
    std::unique_ptr<LoadedKernel> kernel;
    Grid grid = {1, 1, 1};
    double first = 0; ///< seconds of its first launch
  };
  class Account;
  /// Loads, launches once and judges; the failure, or nothing and what can be launched again.
  std::optional<Outcome> look(const MeasureRequest& request, bool wait, Account& account, Launchable& out);
  /// Whether the outputs of that launch are right. Those that equal, bit for bit, some that were right are
  /// right. Without a reference: "pending", as far as nothing is wrong yet.
  Result<Verdict> verdictOf(const Seen& seen, const ReferenceResult* reference);

  /// Compares within the document's tolerance, and where that fails within what the kernel's own sums leave
  /// open.
  Result<Comparison> compareOutput(const ReferenceOutput& output, Verdict& verdict);
  /// How many times the document's tolerance an output may differ by; asks for the other references.
  double spreadOf(const ReferenceOutput& output);

  std::unique_ptr<Workbench> bench_;
  Sizes sizes_;
  Reference reference_;
  Others others_;
  std::optional<std::vector<ReferenceResult>> otherwise_; ///< what others_ gave
  std::map<size_t, double> spreads_;                      ///< by argument, where they are known
  MeasureOptions options_;
  std::map<uint64_t, Verdict> right_; ///< by checksum of the outputs
};

} // namespace tuned
