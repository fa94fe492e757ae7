#include "tests/conformance/judge/report.h"

#include <algorithm>
#include <cstdio>

namespace tuned::conformance {
namespace {

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())))];
}

} // namespace

bool Report::add(const CaseResult& result) {
  bool refused = !result.refused.empty();
  const Known* known = result.passed || refused ? nullptr : findKnown(known_, result.id, device_);
  if (refused)
    ++refused_[result.refused];
  else
    (result.passed ? passed_ : failed_) += 1;
  if (!result.passed && result.compared) ++wrong_;
  if (!result.passed && !refused && !known) ++unexpected_;
  if (json_) {
    nlohmann::json line = result;
    if (known) line["known"] = known->reason;
    std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else if (!result.passed && !refused) {
    std::printf("%s %s: %s\n", known ? "KNOWN" : "FAIL ", result.id.c_str(), result.reason.c_str());
    if (known) std::printf("      known: %s\n", known->reason.c_str());
    for (const std::string& difference : result.differences)
      std::printf("      %s\n", difference.c_str());
  }
  std::fflush(stdout);
  results_.push_back(result);
  return !result.passed && !refused && !known;
}

void Report::addOpinion(const std::string& id, const std::string& opinion) const {
  if (json_)
    std::printf("%s\n", nlohmann::json{{"case", id}, {"opinion", opinion}}.dump().c_str());
  else
    std::printf("      %s: %s\n", id.c_str(), opinion.c_str());
  std::fflush(stdout);
}

void Report::printTiming() const {
  std::vector<const CaseResult*> compiled;
  std::vector<double> seconds;
  std::map<std::string, std::vector<double>> phases;
  for (const CaseResult& result : results_) {
    if (result.compileTotal <= 0) continue;
    compiled.push_back(&result);
    seconds.push_back(result.compileTotal);
    for (const auto& [phase, time] : result.compileSeconds)
      phases[phase].push_back(time);
  }
  std::printf("compile time of %zu cases: median %.1f ms, 95th percentile %.1f ms\n", seconds.size(),
              1e3 * quantile(seconds, 0.5), 1e3 * quantile(seconds, 0.95));
  for (const auto& [phase, times] : phases)
    std::printf("  %-12s median %.2f ms, 95th percentile %.2f ms\n", phase.c_str(),
                1e3 * quantile(times, 0.5), 1e3 * quantile(times, 0.95));
  std::ranges::sort(compiled, std::greater{}, &CaseResult::compileTotal);
  for (size_t i = 0; i < std::min<size_t>(10, compiled.size()); ++i) {
    std::printf("  %8.1f ms %s:", 1e3 * compiled[i]->compileTotal, compiled[i]->id.c_str());
    for (const auto& [phase, time] : compiled[i]->compileSeconds)
      std::printf(" %s %.1f", phase.c_str(), 1e3 * time);
    std::printf("\n");
  }
}

void Report::printSummary(size_t skipped) const {
  std::vector<std::pair<size_t, std::string>> refusals;
  size_t refused = 0;
  for (const auto& [what, count] : refused_) {
    refusals.emplace_back(count, what);
    refused += count;
  }
  std::ranges::sort(refusals, std::greater{});
  for (const auto& [count, what] : refusals)
    std::printf("refused %4zu  %s\n", count, what.c_str());
  std::printf("%zu passed, %zu failed (%zu of them wrong), %zu refused, %zu skipped\n", passed_, failed_,
              wrong_, refused, skipped);
}

} // namespace tuned::conformance
