// HTTP/1.1 over a Unix socket, blocking, with a deadline on every step. Connections are kept and reused.
#pragma once

#include "base/error.h"

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tuned::client {

using Deadline = std::chrono::steady_clock::time_point;
Deadline in(double seconds);
/// False: nobody waits any longer (notice.h).
bool sleepFor(double seconds);

/// One connected socket, closed with the object.
class Connection {
public:
  /// Unavailable: nobody listens there. Denied: the socket may not be opened.
  static Result<Connection> open(const std::string& socket, Deadline deadline);
  Connection(Connection&& other) noexcept : fd_(std::exchange(other.fd_, -1)), watch_(other.watch_) {}
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  Result<void> write(std::string_view bytes, Deadline deadline);
  /// Bytes read; 0 when the peer has closed.
  Result<size_t> read(char* into, size_t size, Deadline deadline);
  /// False once the peer has closed or has sent what nobody asked for.
  bool idle() const;

private:
  explicit Connection(int fd) : fd_(fd) {}
  std::optional<size_t> watchFor(char* into, size_t size);
  int fd_ = -1;
  int watch_ = 1; ///< above 0: watching for answers has paid; below: reads until it is tried again
};

struct Request {
  std::string method = "GET";
  std::string path;
  std::string body;
  std::string lastEventId = {}; ///< of a stream that goes on behind that event
};

struct Response {
  int status = 0;
  std::string type;   ///< Content-Type
  std::string server; ///< who says that he speaks (protocol/speaker.h); empty: not told
  std::string body;
  int retryAfter = 0; ///< seconds after which to ask again; 0: not told
};

/// Takes a piece of a streamed body; false ends the stream.
using StreamSink = std::function<Result<bool>(std::string_view piece)>;

/// Thread-safe: each exchange has a connection of its own. A kept connection that the daemon has closed
/// meanwhile (it was restarted) is replaced without the caller noticing.
class Http {
public:
  explicit Http(std::string socket) : socket_(std::move(socket)) {}
  /// Opens a connection ahead of the first request. Errors are Connection::open's.
  Result<void> open(Deadline deadline);
  /// Unavailable: what listens there is not the daemon, or goes without an answer. TimedOut: it said nothing,
  /// or not all, until then.
  Result<Response> send(const Request& request, Deadline deadline);
  /// Hands the body of a 2xx answer to `sink` as it comes; any other answer is returned whole. TimedOut when
  /// nothing comes for `idleSeconds`.
  Result<Response> stream(const Request& request, double idleSeconds, const StreamSink& sink);
  const std::string& socket() const { return socket_; }

private:
  Result<Response> exchange(Connection& connection, const Request& request, Deadline deadline,
                            bool& reusable);
  std::string socket_;
  std::mutex mutex_;
  std::vector<Connection> idle_;
};

/// For a path or a query: everything but letters, digits and "-._~:" is percent-encoded.
std::string encode(const std::string& text);

} // namespace tuned::client
