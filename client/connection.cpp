#include "client/http.h"
#include "client/notice.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace tuned::client {

Deadline in(double seconds) {
  using namespace std::chrono;
  return steady_clock::now() + duration_cast<steady_clock::duration>(duration<double>(seconds));
}

namespace {
constexpr std::chrono::microseconds watchTime(100);
constexpr long long askMilliseconds = 100; ///< how often who waits is asked whether he still does

/// Waits until the socket is ready for `events`; false at the deadline, or when nobody waits any longer.
bool ready(int fd, short events, Deadline deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
            .count();
    pollfd entry{fd, events, 0};
    const int count =
        poll(&entry, 1, left > 0 ? static_cast<int>(std::min<long long>(left + 1, askMilliseconds)) : 0);
    if (count > 0) return true;
    if (count == 0 && left <= 0) return false;
    if (count < 0 && errno != EINTR) return true; // the read or write that follows says what is wrong
    if (!mayWait()) return false;
  }
}

std::unexpected<Error> late(const char* what) {
  return fail(ErrorKind::TimedOut, std::string("the daemon did not ") + what + " in time",
              "is it under load? `tunectl status` says; a longer --timeout waits longer");
}

std::unexpected<Error> cannotConnect(const std::string& socket, int error) {
  const std::string what = "cannot connect to " + socket + ": " + std::strerror(error);
  if (error == EACCES || error == EPERM)
    return fail(ErrorKind::Denied, what, "ask to be in the socket's group (see `ls -l " + socket + "`)");
  return fail(
      ErrorKind::Unavailable, what,
      "start the daemon with `tunectl serve --detach`, or name its socket with --socket or GPU_TUNED_SOCKET");
}
} // namespace

bool sleepFor(double seconds) {
  constexpr std::chrono::milliseconds piece(askMilliseconds);
  for (const Deadline until = in(seconds);;) {
    if (!mayWait()) return false;
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= left.zero()) return true;
    std::this_thread::sleep_for(std::min<Deadline::duration>(left, piece));
  }
}

Result<Connection> Connection::open(const std::string& socket, Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof(address.sun_path))
    return fail(ErrorKind::InvalidInput, "the socket's path is longer than " +
                                             std::to_string(sizeof(address.sun_path) - 1) +
                                             " bytes: " + socket);
  std::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail(ErrorKind::OutOfResources, std::string("socket: ") + std::strerror(errno));
  Connection connection(fd);
  while (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return cannotConnect(socket, errno);
    // The daemon's queue of connections is full; a Unix socket has no event for that.
    if (std::chrono::steady_clock::now() >= deadline) return late("accept the connection");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return connection;
}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(watch_, other.watch_);
  return *this;
}

Connection::~Connection() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> Connection::write(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count > 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {
      if (!ready(fd_, POLLOUT, deadline)) return late("take the request");
    } else if (errno != EINTR) {
      return fail(ErrorKind::Unavailable,
                  std::string("the daemon closed the connection: ") + std::strerror(errno));
    }
  }
  return {};
}

/// Watches for an answer for the time that a processor may take to fall asleep and wake up again: one from
/// the daemon's memory is there sooner. Where it has not paid lately (the daemon runs on this very processor,
/// or has to work for its answer) that is left out, and only tried now and then.
std::optional<size_t> Connection::watchFor(char* into, size_t size) {
  constexpr int trust = 4, pause = -64;
  if (watch_ <= 0) {
    if (++watch_ > 0) watch_ = 1;
    return std::nullopt;
  }
  const auto until = std::chrono::steady_clock::now() + watchTime;
  do {
    const ssize_t count = ::recv(fd_, into, size, 0);
    if (count < 0 && errno == EAGAIN) continue;
    watch_ = trust;
    if (count < 0) return std::nullopt; // the next call of recv says what is wrong
    return static_cast<size_t>(count);
  } while (std::chrono::steady_clock::now() < until);
  if (--watch_ == 0) watch_ = pause;
  return std::nullopt;
}

Result<size_t> Connection::read(char* into, size_t size, Deadline deadline) {
  if (auto count = watchFor(into, size)) return *count;
  for (;;) {
    const ssize_t count = ::recv(fd_, into, size, 0);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno == EAGAIN) {
      if (!ready(fd_, POLLIN, deadline)) return late("answer");
    } else if (errno != EINTR) {
      return fail(ErrorKind::Unavailable, std::string("the connection broke: ") + std::strerror(errno));
    }
  }
}

bool Connection::idle() const {
  char byte;
  return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

} // namespace tuned::client
