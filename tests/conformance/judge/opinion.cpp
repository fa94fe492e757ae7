#include "tests/conformance/judge/opinion.h"

namespace tuned::conformance {

std::string opinion(const CaseResult& evaluator, const CaseResult& backend) {
  if (!evaluator.compared) return "the evaluator has none: " + evaluator.reason;
  if (evaluator.passed && backend.passed)
    return "the evaluator agrees with both: the difference is at the edge of what is allowed";
  if (evaluator.passed) return "the backend stands alone: the evaluator agrees with the recording";
  if (backend.passed) return "the recording stands alone: the evaluator agrees with the backend";
  if (!backend.compared) return "the evaluator differs from the recording: " + evaluator.reason;
  return "all three differ; the evaluator: " + evaluator.reason;
}

void askEvaluator(const std::string& root, const std::vector<std::string>& ids, const PoolOptions& options,
                  const std::function<void(const std::string&, const std::string&)>& onOpinion) {
  PoolOptions recorded = options, mutual = options;
  recorded.execute.device = mutual.execute.against = "reference";
  recorded.execute.compiler.clear();
  std::map<std::string, CaseResult> byRecording;
  runCases(root, ids, recorded, [&](const CaseResult& result) { byRecording[result.id] = result; });
  runCases(root, ids, mutual,
           [&](const CaseResult& result) { onOpinion(result.id, opinion(byRecording[result.id], result)); });
}

} // namespace tuned::conformance
