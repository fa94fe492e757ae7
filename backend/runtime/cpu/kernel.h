// A CPU build, run on the threads that all of the process's launches share.
#pragma once

#include "backend/runtime/kernel.h"

namespace tuned::cpu {

/// See runtime::loadKernel.
Result<std::unique_ptr<runtime::Kernel>> makeKernel(std::string_view bytes, const LaunchMetadata& launch);

} // namespace tuned::cpu
