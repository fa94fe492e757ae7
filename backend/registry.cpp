#include "backend/registry.h"

#include "backend/cpu/cpu.h"
#include "backend/cuda/cuda.h"
#include "backend/gpu_targets.h"
#include "backend/reference/reference.h"
#ifdef TUNED_WITH_NVPTX
#include "backend/nvptx/nvptx.h"
#include "backend/nvptx/target_names.h"
#include "backend/tileir/assemble/assembler.h"
#include "backend/tileir/tileir.h"
#endif
#include "backend/nvrtc/nvrtc.h"

#include <algorithm>
#include <charconv>

namespace tuned {
namespace {

/// A compiler of a kind of target. Of a target's compilers the first row is its own.
struct CompilerRow {
  const char* prefix; ///< of the device ids or targets that it serves: "sm_" serves sm_90a
  const char* name;
  std::unique_ptr<Compiler> (*make)();
  bool (*present)(); ///< whether its tools are on this machine
};

bool always() {
  return true;
}

constexpr CompilerRow compilerRows[] = {
    {"reference", "reference", makeReferenceCompiler, always},
    {"cpu", "cpu", cpu::makeCompiler, always},
#ifdef TUNED_WITH_NVPTX
    {"sm_", "nvptx", nvptx::makeCompiler, always},
    {"cuda:", "nvptx", nvptx::makeCompiler, always},
    {"sm_", "tileir", tileir::makeCompiler, tileir::isPresent},
    {"cuda:", "tileir", tileir::makeCompiler, tileir::isPresent},
#endif
};

/// A kind of device.
struct DeviceRow {
  const char* prefix;
  Result<std::unique_ptr<Device>> (*open)(const std::string& id);
};

/// "cuda:N".
Result<std::unique_ptr<Device>> openCuda(const std::string& id) {
  int index = -1;
  const char* end = id.data() + id.size();
  auto [rest, error] = std::from_chars(id.data() + 5, end, index);
  if (error != std::errc() || rest != end || index < 0)
    return fail(ErrorKind::InvalidInput, "not a device: " + id, "CUDA devices are cuda:0, cuda:1, …");
  return openCudaDevice(index);
}

constexpr DeviceRow deviceRows[] = {
    {"reference",
     [](const std::string&) -> Result<std::unique_ptr<Device>> { return openReferenceDevice(); }},
    {"cpu", [](const std::string&) -> Result<std::unique_ptr<Device>> { return cpu::makeDevice(); }},
    {"cuda:", openCuda},
};

/// "cpu" and "reference" are whole names, and "cpu:znver3" is a target; "sm_" and "cuda:" go on.
bool serves(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return false;
  bool open = prefix.back() == '_' || prefix.back() == ':';
  return open ? name.size() > prefix.size() : name.size() == prefix.size() || name[prefix.size()] == ':';
}

std::unexpected<Error> unknown(const std::string& name) {
  return fail(ErrorKind::NotFound, "no device or target " + name,
              "devices are cpu, cuda:N and reference; targets are cpu, reference and sm_80 to sm_120a");
}

} // namespace

Result<std::unique_ptr<Compiler>> makeCompiler(const std::string& target, const std::string& compiler) {
  std::string there;
  for (const CompilerRow& row : compilerRows) {
    if (!serves(row.prefix, target)) continue;
    if (compiler.empty() || compiler == row.name) return row.make();
    there += (there.empty() ? "" : ", ") + std::string(row.name);
  }
  if (there.empty()) return unknown(target);
  return fail(ErrorKind::NotFound, "no compiler '" + compiler + "' for " + target, "there are: " + there);
}

Result<std::unique_ptr<SourceCompiler>> makeSourceCompiler(const std::string& target) {
  if (serves("sm_", target) || serves("cuda:", target)) return nvrtc::makeCompiler();
  return fail(ErrorKind::Unsupported, "CUDA C++ runs on NVIDIA devices, and '" + target + "' is none",
              "name a target such as sm_90a, or a device such as cuda:0");
}

std::vector<std::string> compilersFor(const std::string& target) {
  std::vector<std::string> names;
  for (const CompilerRow& row : compilerRows)
    if (serves(row.prefix, target) && row.present()) names.emplace_back(row.name);
  return names;
}

std::vector<std::string> gpuTargets() {
  std::vector<std::string> names;
#ifdef TUNED_WITH_NVPTX
  names = nvptx::targetNames();
  if (tileir::isPresent())
    for (const std::string& name : tileir::assemblerTargets()) {
      names.push_back(name);
      if (!name.starts_with("sm_8")) names.push_back(name + "a");
    }
  std::ranges::sort(names, {}, [](const std::string& name) { return std::pair(name.size(), name); });
  names.erase(std::unique(names.begin(), names.end()), names.end());
#endif
  return names;
}

Result<std::unique_ptr<Device>> openDevice(const std::string& id) {
  for (const DeviceRow& row : deviceRows)
    if (serves(row.prefix, id)) return row.open(id);
  return unknown(id);
}

std::vector<DeviceInfo> listDevices() {
  std::vector<DeviceInfo> devices = listCudaDevices();
  if (auto cpu = cpu::makeDevice()) devices.push_back((*cpu)->info());
  for (DeviceInfo& info : devices)
    info.compilers = compilersFor(info.id);
  return devices;
}

} // namespace tuned
