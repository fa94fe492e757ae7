#include "daemon/worker_pool/process.h"

#include "daemon/worker_pool/strays.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tuned {

namespace {

/// What a worker may know of the daemon's environment: where tools and devices are. All set by whoever
/// started the daemon.
constexpr const char* handedOn[] = {
    "PATH",
    "LD_LIBRARY_PATH",
    "GPU_TUNED_TOOLCHAIN",
    "CUDA_HOME",
    "CUDA_PATH",
    "VIRTUAL_ENV",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "CUDA_MPS_PIPE_DIRECTORY",
    "NVIDIA_VISIBLE_DEVICES",
    "GPU_TUNED_ISOLATION",
    "GPU_TUNED_CPU_TILES",
#ifdef TUNED_SANITIZED
    "ASAN_OPTIONS",
    "TSAN_OPTIONS",
    "UBSAN_OPTIONS",
    "LSAN_OPTIONS",
#endif
};

std::vector<std::string> environmentFor(const WorkerFolder& folder) {
  std::vector<std::string> out = {"LANG=C.UTF-8", "HOME=" + folder.path(), "TMPDIR=" + folder.path(),
                                  // The driver keeps no files of what it compiles: it may write nowhere.
                                  "CUDA_CACHE_DISABLE=1"};
  for (const char* name : handedOn)
    if (const char* value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
  return out;
}

std::vector<char*> pointersTo(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts)
    out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// That a worker may ask about one request; each costs the daemon a turn of a thread.
constexpr int mostQuestions = 64;

const std::string folderPrefix = "gpu-tuned-worker-";

/// The daemon's number in a folder's name; 0 when it is none of ours.
pid_t daemonOf(const std::string& name) {
  if (!name.starts_with(folderPrefix)) return 0;
  return static_cast<pid_t>(std::strtol(name.c_str() + folderPrefix.size(), nullptr, 10));
}

/// Everything posix_spawn is told: descriptor 3 is the channel and the last one, standard input is empty,
/// signals are as new.
struct SpawnSettings {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};

  explicit SpawnSettings(int channel) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, channel, 3);
    posix_spawn_file_actions_addclosefrom_np(&actions, 4);
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
  auto folder = WorkerFolder::make();
  if (!folder) return fail(folder.error());
  std::optional<Cgroup> group;
  if (command.cgroups) {
    auto made = command.cgroups->make(command.limits);
    if (!made) return fail(made.error());
    group.emplace(std::move(*made));
  }
  std::vector<std::string> arguments = command.arguments, environment = environmentFor(*folder);
  arguments.insert(arguments.begin(), command.program);
  SpawnSettings settings(theirs.descriptor());
  pid_t pid = -1;
  int code = 0;
  strays::startWorker([&] {
    code = ::posix_spawn(&pid, command.program.c_str(), &settings.actions, &settings.attributes,
                         pointersTo(arguments).data(), pointersTo(environment).data());
    return code == 0 ? pid : -1;
  });
  if (code != 0)
    return fail(ErrorKind::Unavailable, "cannot start " + command.program + ": " + std::strerror(code),
                "it is installed beside the daemon; reinstall");
  // A child of the worker's may hold its end of the channel for longer. By the system call: what glibc 2.36
  // declares cannot be linked from C++.
  ours.watch(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  std::unique_ptr<WorkerProcess> worker(
      new WorkerProcess(pid, std::move(ours), std::move(*folder), std::move(group)));
  // Before it is asked for anything; what it does until then is our own program's start.
  if (worker->group_ && !worker->group_->add(pid))
    return fail(ErrorKind::Unavailable,
                "cannot move a worker into " + worker->group_->path() + ": " + std::strerror(errno));
  return worker;
}

Result<WorkerFolder> WorkerFolder::make() {
  std::error_code error;
  const auto place = std::filesystem::temp_directory_path(error);
  std::string pattern = place / (folderPrefix + std::to_string(::getpid()) + "-XXXXXX");
  if (error || !::mkdtemp(pattern.data()))
    return fail(ErrorKind::Unavailable,
                "cannot make a folder for a worker: " + pattern + ": " + std::strerror(errno),
                "name a place for temporary files in TMPDIR, or make room there");
  return WorkerFolder(pattern);
}

WorkerFolder::~WorkerFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

void WorkerFolder::sweep() {
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::temp_directory_path(error), error)) {
    const pid_t daemon = daemonOf(entry.path().filename());
    std::error_code ignored;
    if (daemon > 0 && ::kill(daemon, 0) != 0 && errno == ESRCH)
      std::filesystem::remove_all(entry.path(), ignored);
  }
}

bool WorkerProcess::alive() {
  if (pid_ <= 0) return false;
  siginfo_t information{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &information, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      information.si_pid == pid_)
    reap();
  return pid_ > 0;
}

WorkerProcess::~WorkerProcess() {
  kill();
}

void WorkerProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  reap();
}

/// Waits for the end of the process, which has come or is certain; says how it came. What it left behind
/// goes, too.
std::string WorkerProcess::reap() {
  const int status = strays::reapWorker(std::exchange(pid_, -1));
  if (WIFSIGNALED(status)) {
    deathSignal_ = WTERMSIG(status);
    ranOutOfMemory_ = group_ && group_->ranOutOfMemory();
    if (ranOutOfMemory_) return "it took more memory than a worker may";
    return std::string("killed by ") + sigabbrev_np(deathSignal_) + ", " + strsignal(deathSignal_);
  }
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}

Result<nlohmann::json> WorkerProcess::converse(const nlohmann::json& request, Deadline deadline,
                                               const std::stop_token& stop, const Answering& answering) {
  if (auto sent = channel_.send(request, deadline, stop); !sent) return fail(sent.error());
  for (int questions = 0;; ++questions) {
    auto message = channel_.receive(deadline, stop);
    if (!message || !message->is_object() || !message->contains("asks")) return message;
    if (questions == mostQuestions)
      return fail(ErrorKind::InvalidInput, "it asked more than " + std::to_string(mostQuestions) + " times");
    const auto reply = answering ? answering(message->at("asks")) : nlohmann::json::object();
    if (auto sent = channel_.send(reply, deadline, stop); !sent) return fail(sent.error());
  }
}

Result<nlohmann::json> WorkerProcess::call(const nlohmann::json& request, Deadline deadline,
                                           const std::stop_token& stop, const Answering& answering) {
  if (!alive()) return fail(ErrorKind::Faulted, "the worker is not running");
  auto answer = converse(request, deadline, stop, answering);
  if (answer) return answer;
  if (answer.error().kind == ErrorKind::TimedOut || answer.error().kind == ErrorKind::Denied) {
    kill();
    return answer;
  }
  // The channel closes a moment before the process can be reaped.
  bool ended = false;
  for (int i = 0; i < 100 && !ended && answer.error().kind == ErrorKind::Unavailable; ++i) {
    siginfo_t information{};
    ended = ::waitid(P_PID, static_cast<id_t>(pid_), &information, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            information.si_pid == pid_;
    if (!ended) ::usleep(10'000);
  }
  if (ended) return fail(ErrorKind::Faulted, "the worker died: " + reap());
  // One that closed it and lives, or that says what is no answer, is of no use either. Its end is our doing.
  kill();
  deathSignal_ = 0;
  return fail(ErrorKind::Faulted, "the worker is out of order: " + answer.error().message);
}

} // namespace tuned
