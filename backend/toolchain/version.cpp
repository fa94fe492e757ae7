// Running one of NVIDIA's programs for its output, and its version from its own words.
#include "backend/toolchain/toolchain.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <optional>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace tuned::toolchain {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t longestOutput = size_t{1} << 28;

std::unexpected<Error> unusable(const std::filesystem::path& program, const std::string& why) {
  return fail(ErrorKind::Unavailable, program.string() + " " + why, remedy());
}

/// What is written until the other end closes; nothing when that is not by the deadline.
std::optional<std::string> readUntil(int from, Clock::time_point deadline) {
  std::string text;
  std::array<char, 65536> piece;
  while (text.size() < longestOutput) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return std::nullopt;
    pollfd one{from, POLLIN, 0};
    if (::poll(&one, 1, static_cast<int>(left)) <= 0) continue;
    ssize_t got = ::read(from, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(piece.data(), static_cast<size_t>(got));
  }
  return std::nullopt;
}

/// Starts the program with its output into `to`, its input from nowhere and its errors to nowhere.
int start(const std::filesystem::path& program, const std::vector<std::string>& arguments, int to,
          pid_t& child) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, to, 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::vector<std::string> words = {program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  int status = ::posix_spawn(&child, words[0].c_str(), &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return status;
}

Result<std::string> ask(const std::filesystem::path& program) {
  constexpr double patience = 10;
  auto text = outputOf(program, {"--version"}, patience);
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

Result<std::string> outputOf(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                             double seconds) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return unusable(program, std::string("gets no pipe: ") + std::strerror(errno));
  pid_t child = 0;
  int status = start(program, arguments, ends[1], child);
  ::close(ends[1]);
  std::optional<std::string> text;
  int ended = 0;
  if (status == 0) {
    auto allowed = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    text = readUntil(ends[0], Clock::now() + allowed);
    if (!text) ::kill(child, SIGKILL);
    while (::waitpid(child, &ended, 0) < 0 && errno == EINTR) {
    }
  }
  ::close(ends[0]);
  if (status != 0) return unusable(program, std::string("does not start: ") + std::strerror(status));
  if (!text) return unusable(program, "did not end in time, or wrote too much");
  if (WIFSIGNALED(ended)) return unusable(program, "was killed by signal " + std::to_string(WTERMSIG(ended)));
  if (WEXITSTATUS(ended) != 0)
    return unusable(program, "failed with exit code " + std::to_string(WEXITSTATUS(ended)));
  return std::move(*text);
}

Result<std::string> programVersion(const std::filesystem::path& program) {
  static std::mutex guard;
  static std::map<std::filesystem::path, Result<std::string>> known;
  std::scoped_lock lock(guard);
  auto found = known.find(program);
  if (found == known.end()) found = known.emplace(program, ask(program)).first;
  return found->second;
}

} // namespace tuned::toolchain
