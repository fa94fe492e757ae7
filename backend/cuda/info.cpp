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

std::vector<DeviceInfo> describeAll(const Driver& api) {
  std::vector<DeviceInfo> devices;
  int count = 0;
  if (api.deviceGetCount(&count) != Success) return devices;
  for (int index = 0; index < count; ++index)
    if (auto info = describe(api, index)) devices.push_back(std::move(*info));
  return devices;
}

std::string deviceUuid(const Driver& api, DeviceHandle device) {
  std::array<unsigned char, 16> bytes = {};
  if (!api.deviceGetUuid || api.deviceGetUuid(bytes.data(), device) != Success) return {};
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    constexpr const char* digits = "0123456789abcdef";
    out += {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
  }
  return out;
}

} // namespace cuda

std::vector<DeviceInfo> listCudaDevices() {
  const auto& api = cuda::driver();
  return api ? cuda::describeAll(*api) : std::vector<DeviceInfo>();
}

} // namespace tuned
