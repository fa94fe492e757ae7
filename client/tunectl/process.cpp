#include "client/tunectl/process.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tuned::tunectl {

namespace {
/// A pipe whose ends close with it.
struct Pipe {
  std::array<int, 2> ends = {-1, -1};
  Pipe() { (void)!pipe2(ends.data(), O_CLOEXEC); }
  ~Pipe() {
    closeEnd(0);
    closeEnd(1);
  }
  void closeEnd(size_t end) {
    if (ends[end] >= 0) close(ends[end]);
    ends[end] = -1;
  }
};

Result<pid_t> start(const std::vector<std::string>& command, const Pipe& output, const Pipe& errors) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.ends[1], STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t process = -1;
  const int error = posix_spawn(&process, command[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return fail(ErrorKind::NotFound, "cannot start " + command[0] + ": " + std::strerror(error),
                "it has to lie beside this program: build or install it, too");
  return process;
}

/// Reads once; closes the pipe at its end.
void drain(Pipe& pipe, std::string& into) {
  std::array<char, 16384> piece;
  const ssize_t count = read(pipe.ends[0], piece.data(), piece.size());
  if (count > 0) {
    into.append(piece.data(), static_cast<size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    pipe.closeEnd(0);
  }
}
} // namespace

Result<Finished> runProgram(const std::vector<std::string>& command, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  Pipe output, errors;
  const auto process = start(command, output, errors);
  if (!process) return fail(process.error());
  output.closeEnd(1);
  errors.closeEnd(1);
  Finished finished;
  while (output.ends[0] >= 0 || errors.ends[0] >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    std::array<pollfd, 2> entries = {pollfd{output.ends[0], POLLIN, 0}, pollfd{errors.ends[0], POLLIN, 0}};
    const int count =
        left > 0 ? poll(entries.data(), entries.size(), static_cast<int>(std::min<long long>(left, 1 << 30)))
                 : 0;
    if (count == 0) {
      kill(*process, SIGKILL);
      waitpid(*process, nullptr, 0);
      return fail(ErrorKind::TimedOut,
                  command[0] + " did not end within " + std::to_string(int(seconds)) + " s");
    }
    if (entries[0].revents) drain(output, finished.output);
    if (entries[1].revents) drain(errors, finished.errors);
  }
  int status = 0;
  while (waitpid(*process, &status, 0) < 0 && errno == EINTR) {
  }
  finished.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

} // namespace tuned::tunectl
