// What a served answer costs: a hit's round trip to the daemon, a hit in the client's memory, the daemon's
// memory when it is idle. One JSON line; fails beyond 150 us, 200 ns and 40 MB in an optimised build.
#include "tests/e2e/daemon_process.h"
#include "tests/e2e/kernels.h"

#include <algorithm>
#include <chrono>
#include <iostream>

using namespace tuned;
using namespace tuned::e2e;
using Clock = std::chrono::steady_clock;

namespace {
double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Resident bytes of a process, or of one share of it ("VmRSS:", "RssAnon:").
double resident(pid_t process, const std::string& key) {
  std::ifstream in("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) return std::stod(line.substr(key.size())) * 1024;
  return -1;
}

Result<nlohmann::json> measure(DaemonProcess& daemon) {
  auto client = daemon.connect();
  const double idleBefore = resident(daemon.process(), "VmRSS:");
  const auto kernel = client.submit(document("bench_copy", elementwise(storeCopy)).dump());
  if (!kernel) return fail(kernel.error());
  protocol::TuneRequest tuning;
  tuning.kernel = kernel->id;
  tuning.sizes = {{"n_elements", 4096}};
  tuning.device = "cpu";
  const auto job = client.tune(tuning);
  if (!job) return fail(job.error());
  if (job->state != "done") return fail(job->error.value_or(Error{ErrorKind::Internal, "no winner"}));

  protocol::BestRequest request;
  request.kernel = kernel->id;
  request.sizes = tuning.sizes;
  request.device = "cpu";
  std::vector<double> trips;
  for (int i = 0; i < 5000; ++i) {
    const auto start = Clock::now();
    const auto answer = client.ask(request);
    if (!answer) return fail(answer.error());
    if (i >= 500) trips.push_back(secondsSince(start));
  }
  std::ranges::sort(trips);

  constexpr int hits = 1'000'000;
  if (auto first = client.best(request.kernel, request.sizes, request.device); !first)
    return fail(first.error());
  const auto start = Clock::now();
  for (int i = 0; i < hits; ++i)
    if (auto hit = client.best(request.kernel, request.sizes, request.device); !hit) return fail(hit.error());
  const double hit = secondsSince(start) / hits;
  return nlohmann::json{{"round_trip_p50_us", trips[trips.size() / 2] * 1e6},
                        {"round_trip_p95_us", trips[trips.size() * 95 / 100] * 1e6},
                        {"memory_hit_ns", hit * 1e9},
                        {"idle_megabytes", idleBefore / 1e6},
                        {"after_work_megabytes", resident(daemon.process(), "VmRSS:") / 1e6}};
}
} // namespace

int main() {
  DaemonProcess daemon;
  const auto figures = measure(daemon);
  if (!figures) {
    std::cerr << figures.error().text() << '\n' << daemon.log();
    return 1;
  }
  std::cout << figures->dump() << '\n';
#ifdef NDEBUG
  const auto within = [&](const char* key, double limit) {
    if ((*figures)[key].get<double>() <= limit) return true;
    std::cerr << key << " is beyond " << limit << '\n';
    return false;
  };
  const bool kept =
      within("round_trip_p50_us", 150) & within("memory_hit_ns", 200) & within("idle_megabytes", 40);
  return kept ? 0 : 1;
#else
  return 0;
#endif
}
