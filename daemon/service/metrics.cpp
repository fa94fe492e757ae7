#include "daemon/service/metrics.h"

#include <cstdio>

namespace tuned {

namespace {
/// Shortest form that reads back to the same number would need more than it gives: %.17g is exact.
void line(std::string& out, const std::string& name, const std::string& labels, double value) {
  char number[32];
  std::snprintf(number, sizeof number, "%.17g", value);
  out += "gpu_tuned_" + name + (labels.empty() ? "" : "{" + labels + "}") + " " + number + "\n";
}

void head(std::string& out, const std::string& name, const char* type, const char* help) {
  out += "# HELP gpu_tuned_" + name + " " + help + "\n# TYPE gpu_tuned_" + name + " " + type + "\n";
}
} // namespace

void Metrics::request(int status, double seconds) {
  size_t bucket = 0;
  while (bucket < bounds.size() && seconds > bounds[bucket])
    ++bucket;
  ++buckets_[bucket];
  requestSeconds_ += seconds;
  ++statuses_[static_cast<size_t>(status / 100) % statuses_.size()];
}

void Metrics::trial(const std::string& outcome) {
  std::lock_guard guard(mutex_);
  ++trials_[outcome];
}

std::string Metrics::text(const std::map<std::string, double>& gauges) const {
  std::string out;
  auto counter = [&](const char* name, const char* help, uint64_t value) {
    head(out, name, "counter", help);
    line(out, name, "", static_cast<double>(value));
  };
  counter("hits_total", "best answered from the cache", hits);
  counter("misses_total", "best answered without a winner", misses);
  counter("stale_total", "best answered by a winner of another driver or compiler", staleAnswers);
  counter("jobs_started_total", "tunings begun", jobsStarted);
  counter("jobs_joined_total", "requests that joined a tuning in flight", jobsJoined);
  counter("jobs_done_total", "tunings that found a winner", jobsDone);
  counter("jobs_failed_total", "tunings without a winner", jobsFailed);
  counter("jobs_cancelled_total", "tunings cancelled", jobsCancelled);
  counter("builds_made_total", "variants compiled, failures too", buildsMade);
  counter("builds_reused_total", "binaries that the cache had", buildsReused);
  counter("connections_total", "connections accepted", connections);
  counter("rejected_total", "requests refused before they were read whole", rejected);
  head(out, "requests_total", "counter", "requests answered, by status");
  for (size_t i = 2; i < statuses_.size(); ++i)
    line(out, "requests_total", "status=\"" + std::to_string(i) + "xx\"", static_cast<double>(statuses_[i]));
  head(out, "trials_total", "counter", "trials, by outcome");
  {
    std::lock_guard guard(mutex_);
    for (const auto& [outcome, count] : trials_)
      line(out, "trials_total", "outcome=\"" + outcome + "\"", static_cast<double>(count));
  }
  head(out, "request_seconds", "histogram", "time from a request read to its answer written");
  uint64_t sum = 0;
  for (size_t i = 0; i <= bounds.size(); ++i) {
    sum += buckets_[i];
    char bound[32] = "+Inf";
    if (i < bounds.size()) std::snprintf(bound, sizeof bound, "%g", bounds[i]);
    line(out, "request_seconds_bucket", std::string("le=\"") + bound + "\"", static_cast<double>(sum));
  }
  line(out, "request_seconds_sum", "", requestSeconds_);
  line(out, "request_seconds_count", "", static_cast<double>(sum));
  std::string last;
  for (const auto& [name, value] : gauges) {
    const size_t labels = name.find('{');
    const std::string plain = name.substr(0, labels);
    if (plain != last) head(out, plain, "gauge", "state of the daemon now");
    last = plain;
    line(out, plain, labels == std::string::npos ? "" : name.substr(labels + 1, name.size() - labels - 2),
         value);
  }
  return out;
}

} // namespace tuned
