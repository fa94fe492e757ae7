#include "tests/conformance/execute.h"

#include "backend/reference/text.h"
#include "backend/registry.h"
#include "ir/module.h"
#include "tests/conformance/compare.h"
#include "tests/conformance/overrun.h"
#include "tests/conformance/tolerance.h"

#include <algorithm>
#include <chrono>

namespace tuned::conformance {
namespace {

using reference::concat;
constexpr size_t kGuard = 4096;    ///< bytes on either side of a buffer, checked
constexpr size_t kRoom = 4u << 20; ///< the same where the recorded launch itself wrote past its buffers
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

struct Built {
  Artefact artefact;
  Freedom freedom;
  bool overruns = false;      ///< the recorded launch changed a buffer that the kernel does not write
  std::set<unsigned> written; ///< with overruns: the IR's arguments it does write
};

/// How a case is to be judged, beyond its kernel's freedom.
struct Rules {
  bool nanPadding = false; ///< host descriptors pad with NaN: the recording does not say
  bool zeroedTail = false; ///< elements recorded as zeroed may hold what they held before
};

/// One device a process: opening is slow, and a CUDA context must not cross a fork.
Device& deviceOf(const std::string& id) {
  static std::unique_ptr<Device> device;
  if (!device) device = need(openDevice(id));
  return *device;
}

/// The reference checks bounds itself, and better so without guards that would swallow a stray access.
Uploaded upload(Device& device, const CaseArgument& argument, bool overruns) {
  Uploaded up;
  up.guard = overruns ? kRoom : device.info().id == "reference" ? 0 : kGuard;
  up.bytes = argument.before.size();
  size_t whole = up.bytes + 2 * up.guard;
  up.buffer = need(device.allocate(whole));
  if (up.guard) need(device.fill(*up.buffer, 0, whole, kGuardByte));
  need(device.upload(*up.buffer, up.guard, argument.before));
  return up;
}

std::vector<ArgumentValue> launchArguments(const Case& c, const std::vector<Uploaded>& buffers,
                                           const Rules& rules) {
  std::vector<ArgumentValue> values;
  for (size_t i = 0; i < c.arguments.size(); ++i) {
    const CaseArgument& argument = c.arguments[i];
    uint64_t address = argument.isBuffer ? buffers[i].buffer->address() + buffers[i].guard : 0;
    if (argument.descriptor) {
      TensorDescriptor descriptor = *argument.descriptor;
      descriptor.address = address;
      descriptor.paddingNan = rules.nanPadding;
      values.emplace_back(descriptor);
    } else if (argument.isBuffer) {
      values.emplace_back(address);
    } else {
      values.emplace_back(argument.scalar);
    }
  }
  return values;
}

/// A buffer that changed although nothing is stored through it was hit by a neighbour's overrun.
void findOverrun(const Case& c, mlir::ModuleOp module, Built& built) {
  auto written = writtenArguments(module, c.entry);
  if (!written) return;
  built.written = *written;
  unsigned at = 0; // in the IR's arguments
  for (const CaseArgument& argument : c.arguments) {
    built.overruns |= argument.after && !written->contains(at);
    at += argument.descriptor ? 1 + 2 * unsigned(argument.descriptor->shape.size()) : 1;
  }
}

Built compile(const Case& c, const std::string& device, CaseResult& result) {
  auto compiler = need(makeCompiler(device));
  CompileOptions options;
  options.target = device;
  if (device.starts_with("cuda:")) options.target = deviceOf(device).info().architecture;
  options.numWarps = c.numWarps;
  options.numStages = c.numStages;
  options.numCtas = c.numCtas;
  auto start = std::chrono::steady_clock::now();
  auto context = makeContext();
  auto module = need(parseModule(*context, c.source, c.sourcePath));
  result.compileSeconds["parse"] = secondsSince(start);
  Built built;
  built.freedom = freedomOf(*module);
  findOverrun(c, *module, built);
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

/// What the buffer should hold. Under `zeroedTail` an element recorded as zeroed that still holds what it
/// held before is right.
std::vector<std::byte> expectedBytes(const CaseArgument& argument, std::span<const std::byte> got,
                                     const Rules& rules) {
  if (!argument.after) return argument.before;
  std::vector<std::byte> expected = *argument.after;
  if (!rules.zeroedTail) return expected;
  for (size_t i = 0; i < expected.size(); ++i)
    if (expected[i] == std::byte{0} && got[i] == argument.before[i]) expected[i] = got[i];
  return expected;
}

Judgement judgeBuffer(const CaseArgument& argument, std::span<const std::byte> got, const Freedom& freedom,
                      const Rules& rules, size_t keep) {
  if (!argument.after) return judgeUnchanged(argument.kind, got, argument.before, keep);
  auto limit = [&](double expected, double scale) {
    return allowed(freedom, argument.kind, expected, scale);
  };
  std::vector<std::byte> expected = expectedBytes(argument, got, rules);
  Judgement inOrder = judge(argument.kind, got, expected, limit, keep);
  if (inOrder.wrong == 0 || !freedom.reorders) return inOrder;
  Judgement asSet =
      judge(argument.kind, sorted(argument.kind, got), sorted(argument.kind, expected), limit, keep);
  return asSet.wrong == 0 ? asSet : inOrder;
}

/// Empty when the buffer is right.
std::string judgeArgument(Device& device, const CaseArgument& argument, const Uploaded& up,
                          const Built& built, const Rules& rules, const ExecuteOptions& options,
                          CaseResult& result) {
  std::vector<std::byte> all(up.bytes + 2 * up.guard);
  need(device.download(*up.buffer, 0, all));
  std::string guard = built.overruns ? "" : checkGuards(all, up);
  if (!guard.empty()) return guard;
  Judgement judgement = judgeBuffer(argument, std::span(all).subspan(up.guard, up.bytes), built.freedom,
                                    rules, std::max<size_t>(1, options.differences));
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
                built.freedom.text(), ")");
}

void run(const Case& c, const ExecuteOptions& options, CaseResult& result) {
  Rules rules{isTreated(options.treatments, c.test, "nan-padding"),
              isTreated(options.treatments, c.test, "zeroed-tail")};
  Built built = compile(c, options.device, result);
  Device& device = deviceOf(options.device);
  auto kernel = need(device.load(built.artefact));
  std::vector<Uploaded> buffers(c.arguments.size());
  for (size_t i = 0; i < buffers.size(); ++i)
    if (c.arguments[i].isBuffer) buffers[i] = upload(device, c.arguments[i], built.overruns);
  auto values = launchArguments(c, buffers, rules);
  auto start = std::chrono::steady_clock::now();
  need(device.launch(*kernel, c.grid, values));
  result.launchSeconds = secondsSince(start);
  unsigned at = 0; // in the IR's arguments
  for (size_t i = 0; i < buffers.size(); ++i) {
    const CaseArgument& argument = c.arguments[i];
    bool hit = built.overruns && !built.written.contains(at);
    at += argument.descriptor ? 1 + 2 * unsigned(argument.descriptor->shape.size()) : 1;
    if (!argument.isBuffer || hit) continue;
    std::string wrong = judgeArgument(device, argument, buffers[i], built, rules, options, result);
    if (!wrong.empty() && result.reason.empty())
      result.reason = concat("argument ", i, " (", argument.name, "): ", wrong);
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
