// What CUDA's device library has beyond libm: directed rounding, conversions, integer and bit functions.
#pragma once

#include <map>
#include <string>

namespace tuned::cpu {

/// `__nv_…` names to host functions of the same parameters and results (int32_t, int64_t, float, double), as
/// libdevice's documentation defines them.
const std::map<std::string, const void*>& libdeviceSymbols();

} // namespace tuned::cpu
