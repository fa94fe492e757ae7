#include "daemon/http/server_session.h"

#include "base/clock.h"
#include "client/protocol/events.h"
#include "client/protocol/problem.h"
#include "client/protocol/speaker.h"
#include "daemon/http/server_socket.h"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <spdlog/spdlog.h>

namespace tuned {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {
constexpr std::chrono::seconds idleTime(300), writeTime(30), keepAliveTime(10), devicesTime(25);
/// When one comes again that gave its place up while it followed or waited for a job, so that places change
/// hands no faster than that; and one that found every place taken.
constexpr std::chrono::seconds againTime(2), refusedTime(1);
/// Bodies that callers may send who only ask.
constexpr size_t askBytes = 64 * 1024;
/// A request that comes in more than so many pieces of less than so many bytes is read in line with others
/// of its kind.
constexpr int dropsAtOnce = 4;
constexpr size_t dropBytes = 512;
/// Requests that came in one piece and are answered before others have their turn.
constexpr size_t aheadAtOnce = 8;
/// Requests that are let through where there is no memory for more.
constexpr size_t smallRequest = 64 * 1024;

/// The problem that a failure to read a request is, or nothing when there is nobody to tell.
std::optional<HttpResponse> readProblem(error_code error, size_t bodyBytes) {
  if (error == http::error::header_limit)
    return Router::problem({ErrorKind::InvalidInput, "the request's head is beyond 16 KiB"}, 431);
  if (error == http::error::body_limit)
    return Router::problem(
        {ErrorKind::InvalidInput, "the request's body is beyond " + std::to_string(bodyBytes) + " bytes",
         std::nullopt,
         bodyBytes == askBytes ? "who may not submit kernels sends short requests only"
                               : "request_bytes in the daemon's configuration is the limit"},
        413);
  if (error == http::error::bad_transfer_encoding)
    return Router::problem({ErrorKind::Unsupported, "the only transfer encoding is chunked", std::nullopt,
                            "send a Content-Length"},
                           501);
  if (error == http::error::buffer_overflow)
    return Router::problem(
        {ErrorKind::Unavailable, "too many large requests at a time", std::nullopt, "ask again in a moment"},
        503);
  if (error == beast::error::timeout)
    return Router::problem({ErrorKind::TimedOut, "the request did not arrive in time"}, 408);
  if (error.category() == http::make_error_code(http::error::bad_version).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message)
    return Router::problem({ErrorKind::InvalidInput, "this is not HTTP/1.1: " + error.message()}, 400);
  return std::nullopt;
}

/// The handler's answer, whatever it throws.
HttpResponse guarded(Router& router, const HttpRequest& request) {
  try {
    return router.handle(request);
  } catch (const std::bad_alloc&) {
    return Router::problem({ErrorKind::OutOfResources, "the daemon has no memory for this request"});
  } catch (const std::exception& error) {
    spdlog::error("{} {}: {}", request.method, request.target, error.what());
    return Router::problem({ErrorKind::Internal, error.what()});
  }
}

std::string headOf(const HttpResponse& response, size_t bodyBytes, bool keepAlive) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += std::string_view(http::obsolete_reason(static_cast<http::status>(response.status)));
  out += "\r\nServer: " + protocol::speaker() + "\r\nContent-Type: " + response.type;
  if (!response.allow.empty()) out += "\r\nAllow: " + response.allow;
  if (response.retryAfter > 0) out += "\r\nRetry-After: " + std::to_string(response.retryAfter);
  if (!keepAlive) out += "\r\nConnection: close";
  return out + "\r\nContent-Length: " + std::to_string(bodyBytes) + "\r\n\r\n";
}
} // namespace

Session::Session(asio::local::stream_protocol::socket socket, ServerContext& context)
    : socket_(std::move(socket)), context_(context),
      reader_(static_cast<size_t>(context.options.requestBytes)),
      limit_(socket_.get_executor(), [this] { socket_.cancel(); }), wake_(socket_.get_executor()) {
  // What can be written at once is: the loop is asked only for the rest.
  error_code ignored;
  socket_.non_blocking(true, ignored);
  ++context_.service.metrics().connections;
  ++context_.service.metrics().connectionsOpen;
}

