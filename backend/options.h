/// What a configuration says to a compiler.
#pragma once

#include "backend/compiler.h"
#include "ir/kernel/kernel.h"

#include <string>

namespace tuned {

/// Launch options are read from the configuration: num_warps, num_stages, num_ctas, maxnreg, worker_warps,
/// occupancy, latency, compiler, any_address; what it does not name stays at its default. The grid is not
/// among them.
CompileOptions compileOptions(const std::string& target, const Configuration& configuration);

} // namespace tuned
