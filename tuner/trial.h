// What came of trying one configuration: fed to strategies, and kept, sent and shown as a Measurement.
#pragma once

#include "backend/artefact.h"
#include "base/error.h"
#include "base/model/measurement.h"
#include "ir/kernel/kernel.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tuned {

/// Ran, was measured and (see Trial::verdict) computed the right thing. Times in seconds.
struct Timed {
  double median = 0;
  double low = 0, high = 0; ///< distribution-free 95 % confidence interval of the median
  int repeats = 0;
  bool abandoned = false;      ///< measuring ended early: it was clearly slower than the best so far
  std::vector<double> samples; ///< in the order they were taken
  std::string disturbed = {};  ///< why the times cannot be quite believed: others used the device, it was hot
  std::optional<double> joules = {}; ///< of one launch, where that was asked for
};

struct CompileFailed {
  std::string reason;
};
struct OutOfResources {
  std::string reason;
}; ///< known before anything was launched
struct WrongResult {
  std::string reason;
}; ///< first mismatch, or the guard that was overwritten
struct Faulted {
  std::string reason;
}; ///< the kernel trapped or its worker died
struct TimedOut {
  std::string reason;
}; ///< in compiling or in running: the reason says which
struct Refused {
  std::string reason;
}; ///< not tried: the compiler does not take it, it crashed too often, or constraints or launch conditions
   ///< forbid it

using Outcome = std::variant<Timed, CompileFailed, OutOfResources, WrongResult, Faulted, TimedOut, Refused>;

/// "timed", "compile_failed", "out_of_resources", "wrong_result", "faulted", "timed_out", "refused"
const char* name(const Outcome& outcome);
/// The reason of a failure; of Timed, what disturbed it, empty as a rule.
std::string reason(const Outcome& outcome);
/// The failure that an error of compiling (or of loading and running) means.
Outcome outcomeOf(const Error& error, bool whileCompiling);

struct Trial {
  Configuration configuration;
  Outcome outcome = Refused{};
  Verdict verdict;
  Resources resources;
  std::string artefact; ///< SHA-256 of the artefact's bytes; empty when it did not compile
  std::string origin;   ///< who made the build; empty: the configuration's own compiler, now
  double compileSeconds = 0;
  double measureSeconds = 0; ///< wall clock: warm-up, verification and timing

  const Timed* timed() const { return std::get_if<Timed>(&outcome); }
  /// Whether it is right is not known yet (Verdict::state).
  bool pending() const { return verdict.state == "pending"; }
  /// Timed to the end: it may win, if it is right.
  bool promising() const { return timed() && !timed()->abandoned; }
  /// Timed to the end and right: it may win.
  bool eligible() const { return promising() && !pending(); }
};

/// The trial as it is kept, sent and shown; what it belongs to (kernel, sizes, device, target, time) is left
/// empty, and the samples are summed up.
Measurement toMeasurement(const Trial& trial);
/// InvalidInput: an outcome with another name, or a timed one without its time.
Result<Trial> fromMeasurement(const Measurement& measurement);

} // namespace tuned
