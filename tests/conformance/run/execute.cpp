#include "tests/conformance/run/execute.h"

#include "backend/reference/text.h"
#include "tests/conformance/judge/compare.h"
#include "tests/conformance/run/launch.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace tuned::conformance {
namespace {

using reference::concat;

/// What the recording says the buffer should hold. Under `zeroedTail` an element recorded as zeroed that
/// still holds what it held before is right.
std::vector<std::byte> recordedBytes(const CaseArgument& argument, std::span<const std::byte> got,
                                     const Rules& rules) {
  std::vector<std::byte> expected = *argument.after;
  if (!rules.zeroedTail) return expected;
  for (size_t i = 0; i < expected.size(); ++i)
    if (expected[i] == std::byte{0} && got[i] == argument.before[i]) expected[i] = got[i];
  return expected;
}

Judgement judgeBuffer(Kind kind, std::span<const std::byte> got, std::span<const std::byte> expected,
                      const Freedom& freedom, size_t keep) {
  auto limit = [&](double value, double scale) { return allowed(freedom, kind, value, scale); };
  Judgement inOrder = judge(kind, got, expected, limit, keep);
  if (inOrder.wrong == 0 || !freedom.reorders) return inOrder;
  Judgement asSet = judge(kind, sorted(kind, got), sorted(kind, expected), limit, keep);
  return asSet.wrong == 0 ? asSet : inOrder;
}

/// Empty when the buffer is right. `other` is what another device left, or null: the recording judges.
std::string judgeArgument(const CaseArgument& argument, const BufferOutcome& got, const BufferOutcome* other,
                          const Freedom& freedom, const Rules& rules, const ExecuteOptions& options,
                          CaseResult& result) {
  if (!got.guard.empty()) return got.guard;
  size_t keep = std::max<size_t>(1, options.differences);
  bool unchanged = !other && !argument.after;
  std::vector<std::byte> expected = other       ? other->bytes
                                    : unchanged ? argument.before
                                                : recordedBytes(argument, got.bytes, rules);
  Judgement judgement = unchanged ? judgeUnchanged(argument.kind, got.bytes, expected, keep)
                                  : judgeBuffer(argument.kind, got.bytes, expected, freedom, keep);
  result.use = std::max(result.use, judgement.largestUse);
  for (const Difference& d : judgement.differences)
    if (result.differences.size() < options.differences)
      result.differences.push_back(concat(argument.name, "[", d.element, "] got ", d.got, " expected ",
                                          d.expected, " error ", d.error, " allowed ", d.allowed));
  if (judgement.wrong == 0) return {};
  const Difference& first = judgement.differences.front();
  return concat("element ", first.element, " got ", first.got, " expected ", first.expected, "; ",
                judgement.wrong, " of ", judgement.elements, " wrong, max error ", judgement.largestError,
                " (allowed ", first.allowed, unchanged ? ", must stay as it was" : "", "; ", freedom.text(),
                ")");
}

void refuse(const Error& error, const std::string& device, CaseResult& result) {
  result.reason = concat(device, name(error.kind), ": ", error.text());
  result.deviceLost = error.kind == ErrorKind::Faulted || error.kind == ErrorKind::TimedOut;
}

/// The operation that a refusal names ("tt.gather"), or what else it says.
std::string refusedBy(const Error& error) {
  for (const char* dialect : {"tt.", "arith.", "math.", "scf.", "cf.", "ub."})
    for (size_t at = 0; (at = error.message.find(dialect, at)) != std::string::npos; ++at) {
      bool inside = at > 0 && (std::isalnum(static_cast<unsigned char>(error.message[at - 1])) ||
                               error.message[at - 1] == '_' || error.message[at - 1] == '.');
      size_t end =
          error.message.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789", at + std::strlen(dialect));
      std::string name = error.message.substr(at, end - at);
      if (!inside && !name.ends_with('.')) return name;
    }
  constexpr size_t longest = 60;
  return error.message.substr(0, longest);
}

/// With a compiler asked for by name, what it does not take is no failure: the device's own compiler serves.
/// Nor is a launch that breaks a condition of its build.
bool isRefusal(const Error& error, const ExecuteOptions& options) {
  return !options.compiler.empty() && error.kind == ErrorKind::Unsupported;
}

void run(const Case& c, const ExecuteOptions& options, CaseResult& result) {
  Rules rules{isTreated(options.treatments, c.test, "nan-padding"),
              isTreated(options.treatments, c.test, "zeroed-tail"),
              isTreated(options.treatments, c.test, "overruns")};
  LaunchOutcome outcome, other;
  auto launched = launchCase(c, {options.device, options.compiler, !options.compileOnly}, rules, outcome);
  result.compileSeconds = outcome.compileSeconds;
  result.compileTotal = outcome.compileTotal;
  result.launchSeconds = outcome.launchSeconds;
  if (!launched) {
    if (isRefusal(launched.error(), options))
      result.refused = outcome.compiled ? "launch condition" : refusedBy(launched.error());
    return refuse(launched.error(), "", result);
  }
  if (options.compileOnly) return;
  bool against = !options.against.empty();
  if (against)
    if (auto second = launchCase(c, {options.against, "", true}, rules, other); !second)
      return refuse(second.error(), options.against + ": ", result);
  result.compared = true;
  for (size_t i = 0; i < outcome.buffers.size(); ++i) {
    const auto& got = outcome.buffers[i];
    if (!got || got->hit) continue;
    std::string wrong = judgeArgument(c.arguments[i], *got, against ? &*other.buffers[i] : nullptr,
                                      outcome.freedom, rules, options, result);
    if (!wrong.empty() && result.reason.empty())
      result.reason = concat("argument ", i, " (", c.arguments[i].name, "): ", wrong);
  }
}

} // namespace

CaseResult execute(const std::string& root, const std::string& id, const ExecuteOptions& options) {
  CaseResult result;
  result.id = id;
  if (auto c = readCase(root, id)) {
    result.test = c->test;
    run(*c, options, result);
  } else {
    refuse(c.error(), "", result);
  }
  std::ranges::replace(result.reason, '\n', ' ');
  result.passed = result.reason.empty();
  return result;
}

void to_json(nlohmann::json& json, const CaseResult& r) {
  json = {{"case", r.id},
          {"test", r.test},
          {"passed", r.passed},
          {"reason", r.reason},
          {"compared", r.compared},
          {"refused", r.refused},
          {"compile_seconds", r.compileTotal},
          {"phases", r.compileSeconds},
          {"launch_seconds", r.launchSeconds},
          {"tolerance_used", r.use},
          {"differences", r.differences},
          {"device_lost", r.deviceLost}};
}

void from_json(const nlohmann::json& json, CaseResult& r) {
  json.at("case").get_to(r.id);
  json.at("test").get_to(r.test);
  json.at("passed").get_to(r.passed);
  json.at("reason").get_to(r.reason);
  json.at("compared").get_to(r.compared);
  json.at("refused").get_to(r.refused);
  json.at("compile_seconds").get_to(r.compileTotal);
  json.at("phases").get_to(r.compileSeconds);
  json.at("launch_seconds").get_to(r.launchSeconds);
  json.at("tolerance_used").get_to(r.use);
  json.at("differences").get_to(r.differences);
  json.at("device_lost").get_to(r.deviceLost);
}

} // namespace tuned::conformance
