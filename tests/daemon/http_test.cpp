// The server's parts without a socket: who gives way to whom, and whose turn it is.
#include "base/sha256.h"
#include "daemon/http/connections.h"
#include "daemon/http/held.h"
#include "daemon/http/large_answers.h"
#include "daemon/http/request_reader.h"
#include "daemon/http/routes.h"
#include "daemon/http/turns.h"
#include "tests/daemon/scratch.h"

#include <atomic>
#include <boost/beast/http/error.hpp>
#include <doctest/doctest.h>
#include <map>
#include <memory>
#include <vector>

using namespace tuned;
namespace http = boost::beast::http;

namespace {
struct Fake : Connection {
  bool gone = false;
  void giveWay() override { gone = true; }
};

/// Connections of one user, all idle.
std::vector<std::unique_ptr<Fake>> idle(Connections& all, unsigned user, size_t count) {
  std::vector<std::unique_ptr<Fake>> out;
  for (size_t i = 0; i < count; ++i) {
    out.push_back(std::make_unique<Fake>());
    REQUIRE(all.enter(*out.back(), user));
    all.setIdle(*out.back());
  }
  return out;
}

/// A service on an empty cache, and what answers for it.
struct Served {
  test::Scratch folder;
  Service service{options(), store()};
  Router router{service};

  Options options() const {
    Options out;
    out.cache = folder.path();
    return out;
  }
  std::unique_ptr<store::Store> store() const {
    auto opened = store::Store::open(folder.path());
    REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().text()));
    return std::move(*opened);
  }
};

boost::system::error_code feed(RequestReader& reader, const std::string& text) {
  boost::system::error_code error = http::error::need_more;
  for (size_t at = 0; at < text.size() && error == http::error::need_more;) {
    auto room = reader.room();
    const size_t piece = std::min(room.size(), text.size() - at);
    std::copy_n(text.data() + at, piece, static_cast<char*>(room.data()));
    reader.commit(piece);
    at += piece;
    error = reader.parse();
  }
  return error;
}
} // namespace

TEST_CASE("users whose every request is being answered leave places to those who have few") {
  Connections all(64, 56); // 4 are kept
  std::vector<std::unique_ptr<Fake>> busy;
  size_t entered = 0;
  for (const unsigned user : {1000, 1001})
    for (int i = 0; i < 50; ++i) {
      busy.push_back(std::make_unique<Fake>());
      entered += all.enter(*busy.back(), user);
    }
  CHECK(entered == 60);
  CHECK(all.open() == 60);
  std::vector<std::unique_ptr<Fake>> few;
  for (const unsigned user : {1002, 1003}) {
    few.push_back(std::make_unique<Fake>());
    CHECK(all.enter(*few.back(), user));
  }
  // One of the many has a place for another request of its own as soon as it waits.
  all.setIdle(*busy[7]);
  Fake again;
  CHECK(all.enter(again, 1000));
  CHECK(busy[7]->gone);
  for (const auto& one : busy)
    all.leave(*one);
  for (const auto& one : few)
    all.leave(*one);
  all.leave(again);
  CHECK(all.open() == 0);
}

TEST_CASE("the longest idle connection of the user with the most gives way") {
  Connections all(8, 7);
  auto many = idle(all, 1, 6), few = idle(all, 2, 2);
  all.setBusy(*many[0]);
  all.setIdle(*many[0]); // now the youngest
  Fake next;
  CHECK(all.enter(next, 3));
  CHECK(many[1]->gone);
  CHECK_FALSE(few[0]->gone);
  all.leave(*many[1]);
  CHECK(all.open() == 8);
  all.leave(next);
  CHECK(all.open() == 7);
}

TEST_CASE("who sends slowly gives way when nobody is idle, and who is answered never does") {
  Connections all(3, 3);
  Fake busy, slow, slower, fourth, fifth, sixth;
  for (Fake* each : {&busy, &slower, &slow})
    CHECK(all.enter(*each, 1));
  all.setReading(slower);
  all.setReading(slow);
  CHECK(all.enter(fourth, 2));
  CHECK(slower.gone);
  CHECK_FALSE(slow.gone);
  CHECK(all.enter(fifth, 2));
  CHECK(slow.gone);
  CHECK_FALSE(all.enter(sixth, 2));
  all.leave(sixth);       // it never entered
  CHECK(all.open() == 5); // two of them on their way out
  all.leave(slower);
  all.leave(slow);
  CHECK(all.open() == 3);
  CHECK_FALSE(busy.gone);
}

