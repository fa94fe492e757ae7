// The evaluator's opinion of cases whose results differ from the recording: which of the three stands alone.
#pragma once

#include "tests/conformance/run/pool.h"

namespace tuned::conformance {

/// `evaluator` judged the evaluator by the recording, `backend` the device by the evaluator.
std::string opinion(const CaseResult& evaluator, const CaseResult& backend);

/// Runs the cases on the evaluator, twice: judged by the recording, and judging `options.execute.device`.
/// Hands out (case, opinion) pairs as they come.
void askEvaluator(const std::string& root, const std::vector<std::string>& ids, const PoolOptions& options,
                  const std::function<void(const std::string&, const std::string&)>& onOpinion);

} // namespace tuned::conformance
