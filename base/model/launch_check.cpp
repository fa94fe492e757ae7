#include "base/model/launch_check.h"

namespace tuned {
namespace {

constexpr int mostThreads = 1024, mostCluster = 16;
constexpr int64_t mostSharedBytes = int64_t{1} << 30;
constexpr size_t mostParameters = 8192; // CUDA takes 32764 bytes of them
constexpr int largestScalar = 8;

std::unexpected<Error> wrong(const std::string& what, const std::string& remedy = {}) {
  return fail(ErrorKind::InvalidInput, what, remedy);
}

Result<void> checkParameters(const std::vector<ParameterSlot>& parameters) {
  if (parameters.size() > mostParameters)
    return wrong("parameters: " + std::to_string(parameters.size()) + " of them",
                 std::to_string(mostParameters) + " at most");
  for (size_t i = 0; i < parameters.size(); ++i)
    if (const ParameterSlot& slot = parameters[i];
        slot.kind != ParameterKind::TensorMap && (slot.sizeBytes < 1 || slot.sizeBytes > largestScalar))
      return wrong("parameters[" + std::to_string(i) + "].size_bytes: " + std::to_string(slot.sizeBytes),
                   "1 to 8; a tensor map has 128");
  return checkTensorMaps(parameters);
}

} // namespace

Result<void> checkLaunchable(const LaunchMetadata& launch) {
  if (launch.symbol.empty()) return wrong("symbol: empty", "name the entry as the binary has it");
  for (int threads : launch.block)
    if (threads < 1 || threads > mostThreads) return wrong("block: 1 to 1024 threads along each axis");
  if (launch.threadsPerCta() > mostThreads) return wrong("block: more than 1024 threads");
  if (launch.clusterSize < 1 || launch.clusterSize > mostCluster) return wrong("cluster_size: 1 to 16");
  if (launch.dynamicSharedBytes < 0 || launch.scratchBytes < 0) return wrong("negative bytes");
  if (launch.dynamicSharedBytes > mostSharedBytes)
    return wrong("dynamic_shared_bytes: " + std::to_string(launch.dynamicSharedBytes),
                 "no device has so many");
  for (int64_t programs : launch.grid)
    if (programs < 0) return wrong("grid: " + std::to_string(programs) + " programs");
  return checkParameters(launch.parameters);
}

} // namespace tuned
