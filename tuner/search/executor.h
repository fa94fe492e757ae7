// What the tuning loop needs done by others: compiling and measuring variants of one kernel at one set of
// sizes on one device. The daemon implements it with worker processes; tests with a clock they can turn.
#pragma once

#include "backend/artefact.h"
#include "tuner/search/phase_clock.h"
#include "tuner/trial.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tuned {

/// A variant that has been compiled, or why it has not.
struct Compiled {
  Configuration configuration;
  std::string origin = {};                  ///< who made it, when it was not compiled for this search
  std::shared_ptr<const Artefact> artefact; ///< null when it failed, or has to be fetched
  Outcome failure = Refused{}; ///< CompileFailed, OutOfResources, TimedOut or Refused; without an artefact
  double seconds = 0;          ///< wall clock of this compilation
  /// Reads the artefact of a build that was made before, when its turn comes; null: it is gone.
  std::function<std::shared_ptr<const Artefact>()> fetch = {};
  Resources resources = {}; ///< of one that is not read yet
  bool passedOver = false;  ///< it was not made (Executor::passOver): nothing is known of it
};

struct MeasureRequest {
  Configuration configuration;
  std::shared_ptr<const Artefact> artefact;
  /// Median of the best trial so far in seconds: measuring ends early once this one is clearly slower.
  std::optional<double> best;
  bool energy = false; ///< measured, too: an error where the device does not count it
};

struct Measured {
  Outcome outcome = Refused{}; ///< anything but CompileFailed
  Verdict verdict;             ///< "pending" where the expected outputs were not there yet
  double seconds = 0;          ///< wall clock, verification included
  /// What the time went into, as far as whoever measured can tell.
  PhaseSeconds phases = {};
  std::optional<uint64_t> outputs = {}; ///< a checksum of all of them: equal ones have equal verdicts
  bool canJudge = true;                 ///< the expected outputs are there now
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

  /// What can be made ready before the first variant is there. Returns at once.
  virtual void prepare() {}

  /// Starts compiling and returns at once. Each configuration comes back through nextCompiled exactly once.
  virtual void compile(std::span<const Configuration> configurations) = 0;
  /// Waits at most `patience` for a compilation to end; in any order. Nothing: none ended in that time.
  virtual std::optional<Compiled> nextCompiled(std::chrono::milliseconds patience) = 0;

  /// Of what is not compiled yet, those are not made which `which` names by the registers that a thread needs
  /// for what is live at one time (Lowered); it is asked from any thread. Empty, as at first: all are made.
  using PassOver = std::function<bool(const Configuration& configuration, int64_t registers)>;
  virtual void passOver(PassOver /*which*/) {}

  /// Verifies, as far as the expected outputs are there, and times one variant; blocks. Compilations go on
  /// meanwhile unless exclusive().
  virtual Measured measure(const MeasureRequest& request) = 0;
  /// Judges a variant whose verdict is "pending"; waits for the expected outputs. The outcome of a right one
  /// is Timed, and says nothing of its time.
  virtual Measured judge(const MeasureRequest& request) = 0;
  /// Times all of them again with their launches interleaved, so that drift of the device meets all alike.
  /// One answer for each request in order. Verified before; not verified again.
  virtual std::vector<Measured> duel(std::span<const MeasureRequest> requests) = 0;

  /// No more is wanted: drop what is queued and end what is running. Called once, also before destruction.
  virtual void cancel() = 0;
};

} // namespace tuned
