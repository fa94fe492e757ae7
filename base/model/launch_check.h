// What holds of every build's launch, whoever made the build: asked of what comes from others (a bundle, a
// caller, a worker) before it is kept.
#pragma once

#include "base/error.h"
#include "base/model/launch.h"

namespace tuned {

/// InvalidInput names the field that nothing can be launched with ("block: more than 1024 threads").
Result<void> checkLaunchable(const LaunchMetadata& launch);

} // namespace tuned
