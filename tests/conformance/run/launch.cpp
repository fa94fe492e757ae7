#include "tests/conformance/run/launch.h"

#include "backend/registry.h"
#include "base/clock.h"
#include "ir/module.h"
#include "tests/conformance/run/overrun.h"

#include <algorithm>
#include <chrono>

namespace tuned::conformance {
namespace {

constexpr size_t kGuard = 4096;    ///< bytes on either side of a buffer, checked
constexpr size_t kRoom = 4u << 20; ///< the same where the recorded launch itself wrote past its buffers
constexpr std::byte kGuardByte{0xA5};

/// Unwraps, or leaves through launchCase() with the reason.
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
  bool neighbours = false;    ///< the recorded launch changed a buffer that the kernel does not write
  bool overruns = false;      ///< that, or the test is known to write past its buffers
  std::set<unsigned> written; ///< with neighbours: the IR's arguments it does write
};

/// Opened once a process: opening is slow, and a CUDA context must not cross a fork.
Device& deviceOf(const std::string& id) {
  static std::map<std::string, std::unique_ptr<Device>> devices;
  std::unique_ptr<Device>& device = devices[id];
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
    built.neighbours |= argument.after && !written->contains(at);
    at += argument.descriptor ? 1 + 2 * unsigned(argument.descriptor->shape.size()) : 1;
  }
}

Built compile(const Case& c, const Place& place, LaunchOutcome& outcome) {
  const std::string& device = place.device;
  auto compiler = need(makeCompiler(device, place.compiler));
  CompileOptions options;
  options.target = device;
  options.compiler = place.compiler;
  if (device.starts_with("cuda:")) options.target = deviceOf(device).info().architecture;
  options.numWarps = c.numWarps;
  options.numStages = c.numStages;
  options.numCtas = c.numCtas;
  options.grid = c.grid;
  auto start = std::chrono::steady_clock::now();
  auto context = makeContext();
  auto module = need(parseModule(*context, c.source, c.sourcePath));
  outcome.compileSeconds["parse"] = secondsSince(start);
  Built built;
  outcome.freedom = freedomOf(*module);
  findOverrun(c, *module, built);
  auto compiling = std::chrono::steady_clock::now();
  built.artefact = need(compiler->compile(*module, c.entry, options));
  outcome.compileTotal = outcome.compileSeconds["parse"] + secondsSince(compiling);
  outcome.compileSeconds.insert(built.artefact.phaseSeconds.begin(), built.artefact.phaseSeconds.end());
  outcome.compiled = true;
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

BufferOutcome fetch(Device& device, const Uploaded& up, bool overruns, bool hit) {
  std::vector<std::byte> all(up.bytes + 2 * up.guard);
  need(device.download(*up.buffer, 0, all));
  BufferOutcome outcome;
  if (!overruns) outcome.guard = checkGuards(all, up);
  outcome.hit = hit;
  outcome.bytes.assign(all.begin() + long(up.guard), all.begin() + long(up.guard + up.bytes));
  return outcome;
}

void run(const Case& c, const Place& place, const Rules& rules, LaunchOutcome& outcome) {
  Built built = compile(c, place, outcome);
  if (!place.launch) return;
  Device& device = deviceOf(place.device);
  built.overruns = built.neighbours || rules.overruns;
  auto kernel = need(device.load(built.artefact));
  std::vector<Uploaded> buffers(c.arguments.size());
  for (size_t i = 0; i < buffers.size(); ++i)
    if (c.arguments[i].isBuffer) buffers[i] = upload(device, c.arguments[i], built.overruns);
  auto values = launchArguments(c, buffers, rules);
  auto start = std::chrono::steady_clock::now();
  need(device.launch(*kernel, c.grid, values));
  outcome.launchSeconds = secondsSince(start);
  unsigned at = 0; // in the IR's arguments
  for (size_t i = 0; i < buffers.size(); ++i) {
    const CaseArgument& argument = c.arguments[i];
    bool hit = built.neighbours && !built.written.contains(at);
    at += argument.descriptor ? 1 + 2 * unsigned(argument.descriptor->shape.size()) : 1;
    outcome.buffers.emplace_back();
    if (argument.isBuffer) outcome.buffers.back() = fetch(device, buffers[i], built.overruns, hit);
  }
}

} // namespace

Result<void> launchCase(const Case& c, const Place& place, const Rules& rules, LaunchOutcome& outcome) {
  try {
    run(c, place, rules, outcome);
    return {};
  } catch (Failed& failed) {
    return std::unexpected(failed.error);
  }
}

} // namespace tuned::conformance
