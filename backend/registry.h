// Names to backends: the rows of registry.cpp.
#pragma once

#include "backend/compiler.h"
#include "backend/device.h"
#include "backend/source_compiler.h"

namespace tuned {

/// The compiler for a device id ("cpu", "cuda:0", "reference") or a target ("sm_90a"): the one of that name,
/// or the target's own when `compiler` is empty. NotFound lists what there is.
Result<std::unique_ptr<Compiler>> makeCompiler(const std::string& deviceOrTarget,
                                               const std::string& compiler = {});

/// The compiler of CUDA C++ for a device id or target. Unsupported: none of that kind runs CUDA C++.
Result<std::unique_ptr<SourceCompiler>> makeSourceCompiler(const std::string& deviceOrTarget);

/// The compilers that can serve a device or target on this machine, its own first. One whose tools are
/// missing (tileiras) is left out. Empty for an unknown target.
std::vector<std::string> compilersFor(const std::string& deviceOrTarget);

/// Opens a device: "cpu", "cuda:N", "reference". Unavailable says what is missing and what to do.
Result<std::unique_ptr<Device>> openDevice(const std::string& id);

/// Every device present, best first (CUDA devices, then "cpu"); never fails. "reference" is not listed.
std::vector<DeviceInfo> listDevices();

} // namespace tuned