Session::~Session() {
  --context_.service.metrics().connectionsOpen;
  context_.requests.change(peer_.uid, held_, 0);
}

void Session::giveWay() {
  givenUp_ = true;
  socket_.cancel();
  wake_.cancel();
}

void Session::end() {
  wake_.cancel();
  if (idle_ || streaming_) socket_.cancel();
}

asio::awaitable<void> Session::serve() {
  const bool admitted = co_await admit();
  while (admitted && !context_.ending) {
    auto incoming = co_await read();
    context_.connections.setBusy(*this);
    if (!incoming) break;
    const bool again = co_await answer(std::move(*incoming));
    if (!again) break;
  }
  context_.connections.leave(*this);
}

/// Who may not use the daemon may not fill its log either.
void Session::noteRefusal(const Error& why) {
  constexpr std::chrono::seconds between(1);
  const auto now = std::chrono::steady_clock::now();
  if (now - context_.refusalTold < between) {
    ++context_.refusalsUntold;
    return;
  }
  context_.refusalTold = now;
  const size_t untold = std::exchange(context_.refusalsUntold, 0);
  spdlog::warn("{}{}", why.text(), untold > 0 ? "; before it, " + std::to_string(untold) + " more" : "");
}

/// Whether the peer may use the daemon, and there is room for one more.
asio::awaitable<bool> Session::admit() {
  auto peer = identify(socket_.native_handle(), context_.options);
  if (!peer) {
    noteRefusal(peer.error());
    co_await write(Router::problem(peer.error()), false);
    co_return false;
  }
  peer_ = *peer;
  if (!peer_.maySubmit())
    reader_.limitBody(std::min(askBytes, static_cast<size_t>(context_.options.requestBytes)));
  if (context_.connections.enter(*this, peer_.uid)) co_return true;
  ++context_.service.metrics().rejected;
  HttpResponse full =
      Router::problem({ErrorKind::Unavailable, "every connection is in use", std::nullopt,
                       "ask again in a moment; connections in the daemon's configuration is the limit"},
                      503);
  full.retryAfter = refusedTime.count();
  co_await write(full, false);
  co_return false;
}

/// Sleeps until the client sends something; meanwhile the connection costs no buffer.
asio::awaitable<void> Session::idle() {
  reader_.rest();
  account();
  context_.connections.setIdle(*this);
  limit_.set(idleTime);
  error_code ignored;
  co_await socket_.async_wait(asio::local::stream_protocol::socket::wait_read,
                              asio::redirect_error(asio::use_awaitable, ignored));
  context_.connections.setReading(*this);
}

/// Until bytes have come and it is this connection's turn.
asio::awaitable<void> Session::waitInLine() {
  error_code error;
  co_await socket_.async_wait(asio::local::stream_protocol::socket::wait_read,
                              asio::redirect_error(asio::use_awaitable, error));
  if (!error) co_await context_.lane.turn(socket_.get_executor());
}

/// Keeps the sum of what requests hold. False: all, or this user's, are too much, and this one is not small.
bool Session::account() {
  const size_t now = reader_.held() + asked_;
  context_.requests.change(peer_.uid, held_, now);
  held_ = now;
  return now <= smallRequest || context_.requests.room(peer_.uid);
}

