// Making a plan's builds, on every core.
#pragma once

#include "daemon/prewarm/plan.h"

#include <functional>
#include <optional>

namespace tuned::prewarm {

struct RunOptions {
  std::string worker;         ///< the program
  int slots = 0;              ///< builds at a time; 0: one a core, and one that waits for the disk
  double compileSeconds = 60; ///< deadline of one
  int64_t compileMemory = int64_t{4} << 30; ///< bytes of address space of a compile worker
  double budget = 0;                        ///< seconds; 0: none
};

struct Failure {
  std::string kernel, sizes, configuration, target, outcome, reason;
};

struct Report {
  int64_t builds = 0;   ///< in the plan
  int64_t compiled = 0; ///< now
  int64_t shared = 0;   ///< of these: their code is that of another configuration, which was made once
  int64_t known = 0;    ///< in the cache before
  int64_t tooLarge = 0; ///< of them: beyond what the device has; no failure
  std::vector<Failure> failures;
  /// What a compiler that is not the target's own did not make; no failure, as its own has made the same.
  std::vector<Failure> refused;
  /// What it did not make within the deadline: no failure either. The next run tries again.
  std::vector<Failure> late;
  bool ended = false; ///< all there; else the budget or a signal came first
  double seconds = 0;
  double longest = 0;   ///< seconds of the longest build, which no number of cores makes shorter
  double coresBusy = 0; ///< share of all cores' time that compiling took, with all that it started
  /// Share of all cores' time that nobody used. Where others use the machine, it is this one that says
  /// whether cores were kept waiting. Not set: the system does not tell.
  std::optional<double> coresIdle;
};

/// Called now and then while it runs.
using Progress = std::function<void(const Report& sofar)>;

/// Builds that the cache has are not made again. What was made is kept at once, so that another run goes on
/// where this one ended. The error is never a build's: a full disk, no worker program.
Result<Report> run(store::Store& store, const Plan& plan, const RunOptions& options, const Progress& progress,
                   std::stop_token stop);

} // namespace tuned::prewarm
