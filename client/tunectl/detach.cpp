#include "client/tunectl/detach.h"

#include "base/private_files.h"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tuned::tunectl {

namespace {
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// The receiving end of sd_notify(3), under a name that the kernel chooses.
class NotifySocket {
public:
  NotifySocket() : descriptor_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t size = sizeof(sa_family_t);
    (void)!::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size);
    size = sizeof address;
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
    const size_t header = offsetof(sockaddr_un, sun_path) + 1;
    if (size > header) name_ = "@" + std::string(address.sun_path + 1, size - header);
  }
  ~NotifySocket() { ::close(descriptor_); }
  NotifySocket(const NotifySocket&) = delete;
  const std::string& name() const { return name_; }

  /// What was told within a tenth of a second; often nothing.
  std::string receive() const {
    pollfd entry{descriptor_, POLLIN, 0};
    char text[4096];
    if (::poll(&entry, 1, 100) <= 0) return {};
    const ssize_t count = ::recv(descriptor_, text, sizeof text, MSG_DONTWAIT);
    return count > 0 ? std::string(text, static_cast<size_t>(count)) : std::string();
  }

private:
  int descriptor_;
  std::string name_;
};

std::string textFrom(const std::string& path, std::streamoff start) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(start);
  return {std::istreambuf_iterator<char>(in), {}};
}

Result<pid_t> spawn(const std::vector<std::string>& command, int log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, log, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t process = -1;
  const int error =
      posix_spawn(&process, command[0].c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return fail(ErrorKind::NotFound, "cannot start " + command[0] + ": " + std::strerror(error),
                "tuned has to lie beside tunectl");
  return process;
}
} // namespace

std::string defaultLog() {
  // As with the cache: root's daemon is the machine's, whatever variables `sudo` has left of somebody else's.
  if (geteuid() == 0) return "/var/log/gpu-tuned/tuned.log";
  const std::string state = environment("XDG_STATE_HOME");
  if (!state.empty()) return state + "/gpu-tuned/tuned.log";
  return environment("HOME") + "/.local/state/gpu-tuned/tuned.log";
}

Result<Detached> startDetached(const std::vector<std::string>& command, const std::string& log,
                               double seconds) {
  using Clock = std::chrono::steady_clock;
  const std::string folder = std::filesystem::path(log).parent_path().string();
  if (auto made = folder.empty() ? Result<void>() : makeFolder(folder, 0700); !made)
    return fail(made.error());
  const auto opened = openPrivateFile(log, PrivateFileUse::Append);
  if (!opened)
    return fail(ErrorKind::Denied, "cannot write the log: " + opened.error().text(),
                "name another file with --log");
  const int file = *opened;
  const off_t start = ::lseek(file, 0, SEEK_END);
  const NotifySocket told;
  ::setenv("NOTIFY_SOCKET", told.name().c_str(), 1);
  const auto process = spawn(command, file);
  ::unsetenv("NOTIFY_SOCKET");
  ::close(file);
  if (!process) return fail(process.error());
  const auto until = Clock::now() + std::chrono::duration<double>(seconds);
  Detached out;
  out.process = *process;
  while (Clock::now() < until) {
    const std::string state = "\n" + told.receive() + "\n";
    if (state.find("\nREADY=1\n") != std::string::npos) {
      out.ready = true;
      const size_t at = state.find("\nSTATUS=");
      if (at != std::string::npos) out.said = state.substr(at + 8, state.find('\n', at + 8) - at - 8);
      return out;
    }
    int status = 0;
    if (::waitpid(*process, &status, WNOHANG) != *process) continue;
    out.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    out.said = textFrom(log, start);
    return out;
  }
  return fail(ErrorKind::TimedOut,
              "the daemon (process " + std::to_string(*process) + ") is not ready after " +
                  std::to_string(static_cast<int>(seconds)) + " s; it runs on",
              "see its log " + log);
}

} // namespace tuned::tunectl
