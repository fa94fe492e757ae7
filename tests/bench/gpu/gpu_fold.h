// Sizes folded into kernel IR that takes them as arguments: what specialising does with the library's
// templates.
#pragma once

#include "base/error.h"
#include "gpu_plan.h"

namespace tuned::bench {

/// The IR with every integer argument's uses replaced by its value, shapes and strides of descriptors
/// included; the signature stays. InvalidInput: the IR does not parse, or has not the task's arguments.
Result<std::string> foldSizes(const std::string& ir, const std::string& path, const PlanTask& task);

} // namespace tuned::bench
