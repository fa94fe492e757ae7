// Verifying and timing variants on a device. Runs in the process that owns the device (`tuned-worker
// measure`).
#pragma once

#include "tuner/measure/workbench.h"
#include "tuner/search/executor.h"

#include <functional>
#include <map>

namespace tuned {

struct MeasureOptions {
  int warmups = 2;        ///< launches before the first timed one
  int minimumRepeats = 8; ///< with fewer than 6 the interval has no 95 %
  int maximumRepeats = 1000;
  double precision = 0.01; ///< enough when (high - low) / median is at most this
  double seconds =
      0.05; ///< timed seconds a variant may take (minimumRepeats are always taken): the duel decides
  double clockSeconds =
      0.25;            ///< the same by the clock on the wall: emptying caches may take longer than a launch
  int duelRounds = 60; ///< interleaved launches of each finalist, at most
  double duelSeconds = 1.5; ///< timed seconds of the whole duel, at most; twice that by the clock
  bool coldCache = true;
};

/// Median and its distribution-free 95 % interval by order statistics; below 6 samples: the extremes.
Timed summarize(std::vector<double> samples);

/// Whether samples so far show that a variant cannot beat `best` (seconds).
bool clearlySlower(const std::vector<double>& samples, double best);

/// Times launches until the interval is narrow, the repeat budget ends, or it is clearly slower than `best`.
Outcome timeLaunches(Device& device, LoadedKernel& kernel, const Grid& grid,
                     std::span<const ArgumentValue> arguments, const MeasureOptions& options,
                     std::optional<double> best);

/// Loads, verifies and times variants of one kernel at one set of sizes. After an outcome Faulted the device
/// is not to be used again: replace the process.
class Measurer {
public:
  /// The same outputs with the kernel's sums taken otherwise.
  using Others = std::function<std::vector<ReferenceResult>()>;
  /// `reference` may have no outputs: then only guards and untouched inputs are checked, and verdicts say so.
  /// `others` is asked once, when an output differs: what these differ by among each other, right builds may
  /// differ by, too. May be empty.
  Measurer(std::unique_ptr<Workbench> bench, Sizes sizes, ReferenceResult reference, Others others = {},
           MeasureOptions options = {})
      : bench_(std::move(bench)), sizes_(std::move(sizes)), reference_(std::move(reference)),
        others_(std::move(others)), options_(options) {}

  Measured measure(const MeasureRequest& request);
  std::vector<Measured> duel(std::span<const MeasureRequest> requests);

private:
  Result<Grid> gridOf(const MeasureRequest& request) const;
  /// One launch on fresh buffers, judged. Outputs that equal, bit for bit, some that were right are right.
  /// The error is WrongResult's text when `wrong` is set.
  Result<Verdict> verify(LoadedKernel& kernel, const Grid& grid, std::string& wrong);

  /// Compares within the document's tolerance, and where that fails within what the kernel's own sums leave
  /// open.
  Result<Comparison> compareOutput(const ReferenceOutput& output, Verdict& verdict);
  /// How many times the document's tolerance an output may differ by; asks for the other references.
  double spreadOf(const ReferenceOutput& output);

  std::unique_ptr<Workbench> bench_;
  Sizes sizes_;
  ReferenceResult reference_;
  Others others_;
  std::optional<std::vector<ReferenceResult>> otherwise_; ///< what others_ gave
  std::map<size_t, double> spreads_;                      ///< by argument, where they are known
  MeasureOptions options_;
  std::map<uint64_t, Verdict> right_; ///< by checksum of the outputs
};

} // namespace tuned
