// What the runner prints.
#pragma once

#include "tests/conformance/known.h"
#include "tests/conformance/run/execute.h"

namespace tuned::conformance {

class Report {
public:
  Report(std::string device, std::vector<Known> known, bool json)
      : device_(std::move(device)), known_(std::move(known)), json_(json) {}

  /// A line for a failure (all results as JSON with `json`). True when no row of the known list covers it. A
  /// refusal is no failure.
  bool add(const CaseResult& result);
  /// What the evaluator thinks of a failed case.
  void addOpinion(const std::string& id, const std::string& opinion) const;
  /// Median and 95th percentile of compile time, and the ten slowest with where the time went.
  void printTiming() const;
  /// "N passed, N failed (N of them wrong), N refused, N skipped" on a line of its own; before it, what was
  /// refused and how often.
  void printSummary(size_t skipped) const;

  size_t failed() const { return failed_; }
  /// Failures that no row of the known list covers.
  size_t unexpected() const { return unexpected_; }

private:
  std::string device_;
  std::vector<Known> known_;
  bool json_;
  std::vector<CaseResult> results_;
  size_t passed_ = 0, failed_ = 0, wrong_ = 0, unexpected_ = 0;
  std::map<std::string, size_t> refused_; ///< by what the compiler refused
};

} // namespace tuned::conformance
