// From a kernel and a configuration to an artefact, in this process.
#pragma once

#include "backend/compiler.h"
#include "ir/kernel/kernel.h"

#include <string>

namespace tuned {

/// Specialises and compiles. The error's location is in the kernel's source as the user wrote it. `goOn`: as
/// of CompileOptions.
Result<Artefact> compileVariant(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes,
                                const std::string& target, std::function<bool(const Lowered&)> goOn = {});

} // namespace tuned
