// What Workbench and HostInputs share, so that both hold the same values.
#pragma once

#include "backend/device.h"
#include "ir/kernel/kernel.h"

namespace tuned {

/// Each argument's buffer has its own random sequence.
inline uint64_t argumentSeed(uint64_t seed, size_t argument) {
  return seed * 1000 + argument;
}

/// The value of a scalar argument at these sizes.
Result<ArgumentValue> scalarValue(const Kernel& kernel, const KernelArgument& argument, const Sizes& sizes);

} // namespace tuned
