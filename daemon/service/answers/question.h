// What is asked beside the problem: which configurations, how exact, timed how. An answer is bound to it.
#pragma once

#include "daemon/store/records.h"
#include "ir/kernel/kernel.h"

#include <string>

namespace tuned {

/// How measurements of this daemon are made; one made otherwise answers another question.
constexpr const char* measuringPolicy = "cold";

/// The identity of the question that the document asks of its kernel: tolerance, parameters with their
/// values, constraints, default and policy.
std::string questionOf(const Kernel& kernel);

/// Whether the present document has the configuration in its space: all parameters with listed values, launch
/// options as the default fixes them, constraints kept. Nothing is enumerated.
bool inSpace(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes);

/// Whether a verdict holds under the kernel's tolerance.
enum class Holds {
  Yes,     ///< judged at least as strictly, or so near that it follows; or nobody can judge
  Unknown, ///< another tolerance: only a new check can tell
  No,      ///< it failed under a tolerance no stricter than the present one asks
};
Holds holdsUnder(const Kernel& kernel, const Verdict& verdict);

/// Whether a measurement of another time is an answer to what the document asks now.
bool answers(const Kernel& kernel, const Sizes& sizes, const store::MeasurementRecord& record);

} // namespace tuned