TEST_CASE("who watches a job gives way last, of the user with the most") {
  Connections all(6, 5);
  Fake first, second, third, few, busy, slow;
  for (Fake* each : {&first, &second, &third})
    CHECK(all.enter(*each, 1));
  CHECK(all.enter(few, 2));
  CHECK(all.enter(busy, 2));
  CHECK(all.enter(slow, 2));
  all.setWatching(few); // longer than any of the other user's
  for (Fake* each : {&second, &first, &third})
    all.setWatching(*each);
  all.setReading(slow);
  Fake fourth, fifth, sixth;
  CHECK(all.enter(fourth, 3));
  CHECK(slow.gone);
  CHECK_FALSE(second.gone);
  all.leave(slow);
  CHECK(all.enter(fifth, 3));
  CHECK(second.gone);
  all.leave(second);
  all.setBusy(first); // its job is over, and it is answered
  CHECK(all.enter(sixth, 1));
  CHECK(third.gone);
  for (Fake* each : {&first, &few, &busy})
    CHECK_FALSE(each->gone);
}

TEST_CASE("a user whose connections all watch makes room for their own next one") {
  Connections all(8, 2);
  Fake first, second, other, next, last;
  CHECK(all.enter(first, 1));
  CHECK(all.enter(second, 1));
  CHECK(all.enter(other, 2));
  for (Fake* each : {&other, &first, &second})
    all.setWatching(*each);
  CHECK(all.enter(next, 1));
  CHECK(first.gone);
  all.leave(first);
  all.setBusy(second);
  CHECK_FALSE(all.enter(last, 1)); // both are being answered
  CHECK_FALSE(other.gone);
}

TEST_CASE("a user at the limit makes room among their own") {
  Connections all(10, 3);
  auto own = idle(all, 1, 3), others = idle(all, 2, 3);
  Fake next;
  CHECK(all.enter(next, 1));
  CHECK(own[0]->gone);
  for (auto& other : others)
    CHECK_FALSE(other->gone);
}

