// The daemon itself, as a process of a test.
#pragma once

#include "tests/daemon/scratch.h"
#include "tests/support/reports.h"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace tuned::test {

inline std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class DaemonProgram {
public:
  /// Standard error goes to `log`. `through`: a command that runs the daemon's.
  DaemonProgram(std::vector<std::string> arguments, std::string log,
                const std::vector<std::string>& through = {})
      : log_(std::move(log)) {
    arguments.insert(arguments.begin(), TUNED_PROGRAM);
    arguments.insert(arguments.begin(), through.begin(), through.end());
    std::vector<char*> pointers;
    for (std::string& argument : arguments)
      pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    for (int stream : {STDOUT_FILENO, STDERR_FILENO})
      ::posix_spawn_file_actions_addopen(&actions, stream, log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (::posix_spawn(&pid_, pointers[0], &actions, nullptr, pointers.data(), environ) != 0) pid_ = -1;
    ::posix_spawn_file_actions_destroy(&actions);
  }
  ~DaemonProgram() {
    if (pid_ > 0) end(SIGKILL);
    showReports(log());
  }
  DaemonProgram(const DaemonProgram&) = delete;

  pid_t pid() const { return pid_; }
  std::string log() const { return slurp(log_); }
  bool logs(const std::string& text, int milliseconds = 60'000) const {
    for (int i = 0; i < milliseconds / 20; ++i, ::usleep(20'000))
      if (log().find(text) != std::string::npos) return true;
    return false;
  }
  /// Exit status once it has ended; 128 + the signal that ended it; -1 when it still runs after 60 s.
  int wait() {
    int status = 0;
    for (int i = 0; i < 3000; ++i, ::usleep(20'000)) {
      if (::waitpid(pid_, &status, WNOHANG) != pid_) continue;
      pid_ = -1;
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return -1;
  }
  int end(int signal) {
    ::kill(pid_, signal);
    return wait();
  }

private:
  std::string log_;
  pid_t pid_ = -1;
};

} // namespace tuned::test
