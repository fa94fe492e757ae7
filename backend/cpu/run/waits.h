// What other work takes of the cores while launches are timed: how long their threads waited for one.
#pragma once

#include "base/error.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tuned::cpu {

/// How long threads could run and had no core, as the kernel's scheduler counts it.
class CoreWaits {
public:
  /// Opens the counts of the threads that this process has now, 32 at most: reading them takes a microsecond
  /// each, and no right to open files. `launching`: how many of them run launches, from 1 up; what else there
  /// is of threads sleeps. `folder` has a folder per thread, and a schedstat in it.
  explicit CoreWaits(int launching, const std::string& folder = "/proc/self/task");
  ~CoreWaits();
  CoreWaits(const CoreWaits&) = delete;

  /// Since they began, in the mean of those that run launches; nothing where the kernel does not count it.
  std::optional<double> seconds() const;

private:
  const int launching_;
  std::vector<int> files_;
};

/// One timed launch.
struct TimedLaunch {
  double seconds = 0;
  double waited = 0; ///< seconds that its threads waited for cores, in the mean of the threads
};

/// Times launches so that others' work spoils few of the times: what was disturbed is launched again.
/// Not safe from several threads.
class QuietTimes {
public:
  /// The least disturbed of a few launches, which are one as a rule. Where again and again all were
  /// disturbed it takes the first, until one is not.
  Result<double> take(const std::function<Result<TimedLaunch>()>& launch);

  /// Percent of the time of all that was taken since the last call in which the threads of disturbed launches
  /// waited for cores; nothing when nothing was taken.
  std::optional<int64_t> othersPercent();

private:
  static constexpr int mostAgain = 2;
  int patience_ = mostAgain; ///< launches that may be made again for one time
  double seconds_ = 0, waited_ = 0;
};

} // namespace tuned::cpu
