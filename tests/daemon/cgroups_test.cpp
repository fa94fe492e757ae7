// Workers in cgroups of their own. Limits are tried where this machine gives the test a cgroup that it may
// divide, which as a rule takes root and version 2 with nothing of version 1; elsewhere the test says that it
// was skipped.
#include "daemon/worker_pool/cgroups.h"
#include "daemon/worker_pool/pool.h"
#include "tests/daemon/scratch.h"

#include <csignal>
#include <doctest/doctest.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace tuned;
using namespace tuned::test;
namespace fs = std::filesystem;

namespace {

void write(const std::string& file, const std::string& text) {
  std::ofstream(file) << text << std::flush;
}
std::string read(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A cgroup in which this process is alone, until the object's end; empty path: none can be had.
struct OwnCgroup {
  std::string home, path;
  OwnCgroup() {
    auto own = Cgroups::own();
    if (!own) return;
    home = *own;
    write(home + "/cgroup.subtree_control", "+memory +pids");
    const std::string made = home + "/tuned-test-" + std::to_string(::getpid());
    std::error_code error;
    if (!fs::create_directory(made, error)) return;
    write(made + "/cgroup.procs", "0");
    path = made;
    if (read(made + "/cgroup.procs") == std::to_string(::getpid()) + "\n" &&
        read(made + "/cgroup.controllers").find("memory") != std::string::npos)
      return;
    leave();
  }
  ~OwnCgroup() { leave(); }
  void leave() {
    if (path.empty()) return;
    write(home + "/cgroup.procs", "0");
    ::rmdir((path + "/daemon").c_str());
    ::rmdir(path.c_str());
    path.clear();
  }
};

/// Names of the workers' cgroups.
int workersIn(const std::string& folder) {
  int out = 0;
  for (const auto& entry : fs::directory_iterator(folder))
    out += entry.path().filename().string().starts_with("worker-");
  return out;
}

} // namespace

TEST_CASE("a cgroup that is not this process's alone is left as it is, with the reason") {
  Scratch folder;
  CHECK(Cgroups::open(folder.path()).error().message.find("No such file") != std::string::npos);
  write(folder / "cgroup.procs", std::to_string(::getpid()) + "\n");
  write(folder / "cgroup.subtree_control", "");
  write(folder / "cgroup.controllers", "cpu io pids\n");
  CHECK(Cgroups::open(folder.path()).error().message.find("no controller memory") != std::string::npos);
  write(folder / "cgroup.controllers", "cpu io memory pids\n");
  write(folder / "cgroup.procs", std::to_string(::getpid()) + "\n1\n");
  auto shared = Cgroups::open(folder.path());
  CHECK(shared.error().kind == ErrorKind::Unavailable);
  CHECK(shared.error().message.find("other processes") != std::string::npos);
  CHECK(shared.error().remedy.find("Delegate") != std::string::npos);
  CHECK_FALSE(fs::exists(folder / "daemon"));
  // A folder that only looks like one: what was begun is taken back.
  write(folder / "cgroup.procs", std::to_string(::getpid()) + "\n");
  CHECK(Cgroups::open(folder.path()).error().kind == ErrorKind::Unavailable);
  CHECK_FALSE(fs::exists(folder / "daemon"));
}

TEST_CASE("a worker has the memory and the processes that its cgroup gives, and leaves nothing behind") {
  OwnCgroup own;
  if (own.path.empty()) {
    MESSAGE("skipped: no cgroup that this test may divide");
    return;
  }
  fs::create_directory(own.path + "/worker-99"); // of a daemon that was killed
  auto cgroups = Cgroups::open(own.path);
  REQUIRE_MESSAGE(cgroups, (cgroups ? "" : cgroups.error().text()));
  CHECK(workersIn(own.path) == 0);
  pid_t orphan = 0;
  {
    WorkerPool workers({{CRASHING_WORKER, {}, *cgroups, {int64_t{64} << 20, 20}}, 1, true});
    auto pid = workers.call("k", {{"op", "pid"}}, 30);
    REQUIRE(pid);
    CHECK(workersIn(own.path) == 1);
    CHECK(read("/proc/" + std::to_string(pid->get<pid_t>()) + "/cgroup").find("/worker-1") !=
          std::string::npos);
    CHECK(workers.call("k", {{"op", "fill"}, {"bytes", 16 << 20}}, 30));
    auto threads = workers.call("k", {{"op", "threads"}, {"most", 100}}, 30);
    REQUIRE(threads);
    CHECK(threads->get<int>() < 20);
    auto died = workers.call("hungry", {{"op", "fill"}, {"bytes", 256 << 20}}, 60);
    CHECK(died.error().message.find("more memory than a worker may") != std::string::npos);
    CHECK(workers.ledger().refusal("hungry")); // three times, as any crash
    auto child = workers.call("k", {{"op", "orphan"}}, 30);
    REQUIRE(child);
    orphan = child->get<pid_t>();
    CHECK(::kill(orphan, 0) == 0);
  }
  CHECK(workersIn(own.path) == 0);
  CHECK((::kill(orphan, 0) != 0 ||
         read("/proc/" + std::to_string(orphan) + "/stat").find(") Z") != std::string::npos));
}
