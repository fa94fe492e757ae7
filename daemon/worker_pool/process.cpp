#include "daemon/worker_pool/process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace tuned {

namespace {

/// Everything posix_spawn is told: descriptor 3 is the channel, standard input is empty, signals are as new.
struct SpawnSettings {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};

  explicit SpawnSettings(int channel) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, channel, 3);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

} // namespace

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::start(const WorkerCommand& command) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(ErrorKind::Unavailable, std::string("socketpair: ") + std::strerror(errno));
  // dup2 onto itself would keep close-on-exec: move the child's end out of the way of 3.
  if (ends[1] == 3) {
    ends[1] = ::fcntl(3, F_DUPFD_CLOEXEC, 4);
    ::close(3);
  }
  Channel ours(ends[0]), theirs(ends[1]);
  std::vector<char*> arguments{const_cast<char*>(command.program.c_str())};
  for (const std::string& argument : command.arguments)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  SpawnSettings settings(theirs.descriptor());
  pid_t pid = -1;
  if (int code = ::posix_spawn(&pid, command.program.c_str(), &settings.actions, &settings.attributes,
                               arguments.data(), environ))
    return fail(ErrorKind::Unavailable, "cannot start " + command.program + ": " + std::strerror(code),
                "it is installed beside the daemon; reinstall");
  return std::unique_ptr<WorkerProcess>(new WorkerProcess(pid, std::move(ours)));
}

WorkerProcess::~WorkerProcess() {
  kill();
}

void WorkerProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  reap();
}

/// Waits for the end of the process; says how it came.
std::string WorkerProcess::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFSIGNALED(status)) {
    deathSignal_ = WTERMSIG(status);
    return std::string("killed by ") + sigabbrev_np(deathSignal_) + ", " + strsignal(deathSignal_);
  }
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}

Result<nlohmann::json> WorkerProcess::call(const nlohmann::json& request, Deadline deadline,
                                           std::stop_token stop) {
  if (!alive()) return fail(ErrorKind::Faulted, "the worker is not running");
  auto sent = channel_.send(request, deadline, stop);
  Result<nlohmann::json> answer = sent ? channel_.receive(deadline, stop) : fail(sent.error());
  if (answer) return answer;
  if (answer.error().kind == ErrorKind::TimedOut || answer.error().kind == ErrorKind::Denied) {
    kill();
    return answer;
  }
  // The channel closes a moment before the process can be reaped; a worker that only closed it is of no use
  // either.
  for (int i = 0; i < 100; ++i) {
    siginfo_t information{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &information, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        information.si_pid == pid_)
      break;
    ::usleep(10'000);
    if (i == 99) ::kill(pid_, SIGKILL);
  }
  return fail(ErrorKind::Faulted, "the worker died: " + reap());
}

} // namespace tuned
