#include "daemon/worker_pool/strays.h"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace tuned::strays {

namespace {

struct State {
  std::mutex mutex; ///< guards all below
  bool adopting = false;
  std::set<pid_t> workers;
};

/// Never destroyed: threads may end workers while the process ends.
State& state() {
  static auto* one = new State;
  return *one;
}

/// The children of every thread of this process. Empty where the system does not tell.
std::vector<pid_t> children() {
  std::vector<pid_t> out;
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream list(thread.path() / "children");
    for (pid_t child = 0; list >> child;)
      out.push_back(child);
  }
  return out;
}

/// Ends orphans, and those that their ends make orphans, as long as there are any. One that takes its time to
/// die, or starts others faster than this ends them, is met by the next call. Under the lock.
void endOrphans(const std::set<pid_t>& workers) {
  constexpr int rounds = 100;
  for (int round = 0; round < rounds; ++round) {
    bool any = false;
    for (const pid_t child : children()) {
      if (workers.contains(child)) continue;
      any = true;
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, WNOHANG);
    }
    if (!any) return;
    ::usleep(1000);
  }
}

} // namespace

void adopt() {
  const std::lock_guard guard(state().mutex);
  state().adopting = ::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

void reapDead() {
  const std::lock_guard guard(state().mutex);
  if (!state().adopting) return;
  for (const pid_t child : children())
    if (!state().workers.contains(child)) ::waitpid(child, nullptr, WNOHANG);
}

void startWorker(const std::function<pid_t()>& spawn) {
  const std::lock_guard guard(state().mutex);
  if (const pid_t worker = spawn(); worker > 0) state().workers.insert(worker);
}

int reapWorker(pid_t worker) {
  // Its number is its own until it is reaped, and that happens under the lock: no other worker has it then.
  siginfo_t information{};
  while (::waitid(P_PID, static_cast<id_t>(worker), &information, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  const std::lock_guard guard(state().mutex);
  int status = 0;
  ::kill(-worker, SIGKILL); // what stayed in its process group, while the number is not another's
  while (::waitpid(worker, &status, 0) < 0 && errno == EINTR) {
  }
  state().workers.erase(worker);
  if (state().adopting) endOrphans(state().workers);
  return status;
}

} // namespace tuned::strays
