// Cases in child processes, so that a crash, a hang or a lost device is one failed case.
#pragma once

#include "tests/conformance/run/execute.h"

#include <functional>

namespace tuned::conformance {

struct PoolOptions {
  int jobs = 1;
  double deadlineSeconds = 60; ///< of one case; its child is killed after that
  ExecuteOptions execute;
};

/// Runs the cases and hands each result out as it comes, from one thread. Children are forked before any
/// device is opened; the parent never opens one.
void runCases(const std::string& root, const std::vector<std::string>& ids, const PoolOptions& options,
              const std::function<void(const CaseResult&)>& onResult);

} // namespace tuned::conformance
