#include "backend/cpu/cpu.h"
#include "backend/cpu/run/energy.h"
#include "backend/cpu/run/host.h"
#include "backend/cpu/run/memory.h"
#include "backend/cpu/run/waits.h"
#include "backend/runtime/cpu/executor.h"
#include "base/clock.h"
#include "base/machine.h"
#include "base/parallel.h"

#include <chrono>
#include <cstring>
#include <fstream>
#include <sys/utsname.h>

namespace tuned::cpu {
namespace {

struct CpuKernel : LoadedKernel {
  std::unique_ptr<LoadedObject> object;
  LaunchMetadata launch;
};

std::string modelName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return host().cpu;
}

DeviceInfo describe(int threads) {
  DeviceInfo info;
  info.id = "cpu";
  info.name = modelName();
  info.architecture = host().target;
  info.multiprocessors = threads;
  info.memoryBytes = memoryOfMachine();
  info.cacheBytes = lastLevelCacheBytes();
  info.capabilities = {true, {"num_warps", "num_stages", "num_ctas", "maxnreg"}, "cpu", {"reference"}};
  utsname system;
  if (uname(&system) == 0) info.driver = std::string(system.sysname) + " " + system.release;
  return info;
}

// The kernel's parameter slots, and after them the padding of each descriptor.
Result<std::vector<uint64_t>> slotsOf(const LaunchMetadata& launch,
                                      std::span<const ArgumentValue> arguments) {
  std::vector<uint64_t> slots, paddings;
  for (const ArgumentValue& argument : arguments) {
    if (const auto* address = std::get_if<uint64_t>(&argument)) slots.push_back(*address);
    if (const auto* scalar = std::get_if<Scalar>(&argument)) slots.push_back(scalar->bits);
    if (const auto* descriptor = std::get_if<TensorDescriptor>(&argument)) {
      slots.push_back(descriptor->address);
      slots.insert(slots.end(), descriptor->shape.begin(), descriptor->shape.end());
      slots.insert(slots.end(), descriptor->strides.begin(), descriptor->strides.end());
      paddings.push_back(descriptor->paddingNan);
    }
  }
  if (slots.size() != launch.parameters.size())
    return fail(ErrorKind::InvalidInput, "kernel " + launch.symbol + " takes " +
                                             std::to_string(launch.parameters.size()) + " parameters, got " +
                                             std::to_string(slots.size()));
  slots.insert(slots.end(), paddings.begin(), paddings.end());
  return slots;
}

constexpr int64_t leastCopied = 16 << 20; // bytes: below, a thread costs more than it saves

/// Most of what large copies take is the system's, which clears each page that is touched first.
void copyBytes(char* to, const char* from, size_t bytes) {
  inParallel(static_cast<int64_t>(bytes), leastCopied, [&](int64_t first, int64_t last) {
    if (last > first) std::memcpy(to + first, from + first, static_cast<size_t>(last - first));
  });
}

class CpuDevice : public HostDevice {
public:
  explicit CpuDevice(int threads) : info_(describe(threads)), executor_(threads), waits_(threads) {}

  const DeviceInfo& info() const override { return info_; }
  Result<double> joules() override { return energy_.joules(); }
  std::optional<DeviceState> state() override;

  Result<std::unique_ptr<Buffer>> allocate(size_t bytes) override { return allocateBuffer(bytes); }

  Result<void> upload(Buffer& buffer, size_t offset, std::span<const std::byte> data) override {
    if (auto fits = check(buffer, offset, data.size()); !fits) return fits;
    copyBytes(at(buffer, offset), reinterpret_cast<const char*>(data.data()), data.size());
    return {};
  }

  Result<void> download(const Buffer& buffer, size_t offset, std::span<std::byte> data) override {
    if (auto fits = check(buffer, offset, data.size()); !fits) return fits;
    copyBytes(reinterpret_cast<char*>(data.data()), at(buffer, offset), data.size());
    return {};
  }

  std::span<const std::byte> view(const Buffer& buffer) const override {
    return {reinterpret_cast<const std::byte*>(buffer.address()), buffer.size()};
  }

  Result<void> fill(Buffer& buffer, size_t offset, size_t bytes, std::byte value) override {
    if (auto fits = check(buffer, offset, bytes); !fits) return fits;
    char* start = at(buffer, offset);
    inParallel(static_cast<int64_t>(bytes), leastCopied, [&](int64_t first, int64_t last) {
      std::memset(start + first, int(value), static_cast<size_t>(last - first));
    });
    return {};
  }

  Result<void> copy(Buffer& to, const Buffer& from, size_t bytes) override {
    if (auto fits = check(to, 0, bytes); !fits) return fits;
    if (auto fits = check(from, 0, bytes); !fits) return fits;
    copyBytes(at(to, 0), at(from, 0), bytes);
    return {};
  }

