// What a CUDA device is, asked of the driver without making a context.
#pragma once

#include "backend/device.h"
#include "backend/runtime/cuda/driver.h"

#include <string>

namespace tuned::cuda {

/// The compile target of a compute capability: (9, 0) is "sm_90a", (8, 6) is "sm_86". From 9.0 on the "a"
/// variant, whose code runs on that very capability alone, is what has wgmma and its successors.
std::string architectureName(int major, int minor);

/// Device `index`, from 0.
Result<DeviceInfo> describe(const Driver& api, int index);

} // namespace tuned::cuda
