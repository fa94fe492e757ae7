// Recorded search spaces, and strategies let loose on them.
#pragma once

#include "tuner/search/strategy.h"

#include <optional>
#include <string>
#include <vector>

namespace tuned::bench {

/// A space of which every point was timed: JSON, gzipped or not, with kernel, device, params {name: values},
/// configs (rows in the order of params) and time_ms (null, or no positive number: does not run). Values are
/// numbers, truths or text.
struct Recorded {
  std::string name, kernel, device;
  std::vector<KernelParameter> parameters;      ///< values are positions in its lists unless all are whole
  std::vector<std::vector<std::string>> values; ///< what stands at these
  std::vector<Space::Index> cells;
  std::vector<std::optional<double>> times; ///< seconds, in the order of rows
  double optimum = 0;

  Space space() const { return Space::of(parameters, cells); }
};
/// Throws std::runtime_error with the file's name when it cannot be read.
Recorded load(const std::string& path);

/// What is known of the recording's kernel from all others of it.
std::vector<History> historyOf(const Recorded& recorded, const std::vector<Recorded>& all);

/// One search: the best time after each evaluation, and what a proposal cost.
struct Run {
  std::vector<double> best; ///< infinite while nothing ran
  double secondsPerProposal = 0;
  /// Evaluations at which a tuning that stops by itself would have (tuner/search/tuner.h:
  /// TuneRequest::worth); 0: it would not.
  size_t stopped = 0;
  size_t to(double bar) const; ///< evaluations until the best was at most that; the cap when never
};
/// At most `cap` evaluations; ends early within 1 % of the optimum, after `least`.
Run replay(const Recorded& recorded, Space& space, const std::string& strategy, uint64_t seed,
           const std::vector<History>& history, size_t cap, size_t least);

/// A made-up space of 4^10 = 1,048,576 points, a product of valleys of which neighbours interact.
Recorded million();

/// Lines of shares (0 to 1) by evaluation as an SVG, with a logarithmic axis of evaluations.
struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points; ///< evaluations, share
};
std::string plot(const std::string& title, const std::vector<Curve>& curves);

} // namespace tuned::bench