asio::awaitable<std::optional<RequestReader::Whole>> Session::read() {
  const auto requestTime = std::chrono::duration_cast<TimeLimit::Clock::duration>(
      std::chrono::duration<double>(context_.options.requestSeconds));
  int drops = 0;
  bool woken = false;
  error_code error = reader_.parse();
  idle_ = !reader_.started();
  ahead_ = error == http::error::need_more ? 0 : ahead_ + 1;
  if (ahead_ == aheadAtOnce) {
    ahead_ = 0;
    co_await context_.lane.turn(socket_.get_executor());
  }
  if (error == http::error::need_more) {
    if (idle_) {
      co_await idle();
      woken = true;
    } else {
      context_.connections.setReading(*this);
    }
    if (!limit_.met()) limit_.set(requestTime);
  }
  while (error == http::error::need_more) {
    if (reader_.takeExpectation()) {
      bool told = co_await send("HTTP/1.1 100 Continue\r\n\r\n", "");
      if (!told) co_return std::nullopt;
      limit_.set(requestTime);
    }
    if (drops >= dropsAtOnce) co_await waitInLine();
    if (givenUp_ || limit_.met() || (idle_ && context_.ending)) {
      error = beast::error::timeout;
      break;
    }
    size_t got = 0;
    // After a wait what has come is read at once; else the loop is asked again.
    if (drops >= dropsAtOnce || std::exchange(woken, false))
      got = socket_.read_some(reader_.room(), error);
    else
      got =
          co_await socket_.async_read_some(reader_.room(), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::would_block) {
      error = http::error::need_more;
      continue;
    }
    if (error) break;
    drops += got < dropBytes;
    reader_.commit(got);
    error = reader_.parse();
    idle_ = false;
    if (error == http::error::need_more && !account()) error = http::error::buffer_overflow;
  }
  limit_.lift();
  if (!error) co_return reader_.take();
  if (std::exchange(idle_, false) || givenUp_) co_return std::nullopt;
  if (limit_.met()) error = beast::error::timeout;
  if (auto problem = readProblem(error, reader_.bodyLimit())) {
    ++context_.service.metrics().rejected;
    co_await write(*problem, false);
  }
  co_return std::nullopt;
}

asio::awaitable<bool> Session::answer(RequestReader::Whole incoming) {
  auto start = std::chrono::steady_clock::now();
  incoming.request.peer = peer_;
  asked_ = incoming.request.body.size();
  account();
  HttpResponse response = co_await respond(incoming.request);
  if (response.stream) {
    incoming.request.body = std::string();
    asked_ = 0;
    account();
    co_await stream(response.stream, response.streamFrom);
    co_return false;
  }
  bool keep = incoming.keepAlive && !context_.ending && !givenUp_;
  bool written = co_await write(response, keep);
  asked_ = 0;
  account();
  context_.service.metrics().request(response.status, secondsSince(start));
  co_return written&& keep;
}

asio::awaitable<HttpResponse> Session::respond(const HttpRequest& request) {
  if (auto quick = context_.router.quick(request)) co_return std::move(*quick);
  if (!context_.answers.room(peer_.uid)) co_return LargeAnswers::tooManyUnread();
  if (context_.service.looking() && context_.router.needsDevices(request)) co_await waitForDevices();
  HttpResponse response = co_await onThread(request);
  if (!response.waitFor) co_return response;
  co_await waitFor(response.waitFor, response.waitSeconds);
  // Whatever is known now stands.
  HttpResponse later = co_await onThread(request);
  if (givenUp_ && later.waitFor) later.retryAfter = againTime.count();
  co_return later;
}

/// Runs the handler where it may block, in the user's turn, and comes back to the loop.
asio::awaitable<HttpResponse> Session::onThread(const HttpRequest& request) {
  const bool large = context_.router.large(request);
  auto initiate = [this, large, &request](auto handler) {
    auto resume = std::make_shared<decltype(handler)>(std::move(handler));
    const auto make = [&router = context_.router, &request] { return guarded(router, request); };
    const auto give = [resume, executor = socket_.get_executor()](HttpResponse made) {
      auto response = std::make_shared<HttpResponse>(std::move(made));
      asio::post(executor, [resume, response] { (*resume)(std::move(*response)); });
    };
    if (large)
      context_.large.add(peer_.uid, make, give);
    else
      context_.turns.add(peer_.uid, [make, give] { give(make()); });
  };
  HttpResponse response = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(HttpResponse)>(
      initiate, asio::use_awaitable);
  if (large) context_.large.given(peer_.uid, response); // send() counts what is not taken at once
  co_return response;
}

