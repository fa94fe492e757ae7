// What is told of the devices that a driver lists, by a table of functions that stands for one.
#include "backend/cuda/info.h"

#include <algorithm>
#include <cstring>
#include <doctest/doctest.h>
#include <map>
#include <string>

using namespace tuned;
using namespace tuned::cuda;

namespace {
struct Fake {
  std::string name, uuid; ///< uuid: 16 bytes
  size_t memory;
  int multiprocessors, major, minor;
};

/// One whole GPU and parts of two others, as a driver would list them under
/// CUDA_VISIBLE_DEVICES=GPU-5ebe9f43…,MIG-7089d0f3…,MIG-aa…: in the order of the names. (Today's lists one
/// part to a process, and nothing beside it.)
std::vector<Fake> visible;

Driver fakeDriver() {
  Driver api{};
  api.driverGetVersion = [](int* version) { return *version = 13000, 0; };
  api.deviceGetCount = [](int* count) { return *count = static_cast<int>(visible.size()), 0; };
  api.deviceGet = [](DeviceHandle* device, int index) {
    *device = index;
    return index < static_cast<int>(visible.size()) ? 0 : 101;
  };
  api.deviceGetName = [](char* out, int size, DeviceHandle device) {
    std::strncpy(out, visible[static_cast<size_t>(device)].name.c_str(), static_cast<size_t>(size));
    return 0;
  };
  api.deviceTotalMem = [](size_t* bytes, DeviceHandle device) {
    return *bytes = visible[static_cast<size_t>(device)].memory, 0;
  };
  api.deviceGetAttribute = [](int* value, int which, DeviceHandle device) {
    const Fake& fake = visible[static_cast<size_t>(device)];
    const std::map<int, int> known = {{MultiprocessorCount, fake.multiprocessors},
                                      {ComputeCapabilityMajor, fake.major},
                                      {ComputeCapabilityMinor, fake.minor}};
    auto found = known.find(which);
    return *value = found == known.end() ? 1 : found->second, 0;
  };
  api.deviceGetUuid = [](unsigned char* out, DeviceHandle device) {
    std::ranges::copy(visible[static_cast<size_t>(device)].uuid, out);
    return 0;
  };
  return api;
}
} // namespace

TEST_CASE("what CUDA_VISIBLE_DEVICES names is listed in its order, parts of GPUs (MIG) with what is theirs") {
  visible = {
      {"NVIDIA H100 80GB HBM3", "\x5e\xbe\x9f\x43" + std::string(12, '\1'), size_t{80} << 30, 132, 9, 0},
      {"NVIDIA H100 80GB HBM3 MIG 3g.40gb",
       "\x70\x89\xd0\xf3\x29\x3f\x58\xc9\x8f\x8c\x5e\xa6\x66\xee\xdb\xde", size_t{40} << 30, 60, 9, 0},
      {"NVIDIA A100-SXM4-40GB MIG 1g.5gb", std::string(16, '\xaa'), size_t{5} << 30, 14, 8, 0}};
  const Driver api = fakeDriver();
  const auto devices = describeAll(api);
  REQUIRE(devices.size() == 3);
  CHECK(devices[0].id == "cuda:0");
  CHECK(devices[1].id == "cuda:1");
  CHECK(devices[1].name == "NVIDIA H100 80GB HBM3 MIG 3g.40gb");
  CHECK(devices[1].memoryBytes == int64_t{40} << 30);
  CHECK(devices[1].multiprocessors == 60);
  CHECK(devices[1].architecture == "sm_90a");
  CHECK(devices[2].architecture == "sm_80");
  CHECK(devices[2].multiprocessors == 14);
  CHECK(deviceUuid(api, 1) == "7089d0f3-293f-58c9-8f8c-5ea666eedbde");
  // Another order of names is another numbering of the same devices.
  std::ranges::reverse(visible);
  CHECK(describeAll(api)[0].name == "NVIDIA A100-SXM4-40GB MIG 1g.5gb");
}

TEST_CASE("names of no device leave a driver without devices, which is no error") {
  visible.clear();
  CHECK(describeAll(fakeDriver()).empty());
  CHECK_FALSE(describe(fakeDriver(), 0));
}
