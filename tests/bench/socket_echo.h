// Two processes that pass as many bytes to and fro as a request and its answer have: what the kernel alone
// takes for a round trip.
#pragma once

#include <csignal>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tuned::bench {

class SocketEcho {
public:
  /// Bytes of the question and of the answer.
  SocketEcho(size_t question, size_t answer) : question_(question, 'q'), answer_(answer, 'a') {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
    descriptor_ = ends[0];
    process_ = ::fork();
    if (process_ == 0) serve(ends[1]);
    ::close(ends[1]);
  }
  ~SocketEcho() {
    ::close(descriptor_);
    if (process_ > 0) ::waitpid(process_, nullptr, 0);
  }
  SocketEcho(const SocketEcho&) = delete;

  /// One round trip; false when the other process is gone.
  bool exchange() {
    return ::send(descriptor_, question_.data(), question_.size(), MSG_NOSIGNAL) > 0 &&
           ::recv(descriptor_, answer_.data(), answer_.size(), MSG_WAITALL) > 0;
  }

private:
  /// Asynchronous-signal-safe calls only: the asking process may have threads.
  [[noreturn]] void serve(int end) {
    ::close(descriptor_);
    while (::recv(end, question_.data(), question_.size(), MSG_WAITALL) > 0)
      (void)!::send(end, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    ::_exit(0);
  }

  std::string question_, answer_;
  int descriptor_ = -1;
  pid_t process_ = -1;
};

} // namespace tuned::bench
