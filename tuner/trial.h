// What came of trying one configuration, and its JSON: kept in the store, sent over the socket, fed to
// strategies.
#pragma once

#include "backend/artefact.h"
#include "base/error.h"
#include "ir/kernel.h"

#include <nlohmann/json_fwd.hpp>
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
/// The reason of a failure; empty for Timed.
std::string reason(const Outcome& outcome);
/// The failure that an error of compiling (or of loading and running) means.
Outcome outcomeOf(const Error& error, bool whileCompiling);

/// How the output was judged. Only a winner with checked > 0 was proven.
struct Verdict {
  std::string reference;     ///< what it was compared with: "reference", "cpu"; empty: not compared
  int64_t checked = 0;       ///< output elements compared, of
  int64_t total = 0;         ///< … all elements of the outputs
  double worstError = 0;     ///< largest |got - expected| / (absolute + relative * |expected|); ≤ 1 passes
  bool guardsIntact = false; ///< no byte before or behind any buffer was written
};

struct Trial {
  Configuration configuration;
  Outcome outcome = Refused{};
  Verdict verdict;
  Resources resources;
  std::string artefact; ///< SHA-256 of the artefact's bytes; empty when it did not compile
  double compileSeconds = 0;
  double measureSeconds = 0; ///< wall clock: warm-up, verification and timing

  const Timed* timed() const { return std::get_if<Timed>(&outcome); }
  /// Timed to the end and right: it may win.
  bool eligible() const { return timed() && !timed()->abandoned; }
};

/// Without `samples` an outcome stays small enough for progress events.
nlohmann::json toJson(const Outcome& outcome, bool samples = true);
nlohmann::json toJson(const Verdict& verdict);
nlohmann::json toJson(const Resources& resources);
nlohmann::json toJson(const Trial& trial, bool samples = true);
/// InvalidInput when `json` is not what toJson makes.
Result<Trial> trialFromJson(const nlohmann::json& json);
Result<Outcome> outcomeFromJson(const nlohmann::json& json);
Result<Verdict> verdictFromJson(const nlohmann::json& json);

} // namespace tuned
