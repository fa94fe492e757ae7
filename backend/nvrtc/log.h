// What NVRTC says of a source it refuses.
#pragma once

#include "base/error.h"

#include <string>

namespace tuned::nvrtc {

/// The first error of a compiler's log, with its place: `programName` stands for `sourceName` there, any
/// other name is a header's spelling. The message is the compiler's own; a second error and more are counted.
/// What ptxas refuses for want of registers or shared memory is OutOfResources, all else InvalidInput.
Error errorFromLog(const std::string& log, const std::string& programName, const std::string& sourceName);

} // namespace tuned::nvrtc
