#include "tuner/trial.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace tuned {
namespace {

constexpr std::array<std::string_view, std::variant_size_v<Outcome>> kNames = {
    "timed", "compile_failed", "out_of_resources", "wrong_result", "faulted", "timed_out", "refused"};

/// The failure alternative with that position in the variant.
template <size_t I = 1> Outcome failure(size_t index, std::string reason) {
  if constexpr (I + 1 < std::variant_size_v<Outcome>)
    if (index != I) return failure<I + 1>(index, std::move(reason));
  return std::variant_alternative_t<I, Outcome>{std::move(reason)};
}

} // namespace

const char* name(const Outcome& outcome) {
  return kNames[outcome.index()].data();
}

std::string reason(const Outcome& outcome) {
  return std::visit(
      [](const auto& each) -> std::string {
        if constexpr (requires { each.reason; })
          return each.reason;
        else
          return each.disturbed;
      },
      outcome);
}

Outcome outcomeOf(const Error& error, bool whileCompiling) {
  switch (error.kind) {
  case ErrorKind::OutOfResources:
    return OutOfResources{error.text()};
  case ErrorKind::TimedOut:
    return TimedOut{error.text()};
  case ErrorKind::Denied:
  case ErrorKind::Unsupported: // by the compiler, or by a condition of the build that the launch breaks
    return Refused{error.text()};
  default:
    break;
  }
  if (whileCompiling) return CompileFailed{error.text()};
  return Faulted{error.text()};
}

Measurement toMeasurement(const Trial& trial) {
  Measurement out;
  out.configuration = trial.configuration;
  out.origin = trial.origin;
  out.outcome = name(trial.outcome);
  out.reason = reason(trial.outcome);
  if (const Timed* timed = trial.timed()) {
    out.seconds = timed->median;
    out.interval = Interval{timed->low, timed->high};
    out.repeats = timed->repeats;
    out.joules = timed->joules;
    out.abandoned = timed->abandoned;
  }
  out.compileSeconds = trial.compileSeconds;
  out.measureSeconds = trial.measureSeconds;
  out.resources = trial.resources;
  out.artefact = trial.artefact;
  out.verdict = trial.verdict;
  return out;
}

Result<Trial> fromMeasurement(const Measurement& from) {
  const size_t kind = std::ranges::find(kNames, from.outcome) - kNames.begin();
  if (kind == kNames.size())
    return fail(ErrorKind::InvalidInput, "there is no outcome '" + from.outcome + "'");
  Trial trial;
  trial.configuration = from.configuration;
  trial.origin = from.origin;
  trial.resources = from.resources;
  trial.artefact = from.artefact;
  trial.compileSeconds = from.compileSeconds;
  trial.measureSeconds = from.measureSeconds;
  trial.verdict = from.verdict;
  if (kind != 0) {
    trial.outcome = failure(kind, from.reason);
    return trial;
  }
  if (!from.seconds) return fail(ErrorKind::InvalidInput, "a timed outcome has no time");
  const Interval interval = from.interval.value_or(Interval{*from.seconds, *from.seconds});
  trial.outcome = Timed{*from.seconds,  interval.low, interval.high, static_cast<int>(from.repeats),
                        from.abandoned, {},           from.reason,   from.joules};
  return trial;
}

} // namespace tuned