/// A GPU's driver takes seconds to start. No thread is held meanwhile.
asio::awaitable<void> Session::waitForDevices() {
  const auto until = std::chrono::steady_clock::now() + devicesTime;
  while (context_.service.looking() && !context_.ending && std::chrono::steady_clock::now() < until) {
    wake_.expires_after(std::chrono::milliseconds(10));
    error_code ignored;
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

/// Ends the sleep of wake_ at each event of the job, for as long as the handle is held.
std::shared_ptr<void> Session::wakeOn(Job& job) {
  return job.listen([self = weak_from_this(), executor = socket_.get_executor()] {
    asio::post(executor, [self] {
      if (auto session = self.lock()) session->wake_.cancel();
    });
  });
}

asio::awaitable<void> Session::waitFor(std::shared_ptr<Job> job, double seconds) {
  auto until =
      std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                             std::chrono::duration<double>(std::min(seconds, 1e6)));
  auto listening = wakeOn(*job);
  context_.connections.setWatching(*this);
  while (!job->finished() && !context_.ending && !givenUp_ && std::chrono::steady_clock::now() < until) {
    wake_.expires_at(until);
    error_code ignored;
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  context_.connections.setBusy(*this);
}

asio::awaitable<bool> Session::write(const HttpResponse& response, bool keepAlive) {
  const std::string& body = response.shared ? *response.shared : response.body;
  const std::string head = headOf(response, body.size(), keepAlive);
  bool written = co_await send(head, body);
  co_return written;
}

/// Both parts in one call of the kernel if it takes them; false when the client is gone or does not read.
asio::awaitable<bool> Session::send(std::string_view head, std::string_view body) {
  if (head.empty() && body.empty()) co_return true;
  error_code error;
  size_t sent = socket_.write_some(std::array{asio::buffer(head), asio::buffer(body)}, error);
  if (error && error != asio::error::would_block) co_return false;
  if (sent == head.size() + body.size()) co_return true;
  size_t left = head.size() + body.size() - sent;
  context_.answers.change(peer_.uid, 0, left);
  limit_.set(writeTime);
  error = {};
  // Counted as it goes: who has read all of an answer has room for the next.
  while (left > 0 && !error) {
    co_await socket_.async_wait(asio::local::stream_protocol::socket::wait_write,
                                asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    const size_t ofHead = std::min(sent, head.size());
    const size_t taken = socket_.write_some(
        std::array{asio::buffer(head) + ofHead, asio::buffer(body) + (sent - ofHead)}, error);
    if (error == asio::error::would_block) error = {};
    sent += taken;
    context_.answers.change(peer_.uid, left, left - taken);
    left -= taken;
  }
  limit_.lift();
  context_.answers.change(peer_.uid, left, 0);
  co_return !error;
}

/// Another needs the place: what fits at once is said, and when to come again for the rest.
void Session::leaveStream(std::string last) {
  last += protocol::toComeAgain(againTime);
  error_code ignored;
  socket_.write_some(asio::buffer(last), ignored);
}

asio::awaitable<void> Session::stream(std::shared_ptr<Job> job, size_t from) {
  streaming_ = true;
  context_.connections.setWatching(*this);
  auto listening = wakeOn(*job);
  std::string out = "HTTP/1.1 200 OK\r\nServer: " + protocol::speaker() +
                    "\r\nContent-Type: text/event-stream\r\n"
                    "Cache-Control: no-store\r\nConnection: close\r\n\r\n";
  for (bool last = false;;) {
    Job::Events events = job->events(from);
    from = std::max(from, events.first);
    for (const protocol::Event& event : events.list) {
      out += protocol::toServerSentEvent(event, from++);
      last = event.name == "done";
    }
    if (givenUp_) co_return leaveStream(std::move(out));
    bool sent = co_await send(out, "");
    if (!sent || last || context_.ending) co_return;
    out.clear();
    if (!job->events(from).list.empty()) continue;
    error_code error;
    wake_.expires_after(keepAliveTime);
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    // A comment now and then finds out that the client has gone.
    if (!error) out = ": keep-alive\n\n";
  }
}

} // namespace tuned
