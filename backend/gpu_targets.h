// Which GPU targets can be compiled for here.
#pragma once

#include <string>
#include <vector>

namespace tuned {

/// "sm_80", "sm_90a", …: what any of the compilers of GPU targets on this machine takes, each once, in order
/// of their numbers.
std::vector<std::string> gpuTargets();

} // namespace tuned
