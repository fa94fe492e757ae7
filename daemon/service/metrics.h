// Counters of the daemon as Prometheus reads them. Adding to one is an atomic addition.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace tuned {

class Metrics {
public:
  std::atomic<uint64_t> hits = 0, misses = 0, staleAnswers = 0;
  std::atomic<uint64_t> jobsStarted = 0, jobsJoined = 0, jobsDone = 0, jobsFailed = 0, jobsCancelled = 0;
  std::atomic<uint64_t> buildsMade = 0, buildsReused = 0;
  std::atomic<uint64_t> connections = 0, connectionsOpen = 0, rejected = 0;

  /// One answered request.
  void request(int status, double seconds);
  void trial(const std::string& outcome);
  /// The text exposition format, with `gauges` (name, with labels or without, to value) after the counters.
  std::string text(const std::map<std::string, double>& gauges) const;

private:
  static constexpr std::array<double, 10> bounds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001,
                                                    0.005,   0.025,  0.1,     1,      10};
  std::array<std::atomic<uint64_t>, bounds.size() + 1> buckets_ = {};
  std::atomic<double> requestSeconds_ = 0;
  std::array<std::atomic<uint64_t>, 6> statuses_ = {}; ///< by the hundreds
  mutable std::mutex mutex_;
  std::map<std::string, uint64_t> trials_; ///< by outcome
};

} // namespace tuned
