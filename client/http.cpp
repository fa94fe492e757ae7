#include "client/http.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>
#include <optional>

namespace http = boost::beast::http;

namespace tuned::client {

namespace {
constexpr uint64_t bodyLimit = uint64_t{1} << 30;

std::string head(const Request& request) {
  std::string text = request.method + " " + request.path + " HTTP/1.1\r\nHost: tuned\r\n";
  if (!request.body.empty() || request.method == "POST")
    text +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n";
  if (!request.lastEventId.empty()) text += "Last-Event-ID: " + request.lastEventId + "\r\n";
  return text + "\r\n";
}

/// Seconds that a Retry-After says; 0: none, or a date, which this daemon never says.
int secondsOf(std::string_view text) {
  int out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() ? std::max(out, 0) : 0;
}

/// The first bytes of what somebody said, so that they can be shown.
std::string shown(std::string_view bytes) {
  constexpr size_t most = 40;
  std::string out;
  for (const char c : bytes.substr(0, most))
    out += c >= ' ' && c <= '~' ? c : '.';
  return "\"" + out + (bytes.size() > most ? "…\"" : "\"");
}

/// What to do where perhaps something else than the daemon listens.
std::string lookAt(const std::string& socket) {
  return "see what listens there (`ss -xlp src " + socket +
         "`) and end it, or name the daemon's socket with --socket or GPU_TUNED_SOCKET";
}

std::unexpected<Error> stranger(const std::string& socket, const std::string& found) {
  return fail(ErrorKind::Unavailable, "something else than the daemon listens at " + socket + ": it " + found,
              lookAt(socket));
}

/// Errors of a connection, with the place where it went.
Error at(const std::string& socket, Error error) {
  if (error.kind == ErrorKind::TimedOut) {
    error.message += ", at " + socket;
    error.remedy += "; if nothing ever comes, " + lookAt(socket);
  }
  return error;
}

/// The daemon names itself in every answer.
bool named(const Response& response) {
  return response.server.starts_with("gpu-tuned");
}

/// Nothing, or why the answer is not the daemon's: another server's name, or an error that the daemon would
/// have said otherwise.
std::optional<std::string> strange(const Response& response) {
  if (named(response)) return std::nullopt;
  if (!response.server.empty()) return "calls itself " + shown(response.server);
  if (response.status < 300 || response.type.starts_with("application/")) return std::nullopt;
  return "answered " + std::to_string(response.status) + " " + shown(response.body);
}

/// Reads one response from a connection, piece by piece.
class ResponseReader {
public:
  ResponseReader(Connection& connection, const std::string& socket)
      : connection_(connection), socket_(socket) {
    parser_.body_limit(bodyLimit);
    parser_.header_limit(64 * 1024);
    parser_.eager(true);
  }

  /// Reads and parses once; the parser may be done afterwards.
  Result<void> step(Deadline deadline) {
    char piece[16 * 1024];
    const auto count = connection_.read(piece, sizeof(piece), deadline);
    if (!count) return fail(count.error());
    if (*count == 0) return finish();
    pending_.append(piece, *count);
    return parse();
  }

  bool started() const { return parser_.got_some() || !pending_.empty(); }
  bool headDone() const { return parser_.is_header_done(); }
  bool done() const { return parser_.is_done(); }
  bool keepAlive() const { return parser_.keep_alive() && pending_.empty(); }
  int status() const { return parser_.get().result_int(); }
  /// What came of the body since the last call.
  std::string takeBody() { return std::exchange(parser_.get().body(), {}); }

  /// All but the body.
  Response head() const {
    const auto& fields = parser_.get();
    const auto type = fields[http::field::content_type], server = fields[http::field::server],
               retry = fields[http::field::retry_after];
    return {status(),
            std::string(type.data(), type.size()),
            std::string(server.data(), server.size()),
            {},
            secondsOf({retry.data(), retry.size()})};
  }
  Response response() {
    Response out = head();
    out.body = takeBody();
    return out;
  }

private:
  Result<void> finish() {
    boost::system::error_code error;
    if (started()) parser_.put_eof(error);
    if (!started() || error || !parser_.is_done())
      return fail(ErrorKind::Unavailable,
                  "what listens at " + socket_ + " closed the connection before it had answered",
                  "ask again if the daemon was restarted; else " + lookAt(socket_));
    return {};
  }

