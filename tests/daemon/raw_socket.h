// A connection that sends any bytes: what a careless or hostile client would.
#pragma once

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
  std::string receive(const std::string& enough = "", int milliseconds = 5000) {
    std::string out;
    for (;;) {
      if (!enough.empty() && out.find(enough) != std::string::npos) return out;
      pollfd one{descriptor_, POLLIN, 0};
      if (::poll(&one, 1, milliseconds) <= 0) return out;
      char piece[4096];
      ssize_t got = ::recv(descriptor_, piece, sizeof piece, 0);
      if (got <= 0) return out;
      out.append(piece, static_cast<size_t>(got));
    }
  }

  /// One request and its answer; the connection stays open.
  std::string ask(const std::string& method, const std::string& target, const std::string& body = "",
                  const std::string& enough = "") {
    send(method + " " + target +
         " HTTP/1.1\r\nHost: tuned\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return receive(enough, enough.empty() ? 1000 : 10000);
  }

private:
  int descriptor_;
  bool connected_ = false;
};

} // namespace tuned::test
