#include "daemon/http/server.h"

#include "daemon/http/server_session.h"
#include "daemon/http/server_socket.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace tuned {

namespace asio = boost::asio;

namespace {
/// Threads for what may block (a compilation for a miss, an fsync), and how many of them one user may hold.
constexpr size_t blockingThreads = 8, blockingPerUser = 6;
/// How long answers under way may take once the daemon is told to end.
constexpr std::chrono::seconds farewell(3);
/// Descriptors for all that is no connection: the store, workers' channels, the loop's own.
constexpr size_t reservedDescriptors = 192;
/// Connections taken before the loop does something else: those that are being served wait meanwhile.
constexpr int acceptedInTurn = 4;

/// What the configuration asks for, as far as descriptors reach.
size_t mostConnections(const Options& options) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const auto most = static_cast<size_t>(options.connections);
  return std::min(most, limit.rlim_cur > 2 * reservedDescriptors ? limit.rlim_cur - reservedDescriptors
                                                                 : reservedDescriptors);
}

/// One user leaves an eighth of them to others.
size_t perUser(size_t most) {
  return std::max<size_t>(1, most - most / 8);
}
} // namespace

struct Server::Implementation {
  Implementation(Service& s, const Options& options, ListeningSocket socket)
      : service(s), file(std::move(socket.file)), context{s, Router(s), options, turns,
                                                          Connections(mostConnections(options),
                                                                      perUser(mostConnections(options)))},
        acceptor(loop, asio::local::stream_protocol(), socket.descriptor),
        signals(loop, SIGTERM, SIGINT, SIGHUP), pause(loop) {}

  Service& service;
  SocketFile file;
  Turns turns{blockingThreads, blockingPerUser};
  ServerContext context;
  asio::io_context loop{1}; ///< after the context: connections go with it
  asio::local::stream_protocol::acceptor acceptor;
  asio::signal_set signals;
  asio::steady_timer pause;
  std::function<void()> ended;

  asio::awaitable<void> accept();
  void take(int descriptor);
  void awaitSignal(const std::function<Result<Options>()>& reload);
  void apply(const Result<Options>& fresh);
  void end(const char* why);
};

asio::awaitable<void> Server::Implementation::accept() {
  boost::system::error_code error;
  while (acceptor.is_open()) {
    co_await acceptor.async_wait(asio::socket_base::wait_read,
                                 asio::redirect_error(asio::use_awaitable, error));
    for (int taken = 0; taken < acceptedInTurn && acceptor.is_open(); ++taken) {
      // Closed in workers from the start: they are spawned on other threads.
      const int descriptor =
          ::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (descriptor >= 0) {
        take(descriptor);
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED) break;
      // Out of descriptors, most likely: waiting lets connections end.
      spdlog::warn("accept: {}", std::strerror(errno));
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      break;
    }
  }
}

void Server::Implementation::take(int descriptor) {
  auto session = std::make_shared<Session>(
      asio::local::stream_protocol::socket(loop, asio::local::stream_protocol(), descriptor), context);
  context.open.insert(session.get());
  asio::co_spawn(loop, session->serve(), [this, session = session](std::exception_ptr) {
    context.open.erase(session.get());
    if (context.ending && context.open.empty()) loop.stop();
  });
}

void Server::Implementation::end(const char* why) {
  if (context.ending) return;
  spdlog::info("ending{}", why);
  context.ending = true;
  service.end();
  if (ended) ended();
  acceptor.close();
  for (Session* session : context.open)
    session->end();
  if (context.open.empty()) return loop.stop();
  auto last = std::make_shared<asio::steady_timer>(loop, farewell);
  last->async_wait([this, last](boost::system::error_code) { loop.stop(); });
}

Server::Server(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::open(Service& service, const Options& options) {
  auto socket = listenOn(options);
  if (!socket) return fail(socket.error());
  return std::unique_ptr<Server>(
      new Server(std::make_unique<Implementation>(service, options, std::move(*socket))));
}

SocketFile Server::takeSocketFile() {
  return std::move(implementation_->file);
}

void Server::stop() {
  asio::post(implementation_->loop, [this] { implementation_->end(""); });
}

void Server::Implementation::apply(const Result<Options>& fresh) {
  if (!fresh) return spdlog::error("the configuration stays as it was: {}", fresh.error().text());
  context.options = *fresh;
  const size_t most = mostConnections(*fresh);
  context.connections.limit(most, perUser(most));
  spdlog::set_level(spdlog::level::from_str(fresh->logLevel));
  spdlog::info("the configuration was read again; what concerns devices, workers and tunings counts from the "
               "next start");
}

void Server::Implementation::awaitSignal(const std::function<Result<Options>()>& reload) {
  signals.async_wait([this, &reload](boost::system::error_code error, int signal) {
    if (error) return;
    if (signal != SIGHUP) return end(signal == SIGTERM ? " on SIGTERM" : " on SIGINT");
    apply(reload());
    awaitSignal(reload);
  });
}

void Server::every(double seconds, std::function<void()> work) {
  auto timer = std::make_shared<asio::steady_timer>(implementation_->loop);
  auto again = [this, timer, seconds, work = std::move(work)](auto& self) -> void {
    timer->expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(seconds)));
    timer->async_wait([this, work, self](boost::system::error_code error) mutable {
      if (error || implementation_->context.ending) return;
      work();
      self(self);
    });
  };
  again(again);
}

size_t Server::connections() const {
  return implementation_->context.open.size();
}

void Server::onEnd(std::function<void()> work) {
  implementation_->ended = std::move(work);
}

void Server::run(const std::function<Result<Options>()>& reload) {
  Implementation& self = *implementation_;
  self.awaitSignal(reload);
  asio::co_spawn(self.loop, self.accept(), asio::detached);
  self.loop.run();
  self.context.lane.clear();
  // Handlers that still run end with their workers, which shutdown stops.
  self.service.shutdown();
  self.turns.join();
  self.context.large.join();
}

} // namespace tuned
