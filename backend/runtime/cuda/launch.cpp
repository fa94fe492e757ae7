#include "backend/runtime/cuda/launch.h"

#include "base/model/grid.h"
#include "base/model/launch_check.h"

#include <algorithm>

namespace tuned::cuda {
namespace {
constexpr int64_t plainSharedBytes = 48 * 1024; // beyond this a function has to be allowed it
constexpr int portableCluster = 8;
constexpr size_t slotBytes = 8;

/// The driver reads as many parameters as the function takes, and as many bytes of each, whatever a launch
/// gives: a build that tells of fewer would have it read what is not there.
Result<void> checkParameters(const Driver& api, Function function, const LaunchMetadata& launch) {
  if (!api.funcGetParamInfo) return {};
  const auto refuse = [&](const std::string& what) {
    return fail(ErrorKind::InvalidInput, "'" + launch.symbol + "' " + what,
                "whoever made the build has to tell all parameters of its function");
  };
  const size_t told = launch.parameters.size();
  size_t place = 0, bytes = 0;
  for (size_t i = 0; i < told && api.funcGetParamInfo(function, i, &place, &bytes) == Success; ++i)
    if (bytes > (launch.parameters[i].map ? size_t{tensorMapBytes} : slotBytes))
      return refuse("takes " + std::to_string(bytes) + " bytes as parameter " + std::to_string(i) +
                    ", and its build tells of fewer");
  if (api.funcGetParamInfo(function, told, &place, &bytes) == Success)
    return refuse("takes more parameters than the " + std::to_string(told) + " that its build tells of");
  return {};
}
} // namespace

Result<LaunchableFunction> LaunchableFunction::prepare(const Driver& api, Function function,
                                                       const LaunchMetadata& launch,
                                                       const std::array<int64_t, 3>& gridLimit,
                                                       std::string where) {
  if (auto sound = checkLaunchable(launch); !sound)
    return fail(ErrorKind::InvalidInput, "'" + launch.symbol + "': launch." + sound.error().message,
                sound.error().remedy);
  if (auto sound = checkParameters(api, function, launch); !sound) return fail(sound.error());
  LaunchableFunction out;
  out.api_ = &api;
  out.function_ = function;
  out.clusterSize_ = static_cast<unsigned>(std::max(1, launch.clusterSize));
  for (size_t axis = 0; axis < out.block_.size(); ++axis)
    out.block_[axis] = static_cast<unsigned>(launch.block[axis]);
  out.sharedBytes_ = static_cast<unsigned>(launch.dynamicSharedBytes);
  out.gridLimit_ = {gridLimit[0] / out.clusterSize_, gridLimit[1], gridLimit[2]};
  out.where_ = std::move(where);
  if (launch.dynamicSharedBytes > plainSharedBytes) {
    api.funcSetCacheConfig(function, preferShared);
    if (api.funcSetAttribute(function, maxDynamicSharedBytes, static_cast<int>(launch.dynamicSharedBytes)) !=
        Success)
      return fail(ErrorKind::OutOfResources,
                  "'" + launch.symbol + "' takes " + std::to_string(launch.dynamicSharedBytes) +
                      " bytes of shared memory a CTA, more than " + out.where_ + " has");
  }
  if (launch.clusterSize > portableCluster)
    if (int status = api.funcSetAttribute(function, nonPortableClusterAllowed, 1); status != Success)
      return fail(driverError(status, "allowing a cluster of " + std::to_string(launch.clusterSize)));
  return out;
}

Result<void> LaunchableFunction::check(const Grid& grid) const {
  return checkGrid(grid, gridLimit_, where_);
}

int LaunchableFunction::enqueue(const Grid& grid, void** parameters, Stream stream) const {
  LaunchAttribute cluster = {};
  cluster.id = clusterDimensionAttribute;
  cluster.value.clusterDimensions[0] = clusterSize_;
  cluster.value.clusterDimensions[1] = cluster.value.clusterDimensions[2] = 1;
  const bool clustered = clusterSize_ > 1;
  const LaunchConfig config = {static_cast<unsigned>(grid[0]) * clusterSize_,
                               static_cast<unsigned>(grid[1]),
                               static_cast<unsigned>(grid[2]),
                               block_[0],
                               block_[1],
                               block_[2],
                               sharedBytes_,
                               stream,
                               clustered ? &cluster : nullptr,
                               clustered ? 1U : 0U};
  return api_->launchKernelEx(&config, function_, parameters, nullptr);
}

std::array<int64_t, 3> gridLimitOf(const Driver& api, DeviceHandle device) {
  std::array<int64_t, 3> limit = {};
  for (size_t axis = 0; axis < limit.size(); ++axis) {
    int extent = 0;
    api.deviceGetAttribute(&extent, MaxGridX + static_cast<int>(axis), device);
    limit[axis] = extent;
  }
  return limit;
}

} // namespace tuned::cuda