  Result<void> parse() {
    while (!pending_.empty() && !parser_.is_done()) {
      boost::system::error_code error;
      const size_t used = parser_.put(boost::asio::buffer(pending_), error);
      if (error && error != http::error::need_more)
        return stranger(socket_, "said " + shown(pending_) + ", which is no HTTP (" + error.message() + ")");
      pending_.erase(0, used);
      if (error) return {};
      if (used == 0) return {};
    }
    return {};
  }

  Connection& connection_;
  const std::string& socket_;
  http::response_parser<http::string_body> parser_;
  std::string pending_;
};
} // namespace

std::string encode(const std::string& text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) || std::string_view("-._~:").find(static_cast<char>(c)) != std::string_view::npos) {
      out += static_cast<char>(c);
    } else {
      out += {'%', digits[c >> 4], digits[c & 15]};
    }
  }
  return out;
}

Result<Response> Http::exchange(Connection& connection, const Request& request, Deadline deadline,
                                bool& reusable) {
  reusable = false;
  const auto sent = connection.write(head(request) + request.body, deadline);
  if (!sent && sent.error().kind != ErrorKind::Unavailable) return fail(sent.error());
  ResponseReader reader(connection, socket_);
  // A daemon that refuses a request may answer and hang up before it has taken all of it.
  while (!reader.done())
    if (auto step = reader.step(deadline); !step) return fail(sent ? step.error() : sent.error());
  Response response = reader.response();
  if (auto found = strange(response)) return stranger(socket_, *found);
  reusable = reader.keepAlive();
  return response;
}

Result<void> Http::open(Deadline deadline) {
  auto opened = Connection::open(socket_, deadline);
  if (!opened) return fail(opened.error());
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(*opened));
  return {};
}

Result<Response> Http::send(const Request& request, Deadline deadline) {
  std::optional<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    while (!idle_.empty() && !connection) {
      if (idle_.back().idle()) connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  const bool kept = connection.has_value();
  for (bool first = true;; first = false) {
    if (!connection) {
      auto opened = Connection::open(socket_, deadline);
      if (!opened) return fail(at(socket_, opened.error()));
      connection = std::move(*opened);
    }
    bool reusable = false;
    auto response = exchange(*connection, request, deadline, reusable);
    if (reusable) {
      const std::lock_guard lock(mutex_);
      idle_.push_back(std::move(*connection));
    }
    // Every request of this protocol may be said twice: equal tunings are one.
    const bool broke = !response && response.error().kind == ErrorKind::Unavailable;
    if (!response && (!broke || !kept || !first)) return fail(at(socket_, response.error()));
    if (response) return response;
    connection.reset();
  }
}

Result<Response> Http::stream(const Request& request, double idleSeconds, const StreamSink& sink) {
  const Deadline begun = in(idleSeconds); // for all that is no stream
  auto connection = Connection::open(socket_, begun);
  if (!connection) return fail(at(socket_, connection.error()));
  if (auto sent = connection->write(head(request) + request.body, begun); !sent)
    return fail(at(socket_, sent.error()));
  ResponseReader reader(*connection, socket_);
  const auto streams = [&] { return reader.headDone() && reader.status() < 300; };
  while (!reader.done()) {
    if (auto step = reader.step(streams() ? in(idleSeconds) : begun); !step)
      return fail(at(socket_, step.error()));
    if (!streams()) continue;
    if (auto found = strange(reader.head())) return stranger(socket_, *found);
    const std::string piece = reader.takeBody();
    if (piece.empty()) continue;
    const auto more = sink(piece);
    if (!more) return fail(more.error());
    if (!*more) break;
  }
  Response response = reader.response();
  if (auto found = strange(response)) return stranger(socket_, *found);
  return response;
}

} // namespace tuned::client
