// A worker program without a compiler and without a device: what it says of a variant is written in the
// kernel's source, so that tests of the service see each answer they need in milliseconds.
//
//   // fails 64          the configuration with BLOCK 64 does not compile
//   // needs 64 4096      at n = 4096 BLOCK 64 wants a compiler that is not there
//   // off 256 0.5       BLOCK 256 computes what is off by 0.5 in every element (expected: 0)
//   // faults 128        BLOCK 128 faults
//   // disturbed 3 40     the first three answers were taken while others used 40 % of the device
//   // late 0 3           the expected outputs are there after three measurements
//   // joules 64 2        a launch of BLOCK 64 takes two joules; without such a line the device counts none
//   // takes 64 5         BLOCK 64 is measured for five seconds
//   // gone 1             the device cuda:1 cannot be used
//   // lies 64 1          of BLOCK 64 a time is told that is no number; 2: one below 0; 3: no measurement at
//   all
//   // absent 64 1        measuring BLOCK 64 is answered as if the device were gone
//   // prepares 0 1       preparing is answered with no list
//   // code 64 7         the configuration with BLOCK 64 becomes the same build as all others of code 7
//   // compiles 64 2      BLOCK 64 takes two seconds to compile
//   // registers 64 600   it needs 600 registers a thread
//   // spoils 0          takes the process over: what it compiles of others is spoilt, what it measures
//   faults
//   // at 64 2e-5 m=8 n=16   at sizes m = 8 and n = 16 BLOCK 64 takes 2e-5 s
//   // prefers 1024 64   at n = 1024 BLOCK 64 takes a microsecond, others one more for each 64 off
//
// A variant takes BLOCK microseconds; a build of others, which has no BLOCK, takes one.
#include "base/model/device_state.h"
#include "base/model/json.h"
#include "daemon/worker/channel/messages.h"
#include "daemon/worker/loop.h"
#include "ir/kernel/kernel.h"
#include "tuner/search/executor.h"
#include "tuner/verify/verify.h"

#include <cmath>
#include <cstring>
#include <map>
#include <sstream>
#include <thread>

using namespace tuned;
using nlohmann::json;

namespace {

/// The number behind "// WORD BLOCK" in the source; nothing when no line says so.
std::optional<double> said(const Kernel& kernel, const std::string& word, int64_t block) {
  std::istringstream lines(kernel.source);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream parts(line);
    std::string slashes, what;
    int64_t at = 0;
    double value = 0;
    if (parts >> slashes >> what >> at && slashes == "//" && what == word && at == block) {
      parts >> value;
      return value;
    }
  }
  return std::nullopt;
}

/// Whether another kernel has taken this process over.
bool spoilt(const Kernel& kernel) {
  static std::string spoiler;
  const bool spoils = said(kernel, "spoils", 0).has_value();
  if (spoils) spoiler = kernel.name;
  return !spoils && !spoiler.empty();
}

int64_t blockOf(const Configuration& configuration) {
  auto found = configuration.find("BLOCK");
  return found == configuration.end() ? 1 : found->second;
}

Result<json> compile(const json& request, const Ask& ask) {
  auto kernel = parseKernel(request.at("kernel").get<std::string>(), "");
  if (!kernel) return fail(kernel.error());
  const auto configuration = request.at("configuration").get<Configuration>();
  if (said(*kernel, "fails", blockOf(configuration)))
    return fail(ErrorKind::InvalidInput, "the source says that this fails");
  if (auto n = said(*kernel, "needs", blockOf(configuration));
      n && request.at("sizes").get<Sizes>() == Sizes{{"n", static_cast<int64_t>(*n)}})
    return fail(ErrorKind::Unavailable, "the source says that there is no compiler for this");
  std::this_thread::sleep_for(
      std::chrono::duration<double>(said(*kernel, "compiles", blockOf(configuration)).value_or(0)));
  const auto code = said(*kernel, "code", blockOf(configuration));
  const auto registers = said(*kernel, "registers", blockOf(configuration));
  const std::string digest = code ? std::to_string(static_cast<int>(*code)) : toString(configuration);
  if (code || registers) {
    auto answer = ask({{"code", digest}, {"registers", static_cast<int64_t>(registers.value_or(0))}});
    if (!answer) return fail(answer.error());
    if (!answer->at("go_on")) return fail(ErrorKind::Denied, "not to go on");
    std::this_thread::sleep_for(std::chrono::milliseconds(50)); // others come meanwhile
  }
  const char* what = spoilt(*kernel) ? "spoilt binary of " : "binary of ";
  Artefact artefact{"object", "fake", what + kernel->name + " " + digest, {}, {}, {}, "fake", "fake 1"};
  artefact.launch.symbol = "kernel";
  artefact.launch.parameters = {{ParameterKind::Pointer, 8}, {ParameterKind::Pointer, 8}};
  artefact.resources = {32, 0, 0};
  return artefactToJson(artefact);
}

/// What the source says that it takes at these very sizes; there may be thousands of such lines.
std::optional<double> recordedSeconds(const Kernel& kernel, const Sizes& sizes, int64_t block) {
  static std::string source;
  static std::map<std::pair<std::string, int64_t>, double> seconds; // by sizes and block
  if (source != kernel.source) {
    source = kernel.source;
    seconds.clear();
    std::istringstream lines(source);
    for (std::string line, slashes, what, at; std::getline(lines, line);) {
      std::istringstream parts(line);
      int64_t number = 0;
      double value = 0;
      if (parts >> slashes >> what >> number >> value >> std::ws && what == "at" && std::getline(parts, at))
        seconds[{at, number}] = value;
    }
  }
  auto found = seconds.find({toString(sizes), block});
  return found == seconds.end() ? std::nullopt : std::optional(found->second);
}

