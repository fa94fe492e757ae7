#include "backend/cuda/nvml.h"

#include <algorithm>
#include <array>
#include <dlfcn.h>
#include <map>
#include <unistd.h>

namespace tuned::cuda {
namespace {

// The declarations of nvml.h that are used, under names of our own.
using Handle = struct OpaqueNvmlDevice*;
enum Status : int { Success = 0, NotFound = 6, InsufficientSize = 7 };
enum Clock : int { Multiprocessors = 1, Memory = 2 };
enum Slowdown : uint64_t { Hardware = 0x8, SoftwareHeat = 0x20, HardwareHeat = 0x40, PowerBrake = 0x80 };

struct Utilisation {
  unsigned gpu, memory;
};

struct Process {
  unsigned pid;
  unsigned long long bytes;
  unsigned gpuInstance, computeInstance;
};

/// What one process used in one sample.
struct Sample {
  unsigned pid;
  unsigned long long microseconds; ///< when it was taken
  unsigned multiprocessors, memory, encoder, decoder;
};

struct Library {
  int (*init)();
  const char* (*errorString)(int);
  int (*byBusId)(const char*, Handle*);
  // Optional from here on.
  int (*byUuid)(const char*, Handle*);
  int (*gpuInstance)(Handle, unsigned*);
  int (*clock)(Handle, int, unsigned*);
  int (*highestClock)(Handle, int, unsigned*);
  int (*temperature)(Handle, int, unsigned*);
  int (*power)(Handle, unsigned*);
  int (*energy)(Handle, unsigned long long*);
  int (*utilisation)(Handle, Utilisation*);
  int (*slowdowns)(Handle, unsigned long long*);
  int (*processes)(Handle, unsigned*, Process*);
  int (*samples)(Handle, Sample*, unsigned*, unsigned long long);
};

template <typename Function> bool resolve(void* opened, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(opened, name));
  return function != nullptr;
}

std::unexpected<Error> unavailable(const std::string& why) {
  return fail(ErrorKind::Unavailable, "the device's clocks and other users are not watched: " + why,
              "libnvidia-ml.so.1 comes with the NVIDIA driver");
}

Result<Library> openLibrary() {
  void* opened = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!opened) return unavailable(dlerror());
  Library api{};
  if (!resolve(opened, "nvmlInit_v2", api.init) || !resolve(opened, "nvmlErrorString", api.errorString) ||
      !resolve(opened, "nvmlDeviceGetHandleByPciBusId_v2", api.byBusId))
    return unavailable("libnvidia-ml.so.1 is too old");
  resolve(opened, "nvmlDeviceGetHandleByUUID", api.byUuid);
  resolve(opened, "nvmlDeviceGetGpuInstanceId", api.gpuInstance);
  resolve(opened, "nvmlDeviceGetClockInfo", api.clock);
  resolve(opened, "nvmlDeviceGetMaxClockInfo", api.highestClock);
  resolve(opened, "nvmlDeviceGetTemperature", api.temperature);
  resolve(opened, "nvmlDeviceGetPowerUsage", api.power);
  resolve(opened, "nvmlDeviceGetTotalEnergyConsumption", api.energy);
  resolve(opened, "nvmlDeviceGetUtilizationRates", api.utilisation);
  resolve(opened, "nvmlDeviceGetCurrentClocksThrottleReasons", api.slowdowns);
  resolve(opened, "nvmlDeviceGetComputeRunningProcesses_v3", api.processes);
  resolve(opened, "nvmlDeviceGetProcessUtilization", api.samples);
  if (int status = api.init(); status != Success)
    return unavailable(std::string("nvmlInit: ") + api.errorString(status));
  return api;
}

const Result<Library>& library() {
  static const Result<Library> opened = openLibrary();
  return opened;
}

class NvmlDevice : public Management {
public:
  /// `instance`: the part of the GPU that is ours; nothing where it is the whole.
  NvmlDevice(const Library& api, Handle handle, std::optional<unsigned> instance)
      : api_(api), handle_(handle), instance_(instance) {
    (void)othersPercent({}); // what was before is nobody's
  }

