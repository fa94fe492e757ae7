// What a served answer costs: a hit's round trip to the daemon, a hit in the client's memory, the daemon's
// memory when it is idle. One JSON line; fails beyond 150 us, 200 ns and 40 MB in an optimised build.
//
// A round trip's time is the machine's as much as ours: beside it stand what the same bytes take between two
// processes that do nothing else, in turns in the same run, and the processor's time on either side. The
// client's has in it that it watches its socket until the answer is there instead of sleeping
// (client/connection.cpp); what it does itself, writing the question and reading the answer, stands beside
// it.
#include "base/clock.h"
#include "client/protocol/json.h"
#include "tests/bench/socket_echo.h"
#include "tests/e2e/daemon_process.h"
#include "tests/e2e/kernels.h"

#include <algorithm>
#include <chrono>
#include <iostream>

using namespace tuned;
using namespace tuned::e2e;
using Clock = std::chrono::steady_clock;

namespace {
/// Seconds of processor time that a process's threads have had.
double processorSeconds(const std::string& process) {
  double nanoseconds = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + process + "/task")) {
    double spent = 0;
    std::ifstream(thread.path() / "schedstat") >> spent;
    nanoseconds += spent;
  }
  return nanoseconds * 1e-9;
}

double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
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
  const auto first = client.ask(request);
  if (!first) return fail(first.error());
  bench::SocketEcho echo(400, protocol::toText(*first).size() + 110);
  std::vector<double> trips, bare;
  double ours = 0, theirs = 0;
  constexpr int rounds = 20, inRound = 250;
  const std::string process = std::to_string(daemon.process());
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < inRound; ++i) {
      const auto start = Clock::now();
      if (!echo.exchange()) return fail(ErrorKind::Internal, "the echo has ended");
      bare.push_back(secondsSince(start));
    }
    ours -= processorSeconds("self");
    theirs -= processorSeconds(process);
    for (int i = 0; i < inRound; ++i) {
      const auto start = Clock::now();
      const auto answer = client.ask(request);
      if (!answer) return fail(answer.error());
      trips.push_back(secondsSince(start));
    }
    ours += processorSeconds("self");
    theirs += processorSeconds(process);
  }

  std::vector<double> texts;
  const std::string text = protocol::toText(*first);
  for (int i = 0; i < rounds * inRound; ++i) {
    const auto start = Clock::now();
    if (protocol::toText(request).empty() || !protocol::fromText<protocol::Answer>(text))
      return fail(ErrorKind::Internal, "the answer cannot be read");
    texts.push_back(secondsSince(start));
  }

  // In short runs, of which most are not interrupted by another program.
  constexpr int runs = 1000, hits = 1000;
  if (auto kept = client.best(request.kernel, request.sizes, request.device); !kept)
    return fail(kept.error());
  std::vector<double> memory;
  for (int run = 0; run < runs; ++run) {
    const auto start = Clock::now();
    for (int i = 0; i < hits; ++i)
      if (auto hit = client.best(request.kernel, request.sizes, request.device); !hit)
        return fail(hit.error());
    memory.push_back(secondsSince(start) / hits);
  }
  const double median = quantile(trips, 0.5), bareMedian = quantile(bare, 0.5);
  return nlohmann::json{{"round_trip_p50_us", median * 1e6},
                        {"round_trip_p95_us", quantile(trips, 0.95) * 1e6},
                        {"round_trip_min_us", quantile(trips, 0) * 1e6},
                        {"bare_socket_p50_us", bareMedian * 1e6},
                        {"times_bare_socket", median / bareMedian},
                        {"client_processor_us", ours / (rounds * inRound) * 1e6},
                        {"client_text_us", quantile(texts, 0.5) * 1e6},
                        {"answer_bytes", text.size()},
                        {"daemon_processor_us", theirs / (rounds * inRound) * 1e6},
                        {"memory_hit_ns", quantile(memory, 0.5) * 1e9},
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
