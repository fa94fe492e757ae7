#include "daemon/http/server.h"

#include "daemon/http/server_session.h"
#include "daemon/http/server_socket.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <spdlog/spdlog.h>

namespace tuned {

namespace asio = boost::asio;

namespace {
/// Connections at a time; further ones wait in the kernel's queue.
constexpr size_t mostConnections = 256;
/// Threads for what may block: a compilation for a miss, or an fsync.
constexpr size_t blockingThreads = 4;
/// How long answers under way may take once the daemon is told to end.
constexpr std::chrono::seconds farewell(5);
} // namespace

struct Server::Implementation {
  Implementation(Service& s, ListeningSocket socket)
      : service(s), file(std::move(socket.file)),
        acceptor(loop, asio::local::stream_protocol(), socket.descriptor), signals(loop, SIGTERM, SIGINT),
        freed(loop), context{s, Router(s), blocking, {}, {}} {}

  Service& service;
  SocketFile file;
  asio::io_context loop{1};
  asio::thread_pool blocking{blockingThreads};
  asio::local::stream_protocol::acceptor acceptor;
  asio::signal_set signals;
  asio::steady_timer freed; ///< cancelled when a connection ends
  ServerContext context;

  asio::awaitable<void> accept();
  void end(const char* why);
};

asio::awaitable<void> Server::Implementation::accept() {
  for (;;) {
    while (context.open.size() >= mostConnections) {
      freed.expires_after(std::chrono::seconds(1));
      boost::system::error_code ignored;
      co_await freed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    boost::system::error_code error;
    auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
    if (error) {
      // Out of descriptors, most likely: waiting lets connections end.
      spdlog::warn("accept: {}", error.message());
      freed.expires_after(std::chrono::milliseconds(100));
      co_await freed.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    auto session = std::make_shared<Session>(std::move(socket), context);
    context.open.insert(session.get());
    asio::co_spawn(loop, session->serve(), [this, session = session](std::exception_ptr) {
      context.open.erase(session.get());
      freed.cancel();
      if (context.ending && context.open.empty()) loop.stop();
    });
  }
}

void Server::Implementation::end(const char* why) {
  if (context.ending) return;
  spdlog::info("ending{}", why);
  context.ending = true;
  acceptor.close();
  for (Session* session : context.open)
    session->end();
  if (context.open.empty()) return loop.stop();
  freed.expires_after(farewell);
  // Cancelled by each connection that ends: only the time itself counts.
  auto last = std::make_shared<asio::steady_timer>(loop, farewell);
  last->async_wait([this, last](boost::system::error_code) { loop.stop(); });
}

Server::Server(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::open(Service& service, const Options& options) {
  auto socket = listenOn(options);
  if (!socket) return fail(socket.error());
  return std::unique_ptr<Server>(new Server(std::make_unique<Implementation>(service, std::move(*socket))));
}

SocketFile Server::takeSocketFile() {
  return std::move(implementation_->file);
}

void Server::stop() {
  asio::post(implementation_->loop, [this] { implementation_->end(""); });
}

void Server::run() {
  Implementation& self = *implementation_;
  self.signals.async_wait([&self](boost::system::error_code error, int signal) {
    if (!error) self.end(signal == SIGTERM ? " on SIGTERM" : " on SIGINT");
  });
  asio::co_spawn(self.loop, self.accept(), asio::detached);
  self.loop.run();
  // Handlers that still run end with their workers, which shutdown stops.
  self.service.shutdown();
  self.blocking.join();
}

} // namespace tuned
