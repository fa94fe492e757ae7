// Followers of one tuning that take all places: who comes is answered, and they lose nothing.
#include "daemon_process.h"
#include "kernels.h"
#include "tests/daemon/raw_socket.h"

#include <algorithm>
#include <atomic>
#include <doctest/doctest.h>
#include <set>

using namespace tuned;
using namespace tuned::e2e;
using test::RawSocket;

namespace {
/// The fewest connections that may be set, and those that one user may have of them.
constexpr size_t places = 8, ofOneUser = 7;

struct Crowded {
  Folder folder;
  DaemonProcess daemon{{"--config", folder.write("c.json", "{\"connections\": 8}")}};
  protocol::TuneRequest request;
  std::string job;

  /// A tuning that stands still.
  Crowded() {
    auto client = daemon.connect();
    const auto kernel = client.submit(document("crowd", elementwise(storeScaled(2))).dump());
    REQUIRE_MESSAGE(kernel, kernel.error().text());
    REQUIRE(client.pause(true));
    request.kernel = kernel->id;
    request.sizes = {{"n_elements", 5000}};
    request.device = "cpu";
    const auto started = client.start(request);
    REQUIRE_MESSAGE(started, started.error().text());
    job = started->id;
  }
  std::string asked() const {
    nlohmann::json out = {{"kernel", request.kernel}, {"sizes", request.sizes}, {"device", "cpu"}};
    out["wait"] = 1000;
    return out.dump();
  }
  bool serves() const {
    return RawSocket(daemon.socket()).ask("GET", "/healthz").starts_with("HTTP/1.1 200 OK");
  }
};

bool has(const std::string& text, const char* piece) {
  return text.find(piece) != std::string::npos;
}
} // namespace

TEST_CASE("followers and waiters in all places give way, and are told when to come again") {
  Crowded crowd;
  std::vector<std::unique_ptr<RawSocket>> followers;
  for (size_t i = 0; i < ofOneUser - 1; ++i) {
    followers.push_back(std::make_unique<RawSocket>(crowd.daemon.socket()));
    followers.back()->send("GET /v1/jobs/" + crowd.job + "/events HTTP/1.1\r\n\r\n");
    CHECK(has(followers.back()->receive("\n\n"), "text/event-stream"));
  }
  RawSocket waiter(crowd.daemon.socket());
  const std::string body = crowd.asked();
  waiter.send("POST /v1/best HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  CHECK(waiter.receive("", 500).empty()); // it waits, or what it may have now is still being compiled
  const auto follow = [&] {
    auto one = std::make_unique<RawSocket>(crowd.daemon.socket());
    one->send("GET /v1/jobs/" + crowd.job + "/events HTTP/1.1\r\n\r\n");
    CHECK(has(one->receive("\n\n"), "text/event-stream"));
    return one;
  };
  for (auto& follower : followers) {
    CHECK(crowd.serves());
    CHECK(has(follower->receive(), "retry: 2000\n\n")); // and the stream has ended
    follower = follow();                                // its place is another's that stays
  }
  // Each further one takes the place of who has watched longest, which is the waiter's some time after it
  // waits.
  std::string early;
  for (int i = 0; i < 600 && early.empty(); ++i) {
    followers.push_back(follow());
    early = waiter.receive("", 100);
  }
  early += waiter.receive();
  CHECK_MESSAGE(has(early, "\r\nRetry-After: 2\r\n"), early);
  CHECK(has(early, "Connection: close"));
  CHECK(has(early, "\"source\":\"default\""));
}

TEST_CASE("more followers than places all get every event once, and the job's end; so do those who wait") {
  Crowded crowd;
  struct Follower {
    std::vector<std::string> names;
    std::set<protocol::Values> trials;
    Result<protocol::JobStatus> last;
  };
  std::vector<Follower> followers(places + 2);
  std::vector<std::thread> threads;
  std::atomic<size_t> begun = 0;
  for (Follower& follower : followers)
    threads.emplace_back([&] {
      follower.last = crowd.daemon.connect().watch(crowd.job, [&](const protocol::Event& event) {
        if (follower.names.empty()) ++begun;
        follower.names.push_back(event.name);
        if (event.trial) follower.trials.insert(event.trial->configuration);
        return true;
      });
    });
  Result<protocol::Answer> answer;
  threads.emplace_back([&] {
    protocol::BestRequest request;
    request.kernel = crowd.request.kernel;
    request.sizes = crowd.request.sizes;
    request.device = "cpu";
    request.wait = 200;
    answer = crowd.daemon.connect(240).ask(request);
  });
  // All of them have had a place, so some have given theirs up.
  for (int i = 0; i < 2400 && begun < followers.size(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  CHECK(begun == followers.size());
  CHECK(crowd.serves());
  CHECK(crowd.daemon.connect().pause(false));
  for (std::thread& thread : threads)
    thread.join();
  for (const Follower& follower : followers) {
    REQUIRE_MESSAGE(follower.last, follower.last.error().text());
    CHECK(follower.last->state == "done");
    CHECK(std::ranges::count(follower.names, "done") == 1);
    CHECK(follower.trials.size() == 3);
    CHECK(std::ranges::count(follower.names, "trial") == 3);
  }
  REQUIRE_MESSAGE(answer, answer.error().text());
  CHECK(answer->source == "cache");
}
