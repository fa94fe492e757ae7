// How long a configuration should take, from what its programs do and what the device has: a first guess
// where nothing was measured. Only the order of what it gives is of use, and only as far as it proves right:
// it enters the search as one more history (strategy.h).
#pragma once

#include "base/model/device.h"
#include "base/model/program_work.h"
#include "ir/kernel/kernel.h"

#include <optional>

namespace tuned {

/// Seconds of one launch on an NVIDIA device; `options` has the launch options (num_warps, num_stages,
/// num_ctas, compiler, …), and `uniqueBytes` is what all arguments hold together. Nothing: the device is of
/// no kind the model knows, the launch needs more than it has, or the options or the work are of no launch
/// (no warps, a negative size). A roofline for each multiprocessor
/// (Williams, Waterman and Patterson, Roofline, 2009) over waves of resident programs, with what a program
/// waits for in each step of its loop where neither neighbours nor stages cover it.
std::optional<double> analyticSeconds(const ProgramWork& work, const Configuration& options,
                                      double uniqueBytes, const DeviceInfo& device);

} // namespace tuned
