#include "daemon/worker/channel/channel.h"

#include "daemon/worker/channel/plain_cbor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tuned {

namespace {
/// How often a wait that can be stopped looks whether it has been.
constexpr int stopPollMilliseconds = 50;

int patience(const std::optional<Deadline>& deadline, bool stoppable) {
  int64_t left = -1;
  if (deadline) {
    auto span =
        std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now()).count();
    left = std::clamp<int64_t>(span, 0, 1 << 30);
  }
  if (stoppable) left = left < 0 ? stopPollMilliseconds : std::min<int64_t>(left, stopPollMilliseconds);
  return static_cast<int>(left);
}

std::unexpected<Error> gone() {
  return fail(ErrorKind::Unavailable, "the other end closed the channel");
}
} // namespace

Channel::~Channel() {
  for (const int each : {descriptor_, peer_})
    if (each >= 0) ::close(each);
}

void Channel::watch(int process) {
  if (peer_ >= 0) ::close(peer_);
  peer_ = process;
}

Result<void> Channel::wait(short events, const std::optional<Deadline>& deadline,
                           const std::stop_token& stop) const {
  for (;;) {
    std::array<pollfd, 2> both{{{descriptor_, events, 0}, {peer_, POLLIN, 0}}}; // none below 0
    int ready = ::poll(both.data(), both.size(), patience(deadline, stop.stop_possible()));
    if (ready > 0 && both[0].revents != 0) return {};
    if (ready > 0) return gone();
    if (ready < 0 && errno != EINTR)
      return fail(ErrorKind::Internal, std::string("poll: ") + std::strerror(errno));
    if (stop.stop_requested()) return fail(ErrorKind::Denied, "stopped");
    if (deadline && std::chrono::steady_clock::now() >= *deadline)
      return fail(ErrorKind::TimedOut, "no answer in time");
  }
}

Result<void> Channel::writeAll(const char* data, size_t size, const std::optional<Deadline>& deadline,
                               const std::stop_token& stop) const {
  while (size > 0) {
    ssize_t put = ::send(descriptor_, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put > 0) {
      data += put;
      size -= static_cast<size_t>(put);
    } else if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (auto ready = wait(POLLOUT, deadline, stop); !ready) return ready;
    } else if (put < 0 && errno != EINTR) {
      return gone();
    }
  }
  return {};
}

Result<void> Channel::readAll(char* data, size_t size, const std::optional<Deadline>& deadline,
                              const std::stop_token& stop) const {
  while (size > 0) {
    ssize_t got = ::recv(descriptor_, data, size, MSG_DONTWAIT);
    if (got > 0) {
      data += got;
      size -= static_cast<size_t>(got);
    } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (auto ready = wait(POLLIN, deadline, stop); !ready) return ready;
    } else if (got == 0 || errno != EINTR) {
      return gone();
    }
  }
  return {};
}

Result<void> Channel::send(const nlohmann::json& message, std::optional<Deadline> deadline,
                           std::stop_token stop) {
  std::string frame(4, '\0');
  nlohmann::json::to_cbor(message, frame);
  size_t size = frame.size() - 4;
  if (size > largestFrame)
    return fail(ErrorKind::OutOfResources, "a frame of " + std::to_string(size) + " bytes");
  for (int i = 0; i < 4; ++i)
    frame[i] = static_cast<char>(size >> (8 * i) & 0xff);
  return writeAll(frame.data(), frame.size(), deadline, stop);
}

Result<nlohmann::json> Channel::receive(std::optional<Deadline> deadline, std::stop_token stop) {
  std::array<char, 4> head{};
  if (auto got = readAll(head.data(), head.size(), deadline, stop); !got) return fail(got.error());
  size_t size = 0;
  for (int i = 0; i < 4; ++i)
    size |= static_cast<size_t>(static_cast<unsigned char>(head[i])) << (8 * i);
  if (size > largestFrame)
    return fail(ErrorKind::InvalidInput, "a frame claims " + std::to_string(size) + " bytes");
  // Room is made as bytes come: a claim alone costs nothing.
  std::string body;
  while (body.size() < size) {
    const size_t start = body.size();
    body.resize(std::min(size, std::max(size_t{1} << 20, 2 * start)));
    if (auto got = readAll(body.data() + start, body.size() - start, deadline, stop); !got)
      return fail(got.error());
  }
  // The reader calls itself for each level, and a worker may be in the hands of what it ran.
  if (!isPlainCbor(body)) return fail(ErrorKind::InvalidInput, "a frame is not CBOR, or nests too deeply");
  nlohmann::json message = nlohmann::json::from_cbor(body, true, false);
  if (message.is_discarded()) return fail(ErrorKind::InvalidInput, "a frame is not CBOR");
  return message;
}

} // namespace tuned
