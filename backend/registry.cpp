#include "backend/registry.h"

#include "backend/cpu/cpu.h"
#include "backend/cuda/cuda.h"
#include "backend/reference/reference.h"
#ifdef TUNED_WITH_NVPTX
#include "backend/nvptx/nvptx.h"
#endif

#include <charconv>

namespace tuned {
namespace {

/// The N of "cuda:N".
Result<int> cudaIndex(const std::string& id) {
  int index = -1;
  const char* end = id.data() + id.size();
  auto [rest, error] = std::from_chars(id.data() + 5, end, index);
  if (error != std::errc() || rest != end || index < 0)
    return fail(ErrorKind::InvalidInput, "not a device: " + id, "CUDA devices are cuda:0, cuda:1, …");
  return index;
}

std::unexpected<Error> unknown(const std::string& name) {
  return fail(ErrorKind::NotFound, "no device or target " + name,
              "devices are cpu, cuda:N and reference; targets are cpu, reference and sm_80 to sm_120a");
}

} // namespace

Result<std::unique_ptr<Compiler>> makeCompiler(const std::string& name) {
  if (name == "reference") return makeReferenceCompiler();
  if (name == "cpu" || name.starts_with("cpu:")) return cpu::makeCompiler();
#ifdef TUNED_WITH_NVPTX
  if (name.starts_with("sm_") || name.starts_with("cuda:")) return nvptx::makeCompiler();
#endif
  return unknown(name);
}

Result<std::unique_ptr<Device>> openDevice(const std::string& id) {
  if (id == "reference") return openReferenceDevice();
  if (id == "cpu") return cpu::makeDevice();
  if (id.starts_with("cuda:")) {
    Result<int> index = cudaIndex(id);
    if (!index) return fail(index.error());
    return openCudaDevice(*index);
  }
  return unknown(id);
}

std::vector<DeviceInfo> listDevices() {
  std::vector<DeviceInfo> devices = listCudaDevices();
  if (auto cpu = cpu::makeDevice()) devices.push_back((*cpu)->info());
  return devices;
}

} // namespace tuned
