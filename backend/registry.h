// Names to backends. Each backend registers itself here through one function that registry.cpp lists.
#pragma once

#include "backend/compiler.h"
#include "backend/device.h"

namespace tuned {

/// The compiler for a device id ("cpu", "cuda:0", "reference") or a target ("sm_90a"). NotFound lists what
/// there is.
Result<std::unique_ptr<Compiler>> makeCompiler(const std::string& deviceOrTarget);

/// Opens a device: "cpu", "cuda:N", "reference". Unavailable says what is missing and what to do.
Result<std::unique_ptr<Device>> openDevice(const std::string& id);

/// Every device present, best first (CUDA devices, then "cpu"); never fails. "reference" is not listed.
std::vector<DeviceInfo> listDevices();

} // namespace tuned
