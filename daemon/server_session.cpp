#include "daemon/server_session.h"

#include "client/protocol/events.h"
#include "client/protocol/problem.h"
#include "daemon/server_socket.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <spdlog/spdlog.h>

namespace tuned {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {
constexpr size_t headerBytes = 16 * 1024;
constexpr std::chrono::seconds idleSeconds(300), writeSeconds(30), keepAliveSeconds(10);

/// The problem that a failure to read a request is, or nothing when there is nobody to tell.
std::optional<HttpResponse> readProblem(error_code error, const Options& options) {
  if (error == http::error::header_limit)
    return Router::problem({ErrorKind::InvalidInput, "the request's head is beyond 16 KiB"}, 431);
  if (error == http::error::body_limit)
    return Router::problem({ErrorKind::InvalidInput,
                            "the request's body is beyond " + std::to_string(options.requestBytes) + " bytes",
                            std::nullopt, "request_bytes in the daemon's configuration is the limit"},
                           413);
  if (error == beast::error::timeout)
    return Router::problem({ErrorKind::TimedOut, "the request did not arrive in time"}, 408);
  if (error.category() == http::make_error_code(http::error::bad_version).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message)
    return Router::problem({ErrorKind::InvalidInput, "this is not HTTP/1.1: " + error.message()}, 400);
  return std::nullopt;
}
} // namespace

Session::Session(asio::local::stream_protocol::socket socket, ServerContext& context)
    : stream_(std::move(socket)), context_(context), wake_(stream_.get_executor()),
      deadline_(stream_.get_executor()) {
  ++context_.service.metrics().connections;
  ++context_.service.metrics().connectionsOpen;
}

Session::~Session() {
  --context_.service.metrics().connectionsOpen;
}

void Session::end() {
  wake_.cancel();
  if (idle_ || streaming_) stream_.cancel();
}

asio::awaitable<void> Session::serve() {
  auto peer = admit(stream_.socket().native_handle(), context_.service.options());
  if (!peer) {
    spdlog::warn("{}", peer.error().text());
    co_await write(Router::problem(peer.error()), false);
    co_return;
  }
  while (!context_.ending) {
    auto incoming = co_await read();
    if (!incoming) co_return;
    bool again = co_await answer(*incoming);
    if (!again) co_return;
  }
}

asio::awaitable<std::optional<Session::Incoming>> Session::read() {
  error_code error;
  if (buffer_.size() == 0) {
    idle_ = true;
    stream_.expires_after(idleSeconds);
    size_t got = co_await stream_.async_read_some(buffer_.prepare(4096),
                                                  asio::redirect_error(asio::use_awaitable, error));
    idle_ = false;
    if (error) co_return std::nullopt;
    buffer_.commit(got);
  }
  const Options& options = context_.service.options();
  stream_.expires_never();
  deadline_.expires_after(std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::duration<double>(options.requestSeconds)));
  deadline_.async_wait([self = weak_from_this()](error_code cancelled) {
    auto session = self.lock();
    if (cancelled || !session) return;
    session->late_ = true;
    session->stream_.cancel();
  });
  http::request_parser<http::string_body> parser;
  parser.header_limit(headerBytes);
  parser.body_limit(static_cast<uint64_t>(options.requestBytes));
  co_await http::async_read_header(stream_, buffer_, parser,
                                   asio::redirect_error(asio::use_awaitable, error));
  if (!error && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go(http::status::continue_, 11);
    co_await http::async_write(stream_, go, asio::redirect_error(asio::use_awaitable, error));
  }
  if (!error)
    co_await http::async_read(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
  deadline_.cancel();
  if (!error) co_return parser.release();
  if (late_) error = beast::error::timeout;
  if (auto problem = readProblem(error, options)) {
    ++context_.service.metrics().rejected;
    co_await write(std::move(*problem), false);
  }
  co_return std::nullopt;
}

asio::awaitable<bool> Session::answer(const Incoming& incoming) {
  auto start = std::chrono::steady_clock::now();
  HttpRequest request{std::string(incoming.method_string()), std::string(incoming.target()), incoming.body(),
                      std::string(incoming["Last-Event-ID"])};
  HttpResponse response = co_await respond(std::move(request));
  if (response.stream) {
    co_await stream(response.stream, response.streamFrom);
    co_return false;
  }
  int status = response.status;
  bool keep = incoming.keep_alive() && !context_.ending;
  bool written = co_await write(std::move(response), keep);
  context_.service.metrics().request(
      status, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  co_return written&& keep;
}

asio::awaitable<HttpResponse> Session::respond(HttpRequest request) {
  if (auto quick = context_.router.quick(request)) co_return std::move(*quick);
  HttpResponse response = co_await onThread(request);
  if (!response.waitFor) co_return response;
  co_await waitFor(response.waitFor, response.waitSeconds);
  // Whatever is known now stands.
  HttpResponse later = co_await onThread(request);
  co_return later;
}

/// Runs the handler where it may block, and comes back to the loop.
asio::awaitable<HttpResponse> Session::onThread(const HttpRequest& request) {
  auto work = [](Router& router, const HttpRequest& asked) -> asio::awaitable<HttpResponse> {
    co_return router.handle(asked);
  };
  HttpResponse response =
      co_await asio::co_spawn(context_.blocking, work(context_.router, request), asio::use_awaitable);
  co_return response;
}

asio::awaitable<void> Session::waitFor(std::shared_ptr<Job> job, double seconds) {
  auto until =
      std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                             std::chrono::duration<double>(std::min(seconds, 1e6)));
  auto self = weak_from_this();
  auto listening = job->listen([self, executor = stream_.get_executor()] {
    asio::post(executor, [self] {
      if (auto session = self.lock()) session->wake_.cancel();
    });
  });
  while (!job->finished() && !context_.ending && std::chrono::steady_clock::now() < until) {
    wake_.expires_at(until);
    error_code ignored;
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

asio::awaitable<bool> Session::write(HttpResponse response, bool keepAlive) {
  http::response<http::string_body> out(static_cast<http::status>(response.status), 11);
  out.set(http::field::server, "gpu-tuned");
  out.set(http::field::content_type, response.type);
  if (!response.allow.empty()) out.set(http::field::allow, response.allow);
  out.keep_alive(keepAlive);
  out.body() = response.shared ? *response.shared : std::move(response.body);
  out.prepare_payload();
  stream_.expires_after(writeSeconds);
  error_code error;
  co_await http::async_write(stream_, out, asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

asio::awaitable<void> Session::stream(std::shared_ptr<Job> job, size_t from) {
  streaming_ = true;
  auto self = weak_from_this();
  auto listening = job->listen([self, executor = stream_.get_executor()] {
    asio::post(executor, [self] {
      if (auto session = self.lock()) session->wake_.cancel();
    });
  });
  std::string out = "HTTP/1.1 200 OK\r\nServer: gpu-tuned\r\nContent-Type: text/event-stream\r\n"
                    "Cache-Control: no-store\r\nConnection: close\r\n\r\n";
  for (bool last = false;;) {
    for (const protocol::Event& event : job->events(from)) {
      out += protocol::toServerSentEvent(event, from++);
      last = event.name == "done";
    }
    error_code error;
    if (!out.empty()) {
      stream_.expires_after(writeSeconds);
      co_await asio::async_write(stream_, asio::buffer(out),
                                 asio::redirect_error(asio::use_awaitable, error));
    }
    if (error || last || context_.ending) co_return;
    out.clear();
    if (!job->events(from).empty()) continue;
    wake_.expires_after(keepAliveSeconds);
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    // A comment now and then finds out that the client has gone.
    if (!error) out = ": keep-alive\n\n";
  }
}

} // namespace tuned
