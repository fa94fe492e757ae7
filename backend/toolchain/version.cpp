// The version of one of NVIDIA's programs, from its own words.
#include "backend/toolchain/toolchain.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace tuned::toolchain {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::seconds(10);
constexpr size_t longestAnswer = 1 << 16;

std::unexpected<Error> unusable(const std::filesystem::path& program, const std::string& why) {
  return fail(ErrorKind::Unavailable, program.string() + " --version " + why, remedy());
}

/// What the program writes until it closes its output; empty when it is not done in time.
std::string readUntil(int from, Clock::time_point deadline) {
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() < longestAnswer) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd one{from, POLLIN, 0};
    if (left <= 0) return {};
    if (int ready = ::poll(&one, 1, static_cast<int>(left)); ready < 0 && errno == EINTR) continue;
    ssize_t got = ::read(from, piece.data(), piece.size());
    if (got <= 0) break;
    text.append(piece.data(), static_cast<size_t>(got));
  }
  return text;
}

/// Runs `program --version`, its output to us and its input from nowhere.
Result<std::string> answerOf(const std::filesystem::path& program) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return unusable(program, std::string("gets no pipe: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::string path = program.string(), option = "--version";
  char* arguments[] = {path.data(), option.data(), nullptr};
  pid_t child = 0;
  int status = ::posix_spawn(&child, path.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string text;
  if (status == 0) {
    text = readUntil(ends[0], Clock::now() + patience);
    if (text.empty()) ::kill(child, SIGKILL);
    int ended = 0;
    while (::waitpid(child, &ended, 0) < 0 && errno == EINTR) {
    }
  }
  ::close(ends[0]);
  if (status != 0) return unusable(program, std::string("does not start: ") + std::strerror(status));
  return text;
}

Result<std::string> ask(const std::filesystem::path& program) {
  auto text = answerOf(program);
  if (!text) return text;
  // "Cuda compilation tools, release 13.5, V13.5.37"
  size_t at = text->find(", V");
  if (at == std::string::npos) return unusable(program, "does not say which version it is");
  size_t from = at + 3;
  std::string version = text->substr(from, text->find_first_not_of("0123456789.", from) - from);
  if (version.empty()) return unusable(program, "does not say which version it is");
  return version;
}

} // namespace

Result<std::string> programVersion(const std::filesystem::path& program) {
  static std::mutex guard;
  static std::map<std::filesystem::path, Result<std::string>> known;
  std::scoped_lock lock(guard);
  auto found = known.find(program);
  if (found == known.end()) found = known.emplace(program, ask(program)).first;
  return found->second;
}

} // namespace tuned::toolchain
