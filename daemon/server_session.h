// One connection: requests in turn, each read within its limits, answered, and the connection kept.
#pragma once

#include "daemon/routes.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <set>

namespace tuned {

class Session;

/// What all connections share; used from the loop's thread.
struct ServerContext {
  Service& service;
  Router router;
  boost::asio::thread_pool& blocking;
  std::set<Session*> open;
  bool ending = false;
};

class Session : public std::enable_shared_from_this<Session> {
public:
  Session(boost::asio::local::stream_protocol::socket socket, ServerContext& context);
  ~Session();
  /// Until the client goes, a limit is met or the server ends.
  boost::asio::awaitable<void> serve();
  /// Closes when idle or streaming; an answer under way is finished first.
  void end();

private:
  using Incoming = boost::beast::http::request<boost::beast::http::string_body>;
  boost::asio::awaitable<std::optional<Incoming>> read();
  boost::asio::awaitable<bool> answer(const Incoming& incoming);
  boost::asio::awaitable<HttpResponse> respond(HttpRequest request);
  boost::asio::awaitable<HttpResponse> onThread(const HttpRequest& request);
  boost::asio::awaitable<void> waitFor(std::shared_ptr<Job> job, double seconds);
  boost::asio::awaitable<bool> write(HttpResponse response, bool keepAlive);
  boost::asio::awaitable<void> stream(std::shared_ptr<Job> job, size_t from);

  boost::beast::basic_stream<boost::asio::local::stream_protocol> stream_;
  boost::beast::flat_buffer buffer_;
  ServerContext& context_;
  boost::asio::steady_timer wake_; ///< what a wait for a job sleeps on
  boost::asio::steady_timer
      deadline_; ///< of the request being read: the stream's own would close it unanswered
  bool idle_ = true, streaming_ = false, late_ = false;
};

} // namespace tuned
