// The passes of this backend, in order.
#pragma once

#include "backend/nvptx/passes/pass.h"

#include <span>

namespace tuned::nvptx {

std::span<const Pass> layoutPasses();

} // namespace tuned::nvptx