TEST_CASE("who sends little holds little, and who sends much gets room") {
  // Saying how much will come brings nothing.
  RequestReader announced(1 << 24);
  CHECK(feed(announced, "POST /v1/kernels HTTP/1.1\r\nContent-Length: 16000000\r\n\r\nx") ==
        http::error::need_more);
  CHECK(announced.held() < 16 * 1024);
  RequestReader reader(1 << 20);
  const std::string body(500'000, 'x');
  const std::string head = "POST /v1/kernels HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(feed(reader, head + "7a120\r\n") == http::error::need_more);
  for (int drop = 0; drop < 100; ++drop) {
    REQUIRE(feed(reader, "x") == http::error::need_more);
    REQUIRE(reader.held() < 16 * 1024);
  }
  size_t most = 0;
  for (size_t at = 100; at < body.size();) {
    auto room = reader.room();
    most = std::max(most, room.size());
    const size_t piece = std::min(room.size(), body.size() - at);
    std::copy_n(body.data() + at, piece, static_cast<char*>(room.data()));
    reader.commit(piece);
    at += piece;
    REQUIRE(reader.parse() == http::error::need_more);
  }
  CHECK(most == 64 * 1024);
  CHECK(feed(reader, "\r\n0\r\n\r\n") == boost::system::error_code());
  CHECK(reader.take().request.body == body);
  CHECK(reader.room().size() == 4096);
}

TEST_CASE("a check and a collection of the cache are broken off when the daemon ends") {
  Served served;
  Service& service = served.service;
  Router& router = served.router;
  Build build;
  const std::string bytes = "a binary";
  build.artefact = sha256(bytes);
  REQUIRE(service.store().putBuild({"kernel", R"({"n":1})", "{}", "toolchain", "", ""}, build, bytes));
  HttpRequest verify{"POST", "/v1/verify", "", ""};
  HttpRequest collect{"POST", "/v1/collect", R"({"max_age_seconds": 0})", ""};
  verify.peer.rights = collect.peer.rights = Rights::Submit;
  CHECK(router.handle(verify).status == 200);
  service.end();
  CHECK(router.handle(verify).status == 503);
  CHECK(router.handle(collect).status == 503);
  CHECK(service.store().counts()->artefacts == 1);
}

TEST_CASE("a user has room as long as all and they themselves are within their bytes") {
  Held held(100, 50);
  held.change(1, 0, 51);
  CHECK_FALSE(held.room(1));
  CHECK(held.room(2));
  held.change(1, 51, 50);
  CHECK(held.room(1));
  held.change(2, 0, 30);
  held.change(3, 0, 30);
  for (unsigned user : {1, 2, 3, 4})
    CHECK_FALSE(held.room(user)); // all together have too much
  held.change(1, 50, 0);
  CHECK(held.room(4));
  CHECK(held.all() == 60);
}

TEST_CASE("a user's studies are no entries that others read or write") {
  Served served;
  const auto ask = [&](const char* method, const std::string& target, const std::string& body = "") {
    HttpRequest request{method, target, body, ""};
    request.peer.rights = Rights::Submit;
    return served.router.handle(request).status;
  };
  const std::string value = R"({"value": {}})";
  CHECK(ask("PUT", "/v1/entries/shared/key", value) == 200);
  CHECK(ask("GET", "/v1/entries/shared/key") == 200);
  for (const char* space : {"study-1000-0123", "study-"}) {
    const std::string at = std::string("/v1/entries/") + space;
    CHECK(ask("PUT", at + "/key", value) == 403);
    CHECK(ask("GET", at + "/key") == 403);
    CHECK(ask("GET", at) == 403);
  }
}

TEST_CASE("users take turns, and one alone does not hold every thread") {
  Turns turns(3, 2);
  std::atomic<bool> release = false;
  std::atomic<int> held = 0, served = 0;
  auto hold = [&] {
    ++held;
    while (!release)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  for (int i = 0; i < 20; ++i)
    turns.add(1, hold);
  for (int i = 0; i < 50; ++i)
    turns.add(2 + i % 5, [&] { ++served; });
  for (int i = 0; i < 10'000 && served < 50; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(served == 50);
  CHECK(held == 2);
  release = true;
  for (int i = 0; i < 10'000 && held < 20; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(held == 20);
}

TEST_CASE("large answers are made one at a time, in users' turns, and none for who has not read the last") {
  Held unread(1000, 50);
  LargeAnswers large(unread);
  std::atomic<bool> release = false;
  std::atomic<int> making = 0, most = 0, given = 0;
  std::mutex mutex;
  std::vector<unsigned> order;                           // of the mutex
  std::map<unsigned, std::vector<HttpResponse>> answers; // of the mutex
  const auto ask = [&](unsigned user, size_t bytes) {
    large.add(
        user,
        [&, user, bytes] {
          most = std::max<int>(most, ++making);
          while (!release)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          --making;
          const std::lock_guard guard(mutex);
          order.push_back(user);
          return HttpResponse{200, "application/octet-stream", std::string(bytes, 'x')};
        },
        [&, user](const HttpResponse& response) {
          if (response.status != 200) large.given(user, response); // that is read
          const std::lock_guard guard(mutex);
          answers[user].push_back(response);
          ++given;
        });
  };
  for (int i = 0; i < 4; ++i)
    ask(1, 40);
  for (int i = 0; i < 2; ++i)
    ask(2, 1);
  for (int i = 0; i < 20; ++i)
    ask(3, 1); // so many do not wait
  CHECK(given == 4);
  release = true;
  while (given < 26)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(most == 1);
  const auto made = [&](unsigned user) {
    return std::ranges::count(answers[user], 200, &HttpResponse::status);
  };
  CHECK(made(1) == 2);
  CHECK(answers[1].size() == 4);
  CHECK(made(2) == 2);
  CHECK(made(3) == 16);
  // The second of the first user's came behind the first of the others'.
  REQUIRE(order.size() == 20);
  CHECK(std::vector(order.begin(), order.begin() + 6) == std::vector{1U, 2U, 3U, 1U, 2U, 3U});
  for (const HttpResponse& answer : answers[1])
    if (answer.status == 200) large.given(1, answer);
  ask(1, 1);
  while (given < 27)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(made(1) == 3);
}

TEST_CASE("bundles, checks and collections are large answers, and what everybody asks is not") {
  const Served served;
  const auto large = [&](const char* method, const char* target) {
    return served.router.large({method, target, "", ""});
  };
  CHECK(large("GET", "/v1/bundle"));
  CHECK(large("POST", "/v1/bundle?allow_untrusted=true"));
  CHECK(large("POST", "/v1/verify"));
  CHECK(large("POST", "/v1/collect"));
  CHECK_FALSE(large("POST", "/v1/best"));
  CHECK_FALSE(large("GET", "/v1/kernels"));
  CHECK_FALSE(large("GET", "/v1/nothing"));
}

TEST_CASE("an encoding that is not known is an error and not the next request") {
  for (const char* encoding : {"gzip", "gzip, chunked", "identity", "chunked, chunked"}) {
    CAPTURE(encoding);
    RequestReader reader(4096);
    CHECK(feed(reader, "POST /v1/best HTTP/1.1\r\nTransfer-Encoding: " + std::string(encoding) +
                           "\r\n\r\n5\r\nGET /\r\n0\r\n\r\n") == http::error::bad_transfer_encoding);
  }
  RequestReader chunked(4096);
  CHECK_FALSE(
      feed(chunked, "POST /v1/best HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"));
  CHECK(chunked.take().request.body == "{}");
  RequestReader both(4096);
  CHECK(feed(both, "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
  RequestReader two(4096); // of which the second would go unread
  CHECK(
      feed(two, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n"));
  RequestReader waiting(4096);
  waiting.rest();
  CHECK(waiting.held() < 1024);
}