  DeviceState state() override {
    DeviceState out;
    out.clockMegahertz = number(api_.clock, Multiprocessors);
    out.highestClockMegahertz = number(api_.highestClock, Multiprocessors);
    out.memoryClockMegahertz = number(api_.clock, Memory);
    out.celsius = number(api_.temperature, 0);
    if (unsigned milliwatts = 0; api_.power && api_.power(handle_, &milliwatts) == Success)
      out.watts = 1e-3 * milliwatts;
    if (Utilisation rates{}; api_.utilisation && api_.utilisation(handle_, &rates) == Success)
      out.busyPercent = rates.gpu;
    if (unsigned long long bits = 0; api_.slowdowns && api_.slowdowns(handle_, &bits) == Success) {
      if (bits & (SoftwareHeat | HardwareHeat)) out.slowed.emplace_back("heat");
      if (bits & PowerBrake) out.slowed.emplace_back("power brake");
      if (bits & Hardware && out.slowed.empty()) out.slowed.emplace_back("hardware");
    }
    if (auto present = processes()) {
      const bool seen = std::ranges::find(*present, ownPid()) != present->end();
      // Where processes are numbered anew (a container) nobody in the list is known to be us: one of them is.
      if (seen) anonymous_ = false;
      if (!seen && !present->empty()) anonymous_ = true;
      out.others = std::max<int64_t>(0, static_cast<int64_t>(present->size()) - (seen || anonymous_ ? 1 : 0));
      out.othersPercent = othersPercent(*present);
    }
    return out;
  }

  std::optional<double> joules() const override {
    unsigned long long millijoules = 0;
    if (instance_ || !api_.energy || api_.energy(handle_, &millijoules) != Success) return std::nullopt;
    return 1e-3 * static_cast<double>(millijoules);
  }

private:
  static unsigned ownPid() { return static_cast<unsigned>(::getpid()); }

  std::optional<int64_t> number(int (*ask)(Handle, int, unsigned*), int which) const {
    unsigned value = 0;
    if (!ask || ask(handle_, which, &value) != Success) return std::nullopt;
    return value;
  }

  std::optional<std::vector<unsigned>> processes() const {
    std::array<Process, 256> list;
    unsigned count = list.size();
    if (!api_.processes || api_.processes(handle_, &count, list.data()) != Success) return std::nullopt;
    std::vector<unsigned> out;
    for (unsigned i = 0; i < std::min<size_t>(count, list.size()); ++i)
      if (!instance_ || list[i].gpuInstance == *instance_) out.push_back(list[i].pid);
    return out;
  }

  /// The mean over the new samples of all processes but this one. Absent where they cannot be told apart or
  /// the driver keeps none: a process that is in no list of ours may be us.
  std::optional<int64_t> othersPercent(const std::vector<unsigned>& present) {
    if (!api_.samples) return std::nullopt;
    std::vector<Sample> list(64);
    unsigned count = static_cast<unsigned>(list.size());
    int status = api_.samples(handle_, list.data(), &count, newest_);
    if (status == InsufficientSize) {
      list.resize(count);
      status = api_.samples(handle_, list.data(), &count, newest_);
    }
    if (status != Success && status != NotFound) return std::nullopt; // NotFound: no sample since
    list.resize(status == Success ? std::min<size_t>(count, list.size()) : 0);
    std::map<unsigned, std::pair<int64_t, int64_t>> sums;
    const auto since = newest_;
    for (const Sample& sample : list) {
      newest_ = std::max(newest_, sample.microseconds);
      if (sample.microseconds <= since || sample.pid == ownPid() || sample.pid == 0) continue;
      // Who works in another part of the GPU takes nothing of ours.
      if (instance_ && std::ranges::find(present, sample.pid) == present.end()) continue;
      sums[sample.pid].first += std::min(sample.multiprocessors, 100U);
      ++sums[sample.pid].second;
    }
    if (anonymous_) return present.size() > 1 ? std::nullopt : std::optional<int64_t>(0);
    int64_t percent = 0;
    for (const auto& [pid, sum] : sums)
      percent += sum.first / sum.second;
    return std::min<int64_t>(percent, 100);
  }

  const Library& api_;
  Handle handle_;
  std::optional<unsigned> instance_;
  unsigned long long newest_ = 0;
  bool anonymous_ = false;
};

} // namespace

namespace {
/// Of the part of a GPU that has this name; nothing: it is none.
std::optional<unsigned> instanceOf(const Library& api, const std::string& uuid) {
  Handle part = nullptr;
  unsigned number = 0;
  if (uuid.empty() || !api.byUuid || !api.gpuInstance) return std::nullopt;
  if (api.byUuid(("MIG-" + uuid).c_str(), &part) != Success) return std::nullopt;
  return api.gpuInstance(part, &number) == Success ? std::optional(number) : std::nullopt;
}
} // namespace

Result<std::unique_ptr<Management>> Management::open(const std::string& busId, const std::string& uuid) {
  if (!library()) return fail(library().error());
  Handle handle = nullptr;
  if (int status = library()->byBusId(busId.c_str(), &handle); status != Success)
    return unavailable("no device at " + busId + ": " + library()->errorString(status));
  return std::make_unique<NvmlDevice>(*library(), handle, instanceOf(*library(), uuid));
}

} // namespace tuned::cuda