  Result<std::unique_ptr<LoadedKernel>> load(const Artefact& artefact) override;
  Result<void> launch(LoadedKernel& kernel, const Grid& grid,
                      std::span<const ArgumentValue> arguments) override;
  Result<void> launchSome(LoadedKernel& kernel, const Grid& grid, std::span<const ArgumentValue> arguments,
                          std::span<const std::array<int64_t, 3>> programs) override;
  Result<std::vector<double>> time(LoadedKernel& kernel, const Grid& grid,
                                   std::span<const ArgumentValue> arguments,
                                   const TimingRequest& request) override;

private:
  static char* at(const Buffer& buffer, size_t offset) {
    return reinterpret_cast<char*>(buffer.address()) + offset;
  }
  static Result<void> check(const Buffer& buffer, size_t offset, size_t bytes) {
    if (offset <= buffer.size() && bytes <= buffer.size() - offset) return {};
    return fail(ErrorKind::InvalidInput, std::to_string(bytes) + " bytes at " + std::to_string(offset) +
                                             " are outside a buffer of " + std::to_string(buffer.size()));
  }
  Result<void> prepare(const CpuKernel& kernel, const Grid& grid);
  Result<void> execute(const CpuKernel& kernel, const Grid& grid, const std::vector<uint64_t>& slots) {
    return executor_.run(kernel.object->function(), kernel.launch.scratchBytes, grid, slots.data());
  }

  DeviceInfo info_;
  Executor executor_;
  CoreWaits waits_; ///< of the executor's threads
  QuietTimes times_;
  PackageEnergy energy_;
};

/// What was timed since the last call is what it tells of.
std::optional<DeviceState> CpuDevice::state() {
  if (!waits_.seconds()) return std::nullopt;
  DeviceState state;
  state.othersPercent = times_.othersPercent();
  return state;
}

Result<std::unique_ptr<LoadedKernel>> CpuDevice::load(const Artefact& artefact) {
  if (artefact.format != "object" || artefact.target != info_.architecture)
    return fail(ErrorKind::InvalidInput,
                "the artefact is \"" + artefact.format + "\" for " + artefact.target + ", this device is " +
                    info_.architecture,
                "compile the kernel for this machine");
  auto object = loadObject(artefact.bytes, artefact.launch.symbol);
  if (!object) return std::unexpected(object.error());
  auto kernel = std::make_unique<CpuKernel>();
  kernel->object = std::move(*object);
  kernel->launch = artefact.launch;
  return kernel;
}

// Checks the grid and makes room for every thread's tiles.
Result<void> CpuDevice::prepare(const CpuKernel& kernel, const Grid& grid) {
  for (int axis = 0; axis < 3; ++axis)
    if (grid[axis] < 1 || grid[axis] > info_.gridLimit[axis])
      return fail(ErrorKind::InvalidInput, "grid dimension " + std::to_string(axis) + " is " +
                                               std::to_string(grid[axis]) + ", not in 1 … " +
                                               std::to_string(info_.gridLimit[axis]));
  return executor_.reserve(kernel.launch.scratchBytes);
}

Result<void> CpuDevice::launch(LoadedKernel& kernel, const Grid& grid,
                               std::span<const ArgumentValue> arguments) {
  auto& loaded = static_cast<CpuKernel&>(kernel);
  auto slots = slotsOf(loaded.launch, arguments);
  if (!slots) return std::unexpected(slots.error());
  if (auto ready = prepare(loaded, grid); !ready) return ready;
  return execute(loaded, grid, *slots);
}

Result<void> CpuDevice::launchSome(LoadedKernel& kernel, const Grid& grid,
                                   std::span<const ArgumentValue> arguments,
                                   std::span<const std::array<int64_t, 3>> programs) {
  auto& loaded = static_cast<CpuKernel&>(kernel);
  auto slots = slotsOf(loaded.launch, arguments);
  if (!slots) return std::unexpected(slots.error());
  if (auto ready = prepare(loaded, grid); !ready) return ready;
  std::vector<int64_t> instances;
  for (const auto& [x, y, z] : programs) {
    if (x < 0 || y < 0 || z < 0 || x >= grid[0] || y >= grid[1] || z >= grid[2])
      return fail(ErrorKind::InvalidInput, "a program that is not of the grid");
    instances.push_back(x + grid[0] * (y + grid[1] * z));
  }
  return executor_.runSome(loaded.object->function(), loaded.launch.scratchBytes, grid, slots->data(),
                           instances);
}

Result<std::vector<double>> CpuDevice::time(LoadedKernel& kernel, const Grid& grid,
                                            std::span<const ArgumentValue> arguments,
                                            const TimingRequest& request) {
  auto& loaded = static_cast<CpuKernel&>(kernel);
  auto slots = slotsOf(loaded.launch, arguments);
  if (!slots) return std::unexpected(slots.error());
  if (auto ready = prepare(loaded, grid); !ready) return std::unexpected(ready.error());
  // By the threads that are launched on: they are awake when the launch begins, and no others are in its way.
  const Spread spread = [this](int64_t count, const std::function<void(int64_t, int64_t)>& work) {
    executor_.each(count, [&](int /*thread*/, int64_t first, int64_t last) { work(first, last); });
  };
  const auto launch = [&]() -> Result<TimedLaunch> {
    if (request.coldCache) flushCaches(spread);
    const auto waited = waits_.seconds();
    const auto start = std::chrono::steady_clock::now();
    if (auto done = execute(loaded, grid, *slots); !done) return fail(done.error());
    TimedLaunch timed{secondsSince(start)};
    if (const auto now = waits_.seconds(); now && waited) timed.waited = *now - *waited;
    return timed;
  };
  std::vector<double> seconds;
  for (int repeat = 0; repeat < request.repeats; ++repeat) {
    const auto taken = times_.take(launch);
    if (!taken) return fail(taken.error());
    seconds.push_back(*taken);
  }
  return seconds;
}

} // namespace

Result<std::unique_ptr<HostDevice>> makeDevice(int threads) {
  return std::make_unique<CpuDevice>(threads > 0 ? threads : allowedCores());
}

} // namespace tuned::cpu
