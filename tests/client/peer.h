// A peer on a Unix socket that says what it is told to, byte by byte: for the faults that the daemon never
// shows.
#pragma once

#include <atomic>
#include <cstdlib>
#include <functional>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

/// Serves one connection after the other on a thread. `answer` gets the connection's number and the request's
/// first line and returns what to write; an empty string says nothing until the client hangs up; "close"
/// hangs up.
class Peer {
public:
  using Answer = std::function<std::string(int connection, const std::string& request)>;

  explicit Peer(Answer answer) : answer_(std::move(answer)) {
    char folder[] = "/tmp/tuned-peer-XXXXXX";
    folder_ = mkdtemp(folder);
    path_ = folder_ + "/s";
    listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ready_ = ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
             ::listen(listener_, 8) == 0;
    thread_ = std::thread([this] { serve(); });
  }
  ~Peer() {
    ::shutdown(listener_, SHUT_RDWR);
    // The client may outlive this peer and keep its connection.
    if (const int fd = serving_; fd >= 0) ::shutdown(fd, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }
  const std::string& path() const { return path_; }
  bool ready() const { return ready_; }
  int connections() const { return connections_; }

  static std::string http(int status, const std::string& body, const std::string& type = "application/json") {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

private:
  void serve() {
    for (int fd; (fd = ::accept(listener_, nullptr, nullptr)) >= 0; serving_ = -1, ::close(fd)) {
      ++connections_;
      serving_ = fd;
      std::string pending;
      char piece[4096];
      for (ssize_t count; (count = ::recv(fd, piece, sizeof(piece), 0)) > 0;) {
        pending.append(piece, static_cast<size_t>(count));
        const size_t end = pending.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        const std::string text = answer_(connections_, pending.substr(0, pending.find("\r\n")));
        pending.clear();
        if (text == "close") break;
        (void)!::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      }
    }
  }

  Answer answer_;
  std::string folder_, path_;
  int listener_ = -1;
  bool ready_ = false;
  std::atomic<int> connections_ = 0, serving_ = -1;
  std::thread thread_;
};
