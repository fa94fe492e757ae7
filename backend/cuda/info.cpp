#include "backend/cuda/info.h"

#include "backend/cuda/cuda.h"

#include <array>

namespace tuned {
namespace cuda {

std::string architectureName(int major, int minor) {
  return "sm_" + std::to_string(10 * major + minor) + (major >= 9 ? "a" : "");
}

Result<DeviceInfo> describe(const Driver& api, int index) {
  DeviceHandle device = 0;
  if (int status = api.deviceGet(&device, index); status != Success)
    return fail(driverError(status, "opening CUDA device " + std::to_string(index)));
  auto attribute = [&](DeviceAttribute which) {
    int value = 0;
    api.deviceGetAttribute(&value, which, device);
    return value;
  };
  std::array<char, 256> deviceName = {};
  size_t memory = 0;
  api.deviceGetName(deviceName.data(), deviceName.size() - 1, device);
  api.deviceTotalMem(&memory, device);

  DeviceInfo info;
  info.id = "cuda:" + std::to_string(index);
  info.name = deviceName.data();
  info.architecture = architectureName(attribute(ComputeCapabilityMajor), attribute(ComputeCapabilityMinor));
  info.multiprocessors = attribute(MultiprocessorCount);
  info.memoryBytes = static_cast<int64_t>(memory);
  info.sharedBytesLimit = attribute(MaxSharedBytesPerBlockOptIn);
  info.registersLimit = attribute(MaxRegistersPerBlock);
  info.cacheBytes = attribute(L2CacheBytes);
  info.gridLimit = {attribute(MaxGridX), attribute(MaxGridY), attribute(MaxGridZ)};
  info.driver = driverVersion();
  // Two transfers a clock; 128 lanes a multiprocessor from 8.6 on (8.0 has 64), a multiply-add is two
  // operations.
  info.peakBytesPerSecond = 2e3 * attribute(MemoryClockKilohertz) * attribute(MemoryBusBits) / 8;
  info.peakFlopsPerSecond =
      2e3 * attribute(ClockKilohertz) * info.multiprocessors * (info.architecture == "sm_80" ? 64 : 128);
  info.capabilities.judges = {"cpu", "reference"};
  return info;
}

} // namespace cuda

std::vector<DeviceInfo> listCudaDevices() {
  std::vector<DeviceInfo> devices;
  const auto& api = cuda::driver();
  int count = 0;
  if (!api || api->deviceGetCount(&count) != cuda::Success) return devices;
  for (int index = 0; index < count; ++index)
    if (auto info = cuda::describe(*api, index)) devices.push_back(std::move(*info));
  return devices;
}

} // namespace tuned
