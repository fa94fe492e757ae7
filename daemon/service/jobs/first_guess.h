// A first guess of a whole space where nothing was ever measured: what its programs do, counted by the
// compile workers, in seconds of an analytic model.
#pragma once

#include "base/model/device.h"
#include "daemon/service/jobs/builder.h"
#include "tuner/search/strategy.h"

namespace tuned {

/// As a history (strategy.h): configurations that do not fit the device are failures there. Nothing for
/// devices that the model does not know, and for kernels whose work cannot be counted. Counting
/// begins nothing new after a second, and ends after three; what was not counted by then is left out.
std::optional<History> firstGuess(WorkerPool& compilers, const Problem& problem, const Kernel& kernel,
                                  const Space& space, const DeviceInfo& device, const std::stop_token& stop);

} // namespace tuned
