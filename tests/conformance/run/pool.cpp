#include "tests/conformance/run/pool.h"

#include "backend/reference/text.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>

namespace tuned::conformance {
namespace {

using Clock = std::chrono::steady_clock;

/// Reads up to a newline; false at the end of the stream.
bool readLine(int fd, std::string& buffer, std::string& line) {
  while (true) {
    if (size_t end = buffer.find('\n'); end != std::string::npos) {
      line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      return true;
    }
    char bytes[65536];
    ssize_t count = read(fd, bytes, sizeof bytes);
    if (count <= 0) return false;
    buffer.append(bytes, static_cast<size_t>(count));
  }
}

bool writeAll(int fd, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    ssize_t count = send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (count <= 0) return false;
    at += static_cast<size_t>(count);
  }
  return true;
}

/// A child: a case's id on each line it reads, a result in JSON on each line it answers.
[[noreturn]] void serve(int fd, const std::string& root, const ExecuteOptions& options) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::string buffer, id;
  while (readLine(fd, buffer, id)) {
    CaseResult result = execute(root, id, options);
    nlohmann::json json = result;
    std::string line = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    if (!writeAll(fd, line) || result.deviceLost) break;
  }
  _exit(0); // destructors of a lost device could hang
}

class Child {
public:
  Child(const std::string& root, const ExecuteOptions& options) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      serve(ends[1], root, options);
    }
    close(ends[1]);
    fd_ = ends[0];
  }
  ~Child() {
    if (fd_ >= 0) close(fd_);
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int fd() const { return fd_; }
  const std::string& current() const { return current_; }
  bool busy() const { return !current_.empty(); }
  Clock::time_point started() const { return started_; }

  bool start(const std::string& id) {
    current_ = id;
    started_ = Clock::now();
    return writeAll(fd_, id + '\n');
  }
  /// The result of the current case; one that blames the child's death when there is none.
  CaseResult finish() {
    CaseResult result;
    std::string line;
    if (readLine(fd_, buffer_, line))
      result = nlohmann::json::parse(line).get<CaseResult>();
    else
      result = died();
    current_.clear();
    return result;
  }
  CaseResult failed(const std::string& reason) const {
    CaseResult result;
    result.id = current_;
    result.reason = reason;
    result.deviceLost = true;
    return result;
  }

private:
  CaseResult died() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    if (WIFSIGNALED(status)) return failed(reference::concat("crashed: ", strsignal(WTERMSIG(status))));
    return failed(reference::concat("the process left with status ", WEXITSTATUS(status)));
  }

  pid_t pid_ = -1;
  int fd_ = -1;
  std::string current_, buffer_;
  Clock::time_point started_;
};

class Pool {
public:
  Pool(const std::string& root, const std::vector<std::string>& ids, const PoolOptions& options,
       const std::function<void(const CaseResult&)>& onResult)
      : root_(root), ids_(ids), options_(options), onResult_(onResult),
        children_(size_t(std::max(1, options.jobs))) {}

  void run() {
    size_t done = 0;
    while (done < ids_.size()) {
      for (auto& child : children_)
        feed(child);
      std::vector<pollfd> waiting;
      for (auto& child : children_)
        waiting.push_back({child ? child->fd() : -1, POLLIN, 0});
      poll(waiting.data(), waiting.size(), 200);
      for (size_t i = 0; i < children_.size(); ++i)
        done += collect(children_[i], waiting[i].revents != 0);
    }
  }

private:
  void feed(std::unique_ptr<Child>& child) {
    if (next_ >= ids_.size() || (child && child->busy())) return;
    if (!child) child = std::make_unique<Child>(root_, options_.execute);
    child->start(ids_[next_++]); // a failed write shows as a closed stream
  }

  size_t collect(std::unique_ptr<Child>& child, bool ready) {
    if (!child || !child->busy()) return 0;
    std::optional<CaseResult> result;
    if (ready)
      result = child->finish();
    else if (Clock::now() - child->started() > std::chrono::duration<double>(options_.deadlineSeconds))
      result = child->failed(reference::concat("timed_out: not done after ", options_.deadlineSeconds, " s"));
    if (!result) return 0;
    if (result->deviceLost) child.reset();
    onResult_(*result);
    return 1;
  }

  const std::string& root_;
  const std::vector<std::string>& ids_;
  const PoolOptions& options_;
  const std::function<void(const CaseResult&)>& onResult_;
  std::vector<std::unique_ptr<Child>> children_;
  size_t next_ = 0;
};

} // namespace

void runCases(const std::string& root, const std::vector<std::string>& ids, const PoolOptions& options,
              const std::function<void(const CaseResult&)>& onResult) {
  Pool(root, ids, options, onResult).run();
}

} // namespace tuned::conformance
