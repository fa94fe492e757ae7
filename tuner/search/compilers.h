// The compilers that a space is listed for. Where a target has several, the compiler is a parameter of the
// search like any other, and each sees only its own parameters.
#pragma once

#include "ir/kernel/kernel.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tuned {

/// One value of the launch option `compiler`.
struct CompilerChoice {
  /// Of kCompilerNames; 0 is the target's own, whose configurations do not name it. Nothing: the device has
  /// no choice of compilers.
  std::optional<int64_t> value;
  std::set<std::string> ignored; ///< launch options that it does not read for this kernel
};

/// The choices for a kernel on a device that has these compilers (DeviceInfo::compilers); never empty. Only
/// kernels in TTIR have more than one. A kernel whose parameters name `compiler` gets those of its values
/// that are there, and its whole space when none is.
///
/// Tile IR's hints are told from num_warps and num_stages unless the kernel names them (worker_warps,
/// latency): it then ignores what it would have told them from.
std::vector<CompilerChoice> compilerChoices(const Kernel& kernel, const std::vector<std::string>& compilers);

} // namespace tuned
