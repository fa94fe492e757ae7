// One connection: requests in turn, each read within its limits, answered, and the connection kept.
#pragma once

#include "daemon/http/connections.h"
#include "daemon/http/held.h"
#include "daemon/http/lane.h"
#include "daemon/http/large_answers.h"
#include "daemon/http/request_reader.h"
#include "daemon/http/time_limit.h"
#include "daemon/http/turns.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <set>

namespace tuned {

class Session;

/// What all connections share; used from the loop's thread.
struct ServerContext {
  Service& service;
  Router router;
  Options options; ///< as of the last reload
  Turns& turns;
  Connections connections;
  Lane lane{2};
  std::set<Session*> open = {};
  Held requests{size_t{256} << 20, size_t{128} << 20}; ///< that are on their way or being answered
  Held answers{size_t{1} << 30, size_t{256} << 20};    ///< that clients have not taken yet
  LargeAnswers large{answers};
  bool ending = false;
  std::chrono::steady_clock::time_point refusalTold =
      {};                    ///< when the log was told last that a user was refused
  size_t refusalsUntold = 0; ///< since then
};

class Session : public Connection, public std::enable_shared_from_this<Session> {
public:
  Session(boost::asio::local::stream_protocol::socket socket, ServerContext& context);
  ~Session() override;
  /// Until the client goes, a limit is met or the server ends.
  boost::asio::awaitable<void> serve();
  /// Closes when idle or streaming; an answer under way is finished first.
  void end();
  /// Who waits for a job is told what is known and when to come again.
  void giveWay() override;

private:
  boost::asio::awaitable<bool> admit();
  void noteRefusal(const Error& why);
  boost::asio::awaitable<void> idle();
  boost::asio::awaitable<void> waitInLine();
  bool account();

  boost::asio::awaitable<std::optional<RequestReader::Whole>> read();
  boost::asio::awaitable<bool> answer(RequestReader::Whole incoming);
  boost::asio::awaitable<HttpResponse> respond(const HttpRequest& request);
  boost::asio::awaitable<HttpResponse> onThread(const HttpRequest& request);
  boost::asio::awaitable<void> waitForDevices();
  boost::asio::awaitable<void> waitFor(std::shared_ptr<Job> job, double seconds);
  boost::asio::awaitable<bool> write(const HttpResponse& response, bool keepAlive);
  boost::asio::awaitable<bool> send(std::string_view head, std::string_view body);
  void leaveStream(std::string last);
  boost::asio::awaitable<void> stream(std::shared_ptr<Job> job, size_t from);
  std::shared_ptr<void> wakeOn(Job& job);

  boost::asio::local::stream_protocol::socket socket_;
  ServerContext& context_;
  Peer peer_;
  RequestReader reader_;
  TimeLimit limit_;                ///< of what is awaited from the client; met, it is given up
  boost::asio::steady_timer wake_; ///< what a wait for a job sleeps on
  bool idle_ = true, streaming_ = false, givenUp_ = false;
  size_t ahead_ = 0; ///< requests in a row that were there before the one before them was answered
  size_t asked_ = 0; ///< bytes of the body that is being answered
  size_t held_ = 0;  ///< its part of the context's requests
};

} // namespace tuned
