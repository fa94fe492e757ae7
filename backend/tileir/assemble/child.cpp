#include "backend/tileir/assemble/child.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tuned::tileir {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::unexpected<Error> systemError(const std::string& what) {
  return fail(ErrorKind::Unavailable, what + ": " + std::strerror(errno));
}

void limit(int resource, int64_t most) {
  rlimit now{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) return;
  auto wanted = static_cast<rlim_t>(most);
  now.rlim_cur = now.rlim_max = std::min(now.rlim_max, wanted);
  setrlimit(static_cast<__rlimit_resource>(resource), &now);
}

/// In the new process: nothing but what is safe between fork and exec.
[[noreturn]] void become(char* const* arguments, char* const* environment, const char* folder, int output,
                         const ChildLimits& limits, pid_t parent) {
  setpgid(0, 0);
  // Whoever waits for it may be killed, at a deadline of his own; the program would then go on for nobody.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  syscall(SYS_close_range, 3u, ~0u, 0u);
  limit(RLIMIT_AS, limits.addressSpace);
  limit(RLIMIT_FSIZE, limits.fileSize);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, limits.processor.count());
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (chdir(folder) == 0) execve(arguments[0], arguments, environment);
  constexpr int cannotRun = 127;
  _exit(cannotRun);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts)
    result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

double secondsOf(const rusage& used) {
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

std::string firstPart(const fs::path& file, size_t most) {
  std::string text(most, '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(stream.gcount()));
  return text;
}

/// Whether it ended before the deadline; otherwise its whole group is killed.
bool waitUntil(pid_t child, Clock::time_point deadline) {
  int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  bool ended = false;
  while (!ended) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) break;
    pollfd poll_{handle, POLLIN, 0};
    // Without a handle (an old kernel) the child is asked for every few milliseconds.
    constexpr int64_t pause = 5;
    int ready =
        poll(&poll_, handle >= 0 ? 1 : 0, static_cast<int>(handle >= 0 ? left : std::min(left, pause)));
    if (handle >= 0) {
      ended = ready > 0;
    } else {
      siginfo_t info{};
      ended = waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
    }
  }
  if (handle >= 0) close(handle);
  return ended;
}

} // namespace

Result<ChildOutcome> runChild(const std::vector<std::string>& arguments, const std::string& folder,
                              const ChildLimits& limits) {
  std::string own = fs::path(arguments.front()).parent_path().string();
  std::vector<std::string> variables = {"PATH=" + own + ":/usr/local/bin:/usr/bin:/bin", "TMPDIR=" + folder};
  auto argumentList = pointers(arguments), environment = pointers(variables);
  fs::path log = fs::path(folder) / "output.txt";
  int output = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (output < 0) return systemError("cannot write to " + log.string());
  const pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) become(argumentList.data(), environment.data(), folder.c_str(), output, limits, parent);
  close(output);
  if (child < 0) return systemError("cannot start " + arguments.front());
  setpgid(child, child); // whoever of the two comes first
  ChildOutcome outcome;
  outcome.timedOut = !waitUntil(child, Clock::now() + limits.deadline);
  kill(-child, SIGKILL); // what it started and left behind goes too
  int status = 0;
  rusage used{};
  while (wait4(child, &status, 0, &used) < 0 && errno == EINTR) {
  }
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  // The limit may have ended a process that it started, and the program said something else of it. The system
  // counts the limit in ticks of its clock, of which a busy machine gives too many, and the use exactly.
  constexpr double counted = 0.75;
  const bool failed = outcome.status != 0 || outcome.signal != 0;
  outcome.timedOut |= failed && secondsOf(used) >= counted * static_cast<double>(limits.processor.count());
  outcome.output = firstPart(log, limits.outputKept);
  return outcome;
}

Result<TemporaryFolder> TemporaryFolder::make() {
  std::error_code error;
  fs::path parent = fs::temp_directory_path(error);
  if (error) parent = "/tmp";
  std::string path = (parent / "gpu-tuned-XXXXXX").string();
  if (!mkdtemp(path.data())) return systemError("cannot make a folder below " + parent.string());
  return TemporaryFolder(path);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

} // namespace tuned::tileir
