#include "daemon/offline/child.h"

#include "client/protocol/problem.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace tuned::offline {
namespace {

constexpr int patience = 60; ///< seconds

/// A file without a name that goes with it.
struct Scratch {
  int file = -1;
  Scratch() {
    std::string path = (std::filesystem::temp_directory_path() / "gpu-tuned-XXXXXX").string();
    file = ::mkostemp(path.data(), O_CLOEXEC);
    if (file >= 0) ::unlink(path.c_str());
  }
  ~Scratch() {
    if (file >= 0) ::close(file);
  }
  std::string text() const {
    std::string out;
    char piece[65536];
    for (off_t at = 0;;) {
      ssize_t count = ::pread(file, piece, sizeof piece, at);
      if (count <= 0) return out;
      out.append(piece, static_cast<size_t>(count));
      at += count;
    }
  }
};

/// The exit status; -1: it was killed after the patience.
int waitFor(pid_t process) {
  int status = 0;
  for (int tenths = 0; tenths < 10 * patience; ++tenths) {
    if (::waitpid(process, &status, WNOHANG) == process) return status;
    ::usleep(100'000);
  }
  ::kill(process, SIGKILL);
  ::waitpid(process, &status, 0);
  return -1;
}

Error failure(const std::string& program, const std::string& said) {
  size_t end = said.find_last_not_of('\n');
  std::string text = end == std::string::npos ? "" : said.substr(0, end + 1);
  std::string last = text.substr(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
  if (nlohmann::json::parse(last, nullptr, false).is_object()) return protocol::errorFromProblem(last, 0);
  return {ErrorKind::Internal, program + " failed: " + (text.empty() ? "it does not say why" : text),
          std::nullopt, ""};
}

} // namespace

std::string besideThis(const std::string& program) {
  std::error_code error;
  auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? program : (self.parent_path() / program).string();
}

Result<std::string> outputOf(const std::vector<std::string>& command) {
  Scratch output, errors;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output.file, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.file, STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t process = -1;
  int code = ::posix_spawn(&process, command[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0)
    return fail(ErrorKind::NotFound, "cannot start " + command[0] + ": " + std::strerror(code),
                "it has to lie beside this program; a bundle without it reads no ONNX models");
  int status = waitFor(process);
  if (status == -1) return fail(ErrorKind::TimedOut, command[0] + " did not end within a minute");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return fail(failure(command[0], errors.text()));
  return output.text();
}

} // namespace tuned::offline
