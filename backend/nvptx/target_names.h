// Which NVIDIA architectures our own compiler has.
#pragma once

#include <string>
#include <vector>

namespace tuned::nvptx {

/// "sm_80" to "sm_120a": what parseTarget() takes.
std::vector<std::string> targetNames();

} // namespace tuned::nvptx
