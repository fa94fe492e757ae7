// What a configuration's programs do, told from the kernel's IR without compiling it.
#pragma once

#include "base/error.h"
#include "base/model/program_work.h"
#include "ir/kernel/kernel.h"

#include <span>
#include <vector>

namespace tuned {

/// One for each configuration. All are specialised in one context. Unsupported: the kernel is not in Triton's
/// IR.
std::vector<Result<ProgramWork>> workOf(const Kernel& kernel, std::span<const Configuration> configurations,
                                        const Sizes& sizes);

} // namespace tuned
