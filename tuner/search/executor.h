// What the tuning loop needs done by others: compiling and measuring variants of one kernel at one set of
// sizes on one device. The daemon implements it with worker processes; tests with a clock they can turn.
#pragma once

#include "backend/artefact.h"
#include "tuner/search/phase_clock.h"
#include "tuner/trial.h"

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tuned {

/// A variant that has been compiled, or why it has not.
struct Compiled {
  Configuration configuration;
  std::string origin = {};                  ///< who made it, when it was not compiled for this search
  std::shared_ptr<const Artefact> artefact; ///< null when it failed
  Outcome failure = Refused{}; ///< CompileFailed, OutOfResources, TimedOut or Refused; without an artefact
  double seconds = 0;          ///< wall clock of this compilation
};

struct MeasureRequest {
  Configuration configuration;
  std::shared_ptr<const Artefact> artefact;
  /// Median of the best trial so far in seconds: measuring ends early once this one is clearly slower.
  std::optional<double> best;
};

struct Measured {
  Outcome outcome = Refused{}; ///< anything but CompileFailed
  Verdict verdict;
  double seconds = 0; ///< wall clock, verification included
  /// What the time went into, as far as whoever measured can tell.
  PhaseSeconds phases = {};
};

/// Called from one thread at a time. No call throws; failures are outcomes.
class Executor {
public:
  virtual ~Executor() = default;

  /// Nothing else may run while the device is timed (the CPU times its own cores): the loop then alternates
  /// batches of compiling and measuring instead of overlapping them.
  virtual bool exclusive() const = 0;
  /// Compilations that run at the same time; the loop keeps about twice as many in flight.
  virtual int compileSlots() const = 0;

  /// Starts compiling and returns at once. Each configuration comes back through nextCompiled exactly once.
  virtual void compile(std::span<const Configuration> configurations) = 0;
  /// Waits at most `patience` for a compilation to end; in any order. Nothing: none ended in that time.
  virtual std::optional<Compiled> nextCompiled(std::chrono::milliseconds patience) = 0;

  /// Verifies, then times one variant; blocks. Compilations go on meanwhile unless exclusive().
  virtual Measured measure(const MeasureRequest& request) = 0;
  /// Times all of them again with their launches interleaved, so that drift of the device meets all alike.
  /// One answer for each request in order. Verified before; not verified again.
  virtual std::vector<Measured> duel(std::span<const MeasureRequest> requests) = 0;

  /// No more is wanted: drop what is queued and end what is running. Called once, also before destruction.
  virtual void cancel() = 0;
};

} // namespace tuned
