// What is asked beside the problem: which configurations, how exact, timed how. An answer is bound to it.
#pragma once

#include "base/model/objective.h"
#include "daemon/store/records.h"
#include "ir/kernel/kernel.h"

#include <string>

namespace tuned {

/// How measurements of this daemon are made for an objective; one made otherwise answers another question.
/// Weights are no part of it: what was measured for one pair of them serves all.
const char* policyOf(const Objective& objective);

/// The identity of the question that the document asks of its kernel: tolerance, parameters with their
/// values, constraints, default, policy and objective.
std::string questionOf(const Kernel& kernel, const Objective& objective = {});

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

/// The configuration for any address, by the target's own compiler.
Configuration forAnyAddress(Configuration configuration);

/// Whether it is an answer to a launch that breaks conditions: of a build that has none like them.
bool answersWithout(const Kernel& kernel, const Sizes& sizes, const store::MeasurementRecord& record,
                    const std::vector<LaunchCondition>& broken, const Objective& objective = {});

/// Whether a measurement of another time is an answer to what the document asks now.
bool answers(const Kernel& kernel, const Sizes& sizes, const store::MeasurementRecord& record,
             const Objective& objective = {});

} // namespace tuned
