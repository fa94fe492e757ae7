#include "tuner/trial.h"

#include <array>
#include <nlohmann/json.hpp>

namespace tuned {
namespace {

using nlohmann::json;

constexpr std::array<const char*, std::variant_size_v<Outcome>> kNames = {
    "timed", "compile_failed", "out_of_resources", "wrong_result", "faulted", "timed_out", "refused"};

/// The failure alternative with that position in the variant.
template <size_t I = 1> Outcome failure(size_t index, std::string reason) {
  if constexpr (I + 1 < std::variant_size_v<Outcome>)
    if (index != I) return failure<I + 1>(index, std::move(reason));
  return std::variant_alternative_t<I, Outcome>{std::move(reason)};
}

Outcome readOutcome(const json& from) {
  std::string kind = from.at("kind");
  if (kind == kNames[0]) {
    Timed timed;
    timed.median = from.at("median");
    timed.low = from.at("low");
    timed.high = from.at("high");
    timed.repeats = from.at("repeats");
    timed.abandoned = from.value("abandoned", false);
    timed.samples = from.value("samples", std::vector<double>());
    return timed;
  }
  for (size_t i = 1; i < kNames.size(); ++i)
    if (kind == kNames[i]) return failure(i, from.at("reason"));
  throw json::other_error::create(501, "unknown outcome '" + kind + "'", nullptr);
}

Verdict readVerdict(const json& from) {
  Verdict verdict;
  verdict.reference = from.at("reference");
  verdict.checked = from.at("checked");
  verdict.total = from.at("total");
  verdict.worstError = from.at("worst_error");
  verdict.guardsIntact = from.at("guards_intact");
  return verdict;
}

Trial readTrial(const json& from) {
  Trial trial;
  trial.configuration = from.at("configuration").get<Configuration>();
  trial.outcome = readOutcome(from.at("outcome"));
  trial.verdict = readVerdict(from.at("verdict"));
  const json& resources = from.at("resources");
  trial.resources = {resources.at("registers"), resources.at("shared_bytes"), resources.at("spill_bytes")};
  trial.artefact = from.at("artefact");
  trial.compileSeconds = from.at("compile_seconds");
  trial.measureSeconds = from.at("measure_seconds");
  return trial;
}

template <typename Read>
auto guarded(const char* what, const json& from, Read read) -> Result<decltype(read(from))> {
  try {
    return read(from);
  } catch (const json::exception& problem) {
    return fail(ErrorKind::InvalidInput, std::string(what) + ": " + problem.what());
  }
}

} // namespace

const char* name(const Outcome& outcome) {
  return kNames[outcome.index()];
}

std::string reason(const Outcome& outcome) {
  return std::visit(
      [](const auto& each) -> std::string {
        if constexpr (requires { each.reason; })
          return each.reason;
        else
          return "";
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

json toJson(const Outcome& outcome, bool samples) {
  json out = {{"kind", name(outcome)}};
  if (const Timed* timed = std::get_if<Timed>(&outcome)) {
    out.update({{"median", timed->median},
                {"low", timed->low},
                {"high", timed->high},
                {"repeats", timed->repeats},
                {"abandoned", timed->abandoned}});
    if (samples) out["samples"] = timed->samples;
  } else {
    out["reason"] = reason(outcome);
  }
  return out;
}

json toJson(const Verdict& verdict) {
  return {{"reference", verdict.reference},
          {"checked", verdict.checked},
          {"total", verdict.total},
          {"worst_error", verdict.worstError},
          {"guards_intact", verdict.guardsIntact}};
}

json toJson(const Resources& resources) {
  return {{"registers", resources.registers},
          {"shared_bytes", resources.sharedBytes},
          {"spill_bytes", resources.spillBytes}};
}

json toJson(const Trial& trial, bool samples) {
  return {{"configuration", trial.configuration},
          {"outcome", toJson(trial.outcome, samples)},
          {"verdict", toJson(trial.verdict)},
          {"resources", toJson(trial.resources)},
          {"artefact", trial.artefact},
          {"compile_seconds", trial.compileSeconds},
          {"measure_seconds", trial.measureSeconds}};
}

Result<Trial> trialFromJson(const json& from) {
  return guarded("trial", from, readTrial);
}
Result<Outcome> outcomeFromJson(const json& from) {
  return guarded("outcome", from, readOutcome);
}
Result<Verdict> verdictFromJson(const json& from) {
  return guarded("verdict", from, readVerdict);
}

} // namespace tuned
