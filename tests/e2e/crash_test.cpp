// Daemon, workers and disk fail in the middle of a tuning: nothing acknowledged is lost, and the tuning goes
// on.
#include "client/protocol.h"
#include "daemon_process.h"
#include "kernels.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <set>
#include <sys/resource.h>

using namespace tuned;
using namespace tuned::e2e;
using nlohmann::json;

namespace {

constexpr int64_t spaceSize = 10;

/// Documents of other factors are other kernels.
json wideDocument(const std::string& name, int factor = 2) {
  json out = document(name, elementwise(storeScaled(factor)));
  out["parameters"]["BLOCK_SIZE"] = {16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};
  return out;
}

protocol::TuneRequest requestFor(client::Client& client, const json& document) {
  const auto kernel = client.submit(document.dump());
  REQUIRE_MESSAGE(kernel, kernel.error().text());
  protocol::TuneRequest request;
  request.kernel = kernel->id;
  request.sizes = {{"n_elements", 500'000}};
  request.device = "cpu";
  return request;
}

struct Halfway {
  protocol::TuneRequest request;
  std::string job;
};

/// A tuning that waits in its middle: some trials are done, some are not. A machine that gives this process
/// no time may be through with one before it is told to wait; then another is begun.
Halfway halfway(client::Client& client, const std::string& name, int trials) {
  for (int factor = 2; factor < 22; ++factor) {
    const auto request = requestFor(client, wideDocument(name, factor));
    const auto job = client.start(request);
    REQUIRE_MESSAGE(job, job.error().text());
    (void)client.watch(job->id, [&](const protocol::Event& event) {
      if (event.job.tried < trials) return true;
      REQUIRE(client.pause(true));
      return false;
    });
    const auto jobs = client.jobs();
    REQUIRE_MESSAGE(jobs, jobs.error().text());
    const auto now = std::ranges::find(jobs->jobs, job->id, &protocol::JobStatus::id);
    REQUIRE(now != jobs->jobs.end());
    if (now->state == "running" && now->tried <= spaceSize / 2) return {request, job->id};
    REQUIRE(client.pause(false));
    (void)client.watch(job->id);
  }
  FAIL("no tuning could be met in its middle");
  return {};
}

/// The processes that the daemon started.
std::vector<pid_t> childrenOf(pid_t daemon) {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    std::istringstream rest(text.substr(std::min(text.size(), text.rfind(')') + 2)));
    char state = 0;
    pid_t parent = 0;
    if (rest >> state >> parent && parent == daemon) out.push_back(std::stoi(name));
  }
  return out;
}

std::map<protocol::Values, int> trialsByConfiguration(client::Client& client, const std::string& kernel) {
  std::map<protocol::Values, int> out;
  const auto trials = client.trials(kernel);
  REQUIRE_MESSAGE(trials, trials.error().text());
  for (const auto& trial : trials->trials)
    ++out[trial.configuration];
  return out;
}

} // namespace

TEST_CASE("killed with -9 in mid-tuning: finished trials are there, only the missing points are tried") {
  DaemonProcess daemon;
  std::string id, kernel;
  std::map<protocol::Values, int> before;
  {
    auto client = daemon.connect();
    const Halfway tuning = halfway(client, "crash_resume", 3);
    kernel = tuning.request.kernel;
    id = tuning.job;
    before = trialsByConfiguration(client, kernel);
    daemon.stop(SIGKILL);
  }
  REQUIRE(before.size() >= 3);
  REQUIRE(std::ssize(before) < spaceSize);
  daemon.start();
  auto client = daemon.connect();
  const auto job = client.watch(id);
  REQUIRE_MESSAGE(job, (job.error().text() + daemon.log()));
  CHECK(job->state == "done");
  CHECK(job->tried == spaceSize);
  REQUIRE(job->answer);
  CHECK(job->answer->coverage == 1);
  const auto after = trialsByConfiguration(client, kernel);
  CHECK(std::ssize(after) == spaceSize);
  for (const auto& [configuration, count] : before)
    CHECK(after.at(configuration) == count);
}

TEST_CASE("SIGTERM in mid-tuning: a clean end, and the next daemon goes on") {
  DaemonProcess daemon;
  std::string id;
  {
    auto client = daemon.connect();
    id = halfway(client, "crash_term", 2).job;
    const int status = daemon.stop(SIGTERM);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  daemon.start();
  auto client = daemon.connect();
  const auto job = client.watch(id);
  REQUIRE_MESSAGE(job, (job.error().text() + daemon.log()));
  CHECK(job->state == "done");
  CHECK(job->tried == spaceSize);
}

TEST_CASE("workers killed in mid-job are replaced, and no configuration is blamed") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  const Halfway tuning = halfway(client, "crash_workers", 1);
  REQUIRE(client.pause(false));
  size_t killed = 0;
  for (int round = 0; round < 2; ++round) {
    for (const pid_t worker : childrenOf(daemon.process()))
      killed += kill(worker, SIGKILL) == 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  CHECK(killed > 0);
  const auto ended = client.watch(tuning.job);
  REQUIRE_MESSAGE(ended, ended.error().text());
  CHECK_MESSAGE(ended->state == "done", daemon.log());
  REQUIRE(ended->outcomes.contains("timed"));
  CHECK(ended->outcomes.at("timed") == spaceSize);
}

TEST_CASE("workers end with a daemon that is killed") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  halfway(client, "crash_orphans", 1);
  const auto workers = childrenOf(daemon.process());
  REQUIRE_FALSE(workers.empty());
  daemon.stop(SIGKILL);
  const auto alive = [](pid_t worker) {
    std::ifstream file("/proc/" + std::to_string(worker) + "/stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    return !text.empty() && text.find(") Z") == std::string::npos;
  };
  for (int i = 0; i < 2400 && std::ranges::any_of(workers, alive); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  CHECK(std::ranges::none_of(workers, alive));
}

TEST_CASE("the disk fills up in mid-tuning: said so, the trials before are kept, and it goes on with space") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  const auto [request, job] = halfway(client, "crash_disk", 2);
  const rlimit full{1, RLIM_INFINITY}, space{RLIM_INFINITY, RLIM_INFINITY};
  REQUIRE(prlimit(daemon.process(), RLIMIT_FSIZE, &full, nullptr) == 0);
  REQUIRE(client.pause(false));
  const auto failed = client.watch(job);
  REQUIRE_MESSAGE(failed, failed.error().text());
  CHECK(failed->state == "failed");
  REQUIRE(failed->error);
  CHECK(failed->error->kind == ErrorKind::OutOfResources);
  CHECK(failed->error->message.find("no space") != std::string::npos);
  const auto before = trialsByConfiguration(client, request.kernel);
  CHECK(before.size() >= 2);
  REQUIRE(prlimit(daemon.process(), RLIMIT_FSIZE, &space, nullptr) == 0);
  const auto again = client.tune(request);
  REQUIRE_MESSAGE(again, again.error().text());
  CHECK(again->state == "done");
  for (const auto& [configuration, count] : trialsByConfiguration(client, request.kernel))
    CHECK(count == 1);
}

TEST_CASE("a truncated database is set aside and said so; tuning starts anew") {
  DaemonProcess daemon;
  {
    auto client = daemon.connect();
    const auto done = client.tune(requestFor(client, wideDocument("crash_truncated")));
    REQUIRE_MESSAGE(done, done.error().text());
  }
  daemon.stop(SIGTERM);
  const std::string database = daemon.folder() / "cache/tuned.db";
  std::filesystem::resize_file(database, std::filesystem::file_size(database) / 2);
  daemon.start();
  auto client = daemon.connect();
  const auto status = client.status();
  REQUIRE(status);
  CHECK(status->trials == 0);
  REQUIRE(status->problems.size() == 1);
  CHECK(status->problems[0].find("corrupt-") != std::string::npos);
  CHECK(client.tune(requestFor(client, wideDocument("crash_truncated")))->state == "done");
}