double secondsOf(const Kernel& kernel, const Sizes& sizes, int64_t block) {
  if (auto known = recordedSeconds(kernel, sizes, block)) return *known;
  auto n = sizes.find("n");
  auto best = n == sizes.end() ? std::nullopt : said(kernel, "prefers", n->second);
  if (!best) return 1e-6 * static_cast<double>(block);
  return 1e-6 * (1 + std::abs(static_cast<double>(block) - *best) / 64);
}

Timed timed(double seconds) {
  return {seconds, 0.99 * seconds, 1.01 * seconds, 20, false, {}};
}

Trial judged(const Kernel& kernel, const Sizes& sizes, const Configuration& configuration) {
  Trial trial;
  const int64_t block = blockOf(configuration);
  const double off = said(kernel, "off", block).value_or(0);
  const Tolerance tolerance = toleranceFor(kernel, "*f32");
  trial.verdict = {"reference", 100, 100, 0, true, kernel.tolerance, "passed", ""};
  if (off > 0) trial.verdict.worstError = tolerance.absolute > 0 ? off / tolerance.absolute : 1e300;
  if (said(kernel, "faults", block)) {
    trial.outcome = Faulted{"the source says that this faults"};
    trial.verdict = {};
  } else if (trial.verdict.worstError > 1) {
    trial.outcome = WrongResult{"off by " + std::to_string(off)};
    trial.verdict.state = "failed";
    trial.verdict.reason = "off by " + std::to_string(off);
  } else {
    trial.outcome = timed(secondsOf(kernel, sizes, block));
  }
  return trial;
}

std::string device; // of this process

/// What the device is said to be doing.
json stateOf(const Kernel& kernel) {
  static int answers = 0;
  DeviceState state;
  state.celsius = 40;
  state.others = 0;
  state.othersPercent = 0;
  ++answers;
  for (int64_t last = answers; last < 20; ++last)
    if (auto percent = said(kernel, "disturbed", last)) state.othersPercent = static_cast<int64_t>(*percent);
  return model::toJson(state);
}

/// What a worker may say that is in the hands of what it ran.
json lying(json answer, int how) {
  if (how == 1) answer["seconds"] = std::nan("");
  if (how == 2) answer["seconds"] = -1e-6;
  if (how == 3) answer = {{"outcome", {1, 2}}};
  return answer;
}

Result<json> measure(const json& request) {
  auto kernel = parseKernel(request.at("kernel").get<std::string>(), "");
  if (!kernel) return fail(kernel.error());
  const bool taken = spoilt(*kernel);
  if (device.size() > 5 && said(*kernel, "gone", device.back() - '0'))
    return fail(ErrorKind::Unavailable, "the source says that " + device + " is gone");
  if (request.at("op") == "prepare") {
    if (request.value("energy", false) && kernel->source.find("// joules") == std::string::npos)
      return fail(ErrorKind::Unsupported, "the energy that " + device + " takes is not counted");
    if (said(*kernel, "prepares", 0)) return json{{"phases", 1}};
    return json::array();
  }
  if (request.at("op") == "state") return json::array({{{"state", stateOf(*kernel)}}});
  static int measured = 0;
  const bool late = request.at("op") == "measure" && ++measured <= said(*kernel, "late", 0).value_or(0);
  json out = json::array();
  for (const json& variant : request.at("variants")) {
    const auto configuration = variant.at("configuration").get<Configuration>();
    const auto at = request.at("sizes").get<Sizes>();
    if (said(*kernel, "absent", blockOf(configuration)))
      return fail(ErrorKind::Unavailable, "the source says that the device is gone");
    Trial trial = judged(*kernel, at, configuration);
    if (taken) trial.outcome = Faulted{"another kernel took the process over"};
    std::this_thread::sleep_for(
        std::chrono::duration<double>(said(*kernel, "takes", blockOf(configuration)).value_or(0)));
    if (late || (!taken && request.at("op") == "duel"))
      trial.outcome = timed(secondsOf(*kernel, at, blockOf(configuration)));
    // As the real one: who is asked for a verdict alone tells no time.
    if (request.at("op") == "judge" && trial.timed()) trial.outcome = Timed{};
    if (auto* timed = std::get_if<Timed>(&trial.outcome); timed && variant.value("energy", false))
      timed->joules = said(*kernel, "joules", blockOf(configuration)).value_or(1);
    if (late) trial.verdict = {"", 0, 100, 0, true, std::nullopt, "pending"};
    json answer = model::toJson(toMeasurement(trial));
    answer["can_judge"] = !late;
    if (const auto lie = said(*kernel, "lies", blockOf(configuration)))
      answer = lying(std::move(answer), static_cast<int>(*lie));
    answer["outputs"] = said(*kernel, "off", blockOf(configuration)) ? 2 : 1;
    out.push_back(std::move(answer));
  }
  out[0]["state"] = stateOf(*kernel);
  return out;
}

} // namespace

int main(int, char** argv) {
  if (std::strcmp(argv[1], "compile") == 0)
    return serve([](const json& request, const Ask& ask) { return compile(request, ask); });
  device = argv[3]; // measure --device ID
  return serve(measure);
}
