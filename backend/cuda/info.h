// What a CUDA device is, asked of the driver without making a context.
#pragma once

#include "backend/device.h"
#include "backend/runtime/cuda/driver.h"

#include <string>
#include <vector>

namespace tuned::cuda {

/// The compile target of a compute capability: (9, 0) is "sm_90a", (8, 6) is "sm_86". From 9.0 on the "a"
/// variant, whose code runs on that very capability alone, is what has wgmma and its successors.
std::string architectureName(int major, int minor);

/// Device `index`, from 0. The driver lists what CUDA_VISIBLE_DEVICES names, in its order: numbers, GPUs
/// (GPU-…) and parts of GPUs (MIG-…), which are devices with the memory and the multiprocessors of the part.
Result<DeviceInfo> describe(const Driver& api, int index);

/// All that the driver lists; those that cannot be described are left out.
std::vector<DeviceInfo> describeAll(const Driver& api);

/// "7089d0f3-293f-58c9-8f8c-5ea666eedbde", of the part where the device is a part of a GPU; empty: the driver
/// does not say.
std::string deviceUuid(const Driver& api, DeviceHandle device);

} // namespace tuned::cuda
