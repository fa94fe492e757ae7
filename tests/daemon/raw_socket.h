// A connection that sends any bytes: what a careless or hostile client would.
#pragma once

#include <algorithm>
#include <cstring>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace tuned::test {

class RawSocket {
public:
  explicit RawSocket(const std::string& path)
      : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    connected_ = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawSocket() { ::close(descriptor_); }
  RawSocket(const RawSocket&) = delete;
  bool connected() const { return connected_; }

  bool send(const std::string& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      ssize_t put = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (put <= 0) return false;
      sent += static_cast<size_t>(put);
    }
    return true;
  }

  /// All that comes until the other end closes, `enough` has been seen, or nothing came for `milliseconds`.
  std::string receive(const std::string& enough = "", int milliseconds = patience) {
    std::string out;
    while (enough.empty() || out.find(enough) == std::string::npos) {
      const std::string piece = receiveOnce(milliseconds);
      if (piece.empty()) return out;
      out += piece;
    }
    return out;
  }

  /// One request and its answer, whole by its Content-Length; the connection stays open.
  std::string ask(const std::string& method, const std::string& target, const std::string& body = "") {
    send(method + " " + target +
         " HTTP/1.1\r\nHost: tuned\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    std::string out;
    for (size_t whole = std::string::npos; out.size() < whole;) {
      const std::string piece = receiveOnce(patience);
      if (piece.empty()) return out;
      out += piece;
      const size_t head = out.find("\r\n\r\n"), length = out.find("Content-Length: ");
      if (head != std::string::npos && length < head) whole = head + 4 + std::stoul(out.substr(length + 16));
    }
    return out;
  }

  /// Reads so many bytes and lets them go; false when the other end closes before.
  bool pass(size_t bytes) {
    for (std::string piece; bytes > 0; bytes -= std::min(bytes, piece.size()))
      if ((piece = receiveOnce(patience)).empty()) return false;
    return true;
  }

private:
  /// Milliseconds that a daemon on a busy machine may take.
  static constexpr int patience = 30'000;

  std::string receiveOnce(int milliseconds) {
    pollfd one{descriptor_, POLLIN, 0};
    char piece[4096];
    if (::poll(&one, 1, milliseconds) <= 0) return {};
    const ssize_t got = ::recv(descriptor_, piece, sizeof piece, 0);
    return got > 0 ? std::string(piece, static_cast<size_t>(got)) : std::string();
  }

  int descriptor_;
  bool connected_ = false;
};

} // namespace tuned::test
