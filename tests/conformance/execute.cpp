#include "tests/conformance/execute.h"

#include "backend/reference/text.h"
#include "backend/registry.h"
#include "ir/module.h"
#include "tests/conformance/compare.h"
#include "tests/conformance/tolerance.h"

#include <algorithm>
#include <chrono>

namespace tuned::conformance {
namespace {

using reference::concat;
constexpr size_t kGuard = 4096; ///< bytes on either side of a buffer
constexpr std::byte kGuardByte{0xA5};

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Unwraps, or leaves through execute() with the reason.
struct Failed {
  Error error;
};
template <typename T> T need(Result<T> result) {
  if (!result) throw Failed{result.error()};
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Uploaded {
  std::unique_ptr<Buffer> buffer;
  size_t guard = 0, bytes = 0;
};

/// The reference checks bounds itself, and better so without guards that would swallow a stray access.
Uploaded upload(Device& device, const CaseArgument& argument) {
  Uploaded up;
  up.guard = device.info().id == "reference" ? 0 : kGuard;
  up.bytes = argument.before.size();
  size_t whole = up.bytes + 2 * up.guard;
  up.buffer = need(device.allocate(whole));
  if (up.guard) need(device.fill(*up.buffer, 0, whole, kGuardByte));
  need(device.upload(*up.buffer, up.guard, argument.before));
  return up;
}

std::vector<ArgumentValue> launchArguments(const Case& c, const std::vector<Uploaded>& buffers) {
  std::vector<ArgumentValue> values;
  for (size_t i = 0; i < c.arguments.size(); ++i) {
    const CaseArgument& argument = c.arguments[i];
    uint64_t address = argument.isBuffer ? buffers[i].buffer->address() + buffers[i].guard : 0;
    if (argument.descriptor) {
      TensorDescriptor descriptor = *argument.descriptor;
      descriptor.address = address;
      values.emplace_back(descriptor);
    } else if (argument.isBuffer) {
      values.emplace_back(address);
    } else {
      values.emplace_back(argument.scalar);
    }
  }
  return values;
}

struct Built {
  Artefact artefact;
  Freedom freedom;
};

Built compile(const Case& c, const std::string& device, CaseResult& result) {
  auto compiler = need(makeCompiler(device));
  CompileOptions options;
  options.target = device;
  if (device.starts_with("cuda:")) options.target = need(openDevice(device))->info().architecture;
  options.numWarps = c.numWarps;
  options.numStages = c.numStages;
  options.numCtas = c.numCtas;
  auto start = std::chrono::steady_clock::now();
  auto context = makeContext();
  auto module = need(parseModule(*context, c.source, c.sourcePath));
  result.compileSeconds["parse"] = secondsSince(start);
  Built built;
  built.freedom = freedomOf(*module);
  auto compiling = std::chrono::steady_clock::now();
  built.artefact = need(compiler->compile(*module, c.entry, options));
  result.compileTotal = result.compileSeconds["parse"] + secondsSince(compiling);
  result.compileSeconds.insert(built.artefact.phaseSeconds.begin(), built.artefact.phaseSeconds.end());
  return built;
}

std::string checkGuards(std::span<const std::byte> all, const Uploaded& up) {
  auto broken = [&](size_t from, size_t to) {
    return std::find_if(all.begin() + long(from), all.begin() + long(to),
                        [](std::byte b) { return b != kGuardByte; }) != all.begin() + long(to);
  };
  if (broken(0, up.guard)) return "wrote before its start";
  if (broken(up.guard + up.bytes, all.size())) return "wrote past its end";
  return {};
}

/// Empty when the buffer is right.
std::string judgeArgument(Device& device, const CaseArgument& argument, const Uploaded& up,
                          const Freedom& freedom, const ExecuteOptions& options, CaseResult& result) {
  std::vector<std::byte> all(up.bytes + 2 * up.guard);
  need(device.download(*up.buffer, 0, all));
  if (std::string guard = checkGuards(all, up); !guard.empty()) return guard;
  std::span<const std::byte> got = std::span(all).subspan(up.guard, up.bytes);
  auto limit = [&](double expected, double scale) {
    return allowed(freedom, argument.kind, expected, scale);
  };
  size_t keep = std::max<size_t>(1, options.differences);
  Judgement judgement = argument.after ? judge(argument.kind, got, *argument.after, limit, keep)
                                       : judgeUnchanged(argument.kind, got, argument.before, keep);
  result.use = std::max(result.use, judgement.largestUse);
  for (const Difference& d : judgement.differences)
    if (result.differences.size() < options.differences)
      result.differences.push_back(concat(argument.name, "[", d.element, "] got ", d.got, " expected ",
                                          d.expected, " error ", d.error, " allowed ", d.allowed));
  if (judgement.wrong == 0) return {};
  const Difference& first = judgement.differences.front();
  return concat("element ", first.element, " got ", first.got, " expected ", first.expected, "; ",
                judgement.wrong, " of ", judgement.elements, " wrong, max error ", judgement.largestError,
                " (allowed ", first.allowed, argument.after ? "" : ", must stay as it was", "; ",
                freedom.text(), ")");
}

/// One device a process: opening is slow, and a CUDA context must not cross a fork.
Device& deviceOf(const std::string& id) {
  static std::unique_ptr<Device> device;
  if (!device) device = need(openDevice(id));
  return *device;
}

void run(const Case& c, const ExecuteOptions& options, CaseResult& result) {
  Built built = compile(c, options.device, result);
  Device& device = deviceOf(options.device);
  auto kernel = need(device.load(built.artefact));
  std::vector<Uploaded> buffers(c.arguments.size());
  for (size_t i = 0; i < buffers.size(); ++i)
    if (c.arguments[i].isBuffer) buffers[i] = upload(device, c.arguments[i]);
  auto values = launchArguments(c, buffers);
  auto start = std::chrono::steady_clock::now();
  need(device.launch(*kernel, c.grid, values));
  result.launchSeconds = secondsSince(start);
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (!c.arguments[i].isBuffer) continue;
    std::string wrong = judgeArgument(device, c.arguments[i], buffers[i], built.freedom, options, result);
    if (!wrong.empty() && result.reason.empty())
      result.reason = concat("argument ", i, " (", c.arguments[i].name, "): ", wrong);
  }
}

} // namespace

CaseResult execute(const std::string& root, const std::string& id, const ExecuteOptions& options) {
  CaseResult result;
  result.id = id;
  try {
    Case c = need(readCase(root, id));
    result.test = c.test;
    run(c, options, result);
  } catch (Failed& failed) {
    ErrorKind kind = failed.error.kind;
    result.reason = concat(name(kind), ": ", failed.error.text());
    result.deviceLost = kind == ErrorKind::Faulted || kind == ErrorKind::TimedOut;
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
  json.at("compile_seconds").get_to(r.compileTotal);
  json.at("phases").get_to(r.compileSeconds);
  json.at("launch_seconds").get_to(r.launchSeconds);
  json.at("tolerance_used").get_to(r.use);
  json.at("differences").get_to(r.differences);
  json.at("device_lost").get_to(r.deviceLost);
}

} // namespace tuned::conformance
