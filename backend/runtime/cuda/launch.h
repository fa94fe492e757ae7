// Launching a function of a loaded module, in the one way that the daemon's devices and the clients' kernels
// share.
#pragma once

#include "backend/runtime/argument.h"
#include "backend/runtime/cuda/driver.h"
#include "base/model/launch.h"

namespace tuned::cuda {

/// A function and how it is launched. Never changes; any thread may launch it.
class LaunchableFunction {
public:
  LaunchableFunction() = default;
  /// Allows the function what its metadata asks for: shared memory, large clusters. `gridLimit` is the
  /// device's, `where` its name. OutOfResources: more shared memory than the device has; else as driverError.
  static Result<LaunchableFunction> prepare(const Driver& api, Function function,
                                            const LaunchMetadata& launch,
                                            const std::array<int64_t, 3>& gridLimit, std::string where);

  /// InvalidInput: a grid that the device does not take. The grid counts programs; the CTAs of a cluster are
  /// one program, spread along the first axis.
  Result<void> check(const Grid& grid) const;

  /// Puts a launch on a checked grid into the stream of the current context. `parameters` point to one value
  /// each. The driver's status.
  int enqueue(const Grid& grid, void** parameters, Stream stream) const;

private:
  const Driver* api_ = nullptr;
  Function function_ = nullptr;
  unsigned clusterSize_ = 1;
  std::array<unsigned, 3> block_ = {1, 1, 1};
  unsigned sharedBytes_ = 0;
  std::array<int64_t, 3> gridLimit_ = {}; ///< of programs
  std::string where_;
};

/// The most CTAs along each axis that a device takes.
std::array<int64_t, 3> gridLimitOf(const Driver& api, DeviceHandle device);

} // namespace tuned::cuda
