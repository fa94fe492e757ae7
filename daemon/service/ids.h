/// Names of jobs and studies.
#pragma once

#include <string>

namespace tuned {

/// 16 hexadecimal digits of the system's randomness.
std::string newId();

} // namespace tuned
