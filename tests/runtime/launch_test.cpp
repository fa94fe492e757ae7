// Launches on a driver of the test's own: what reaches it, and which grids do not.
#include "backend/runtime/cuda/launch.h"
#include "backend/runtime/kernel.h"
#include "base/model/grid.h"

#include <array>
#include <doctest/doctest.h>

using namespace tuned;
using namespace tuned::cuda;

namespace {

/// What the driver was asked, by the functions below.
struct Seen {
  int launches = 0;
  LaunchConfig config = {};
  unsigned cluster = 0;
  int sharedBytes = 0, nonPortable = 0;
} seen;

Driver recordingDriver() {
  seen = {};
  Driver api = {};
  api.launchKernelEx = [](const LaunchConfig* config, Function, void**, void**) {
    ++seen.launches;
    seen.config = *config;
    seen.cluster = config->attributeCount ? config->attributes[0].value.clusterDimensions[0] : 0;
    return int{Success};
  };
  api.funcSetCacheConfig = [](Function, int) { return int{Success}; };
  api.funcSetAttribute = [](Function, int attribute, int value) {
    if (attribute == maxDynamicSharedBytes) {
      if (value > 200'000) return 1;
      seen.sharedBytes = value;
    }
    if (attribute == nonPortableClusterAllowed) seen.nonPortable = value;
    return int{Success};
  };
  api.deviceGetAttribute = [](int* value, int attribute, DeviceHandle) {
    *value = attribute == MaxGridX ? 2147483647 : 65535;
    return int{Success};
  };
  return api;
}

LaunchMetadata metadata(int clusterSize = 1) {
  LaunchMetadata launch;
  launch.symbol = "k";
  launch.block = {128, 1, 1};
  launch.clusterSize = clusterSize;
  return launch;
}

} // namespace

TEST_CASE("a launch that no device has is refused before the driver is asked") {
  const auto refused = [](auto change, const char* words) {
    LaunchMetadata launch = metadata();
    change(launch);
    const Driver api = recordingDriver();
    auto function = LaunchableFunction::prepare(api, nullptr, launch, gridLimitOf(api, 0), "cuda:0");
    REQUIRE_FALSE(function.has_value());
    CHECK(function.error().kind == ErrorKind::InvalidInput);
    CHECK_MESSAGE(function.error().message.contains(words), function.error().message);
    CHECK(seen.sharedBytes == 0);
    auto kernel = runtime::loadKernel("cubin", "", launch, "cuda:0");
    REQUIRE_FALSE(kernel.has_value());
    CHECK(kernel.error().message == function.error().message);
  };
  // Each is a possible launch in its low 32 bits.
  refused([](auto& m) { m.dynamicSharedBytes = (int64_t{1} << 32) + 64; },
          "'k': launch.dynamic_shared_bytes");
  refused([](auto& m) { m.dynamicSharedBytes = (int64_t{1} << 32) + 100'000; }, "dynamic_shared_bytes");
  refused([](auto& m) { m.block = {65'536, 65'536, 65'536}; }, "block");
  refused([](auto& m) { m.block = {128, -1, -1}; }, "block");
  refused([](auto& m) { m.clusterSize = 1 << 20; }, "cluster_size");
  LaunchMetadata large = metadata();
  large.block = {INT32_MAX, INT32_MAX, INT32_MAX};
  CHECK(large.threadsPerCta() == INT64_MAX);
  large.block = {INT32_MAX, 2, 1};
  CHECK(large.threadsPerCta() == 2 * int64_t{INT32_MAX});
}

TEST_CASE("a grid that 32 bits do not count is refused, and never launched as a smaller one") {
  const Driver api = recordingDriver();
  auto function = LaunchableFunction::prepare(api, nullptr, metadata(), gridLimitOf(api, 0), "cuda:0");
  REQUIRE(function.has_value());
  CHECK(function->check({2147483647, 65535, 65535}).has_value());
  for (const Grid& grid : {Grid{(int64_t{1} << 32) + 1, 1, 1}, Grid{2147483648, 1, 1}, Grid{1, 65536, 1},
                           Grid{1, 1, int64_t{1} << 40}, Grid{0, 1, 1}, Grid{1, -1, 1}}) {
    auto checked = function->check(grid);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().kind == ErrorKind::InvalidInput);
    CHECK(checked.error().message.find("grid dimension") != std::string::npos);
    CHECK(checked.error().message.find("cuda:0 takes 1 to") != std::string::npos);
  }
  CHECK(seen.launches == 0);
}

TEST_CASE("a cluster is one program: its CTAs lie along the first axis and count against its limit") {
  const Driver api = recordingDriver();
  auto function = LaunchableFunction::prepare(api, nullptr, metadata(16), gridLimitOf(api, 0), "cuda:0");
  REQUIRE(function.has_value());
  CHECK(seen.nonPortable == 1);
  CHECK(function->check({134217727, 1, 1}).has_value());
  CHECK_FALSE(function->check({134217728, 1, 1}).has_value());
  CHECK(function->enqueue({3, 5, 7}, nullptr, nullptr) == Success);
  CHECK(seen.config.gridX == 48);
  CHECK(seen.config.gridY == 5);
  CHECK(seen.config.gridZ == 7);
  CHECK(seen.config.blockX == 128);
  CHECK(seen.cluster == 16);
}

TEST_CASE("shared memory beyond the plain amount is asked for, and its refusal said") {
  const Driver api = recordingDriver();
  LaunchMetadata launch = metadata();
  launch.dynamicSharedBytes = 100'000;
  auto function = LaunchableFunction::prepare(api, nullptr, launch, gridLimitOf(api, 0), "cuda:0");
  REQUIRE(function.has_value());
  CHECK(seen.sharedBytes == 100'000);
  CHECK(function->enqueue({1, 1, 1}, nullptr, nullptr) == Success);
  CHECK(seen.config.sharedBytes == 100'000);
  CHECK(seen.cluster == 0);
  launch.dynamicSharedBytes = 300'000;
  auto refused = LaunchableFunction::prepare(api, nullptr, launch, gridLimitOf(api, 0), "cuda:0");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::OutOfResources);
  CHECK(refused.error().message.find("300000 bytes of shared memory") != std::string::npos);
}

TEST_CASE("a function that takes more than its build tells of is not launched") {
  Driver api = recordingDriver();
  // A function of a pointer, and a tensor map with its shape and stride.
  api.funcGetParamInfo = [](Function, size_t index, size_t* place, size_t* bytes) {
    constexpr std::array<size_t, 4> sizes = {8, 128, 4, 8};
    if (index >= sizes.size()) return 1;
    *place = 128 * index, *bytes = sizes[index];
    return int{Success};
  };
  const auto said = [&](std::vector<ParameterSlot> parameters) {
    LaunchMetadata launch = metadata();
    launch.parameters = std::move(parameters);
    auto function = LaunchableFunction::prepare(api, nullptr, launch, gridLimitOf(api, 0), "cuda:0");
    return function ? "" : function.error().message;
  };
  const ParameterSlot pointer = {ParameterKind::Pointer, 8}, shape = {ParameterKind::Scalar, 4},
                      stride = {ParameterKind::Scalar, 8},
                      map = {ParameterKind::TensorMap, 128, TensorMapLayout{0, 7, 4, {64}}};
  CHECK(said({pointer, map, shape, stride}).empty());
  CHECK(said({pointer, map, shape, stride, pointer}).empty()); // the driver reads four
  CHECK(said({pointer, pointer, shape, stride}) ==
        "'k' takes 128 bytes as parameter 1, and its build tells of fewer");
  CHECK(said({pointer}) == "'k' takes more parameters than the 1 that its build tells of");
  CHECK(said({}) == "'k' takes more parameters than the 0 that its build tells of");
  api.funcGetParamInfo = nullptr; // of before CUDA 12.4
  CHECK(said({pointer}).empty());
}

TEST_CASE("a grid has no more programs than 64 bits count") {
  const std::array<int64_t, 3> limit = {INT32_MAX, INT32_MAX, INT32_MAX};
  CHECK(checkGrid({INT32_MAX, INT32_MAX, 1}, limit, "the CPU").has_value());
  auto checked = checkGrid({INT32_MAX, INT32_MAX, INT32_MAX}, limit, "the CPU");
  REQUIRE_FALSE(checked.has_value());
  CHECK(checked.error().message.find("more programs than can be counted") != std::string::npos);
  CHECK(gridText({4, 2, 1}) == "4 × 2 × 1");
}
