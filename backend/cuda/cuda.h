// NVIDIA devices through the driver, which is opened at run time: nothing here needs the toolkit to build or
// a GPU to start. No CUDA header is included.
#pragma once

#include "backend/device.h"

#include <chrono>
#include <memory>
#include <vector>

namespace tuned {

/// Every CUDA device, by index, without creating a context on any; empty without driver or device.
std::vector<DeviceInfo> listCudaDevices();

/// Opens device `index`. Unavailable: no driver, no device of that index; the remedy says what to do.
/// A launch that is not done after `deadline` is TimedOut, and the device is unusable from then on: the
/// kernel still runs, and only the end of the process stops it.
Result<std::unique_ptr<Device>> openCudaDevice(int index,
                                               std::chrono::milliseconds deadline = std::chrono::minutes(1));

} // namespace tuned
