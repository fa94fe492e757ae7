// What a user does, from a kernel to a served winner, through the client library and through curl.
#include "base/sha256.h"
#include "client/protocol.h"
#include "daemon_process.h"
#include "kernels.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace tuned;
using namespace tuned::e2e;
using nlohmann::json;

namespace {
const protocol::Values sizes = {{"n_elements", 5000}};

DaemonProcess& daemon() {
  static DaemonProcess process;
  return process;
}

protocol::TuneRequest request(const std::string& kernel) {
  protocol::TuneRequest out;
  out.kernel = kernel;
  out.sizes = sizes;
  out.device = "cpu";
  return out;
}

tunectl::Finished curl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {"/usr/bin/curl", "--silent", "--max-time", "120", "--unix-socket", daemon().socket()});
  auto finished = tunectl::runProgram(arguments, 130);
  REQUIRE(finished);
  return *finished;
}
} // namespace

TEST_CASE("submit, tune with events, hit, artefact") {
  auto client = daemon().connect();
  const auto kernel = client.submit(document("flow_double", elementwise(storeScaled(2))).dump());
  REQUIRE_MESSAGE(kernel, kernel.error().text());
  CHECK(kernel->name == "flow_double");
  CHECK(kernel->configurations == 3);

  std::vector<protocol::Event> events;
  const auto job = client.tune(request(kernel->id), [&](const protocol::Event& event) {
    events.push_back(event);
    return true;
  });
  REQUIRE_MESSAGE(job, job.error().text());
  INFO(daemon().log());
  REQUIRE(job->state == "done");
  CHECK(job->tried == 3);
  REQUIRE(job->outcomes.contains("timed"));
  CHECK(job->outcomes.at("timed") == 3);
  REQUIRE(events.size() >= 5);
  CHECK(events.front().name == "status");
  CHECK(events.back().name == "done");
  CHECK(std::ranges::count(events, "trial", &protocol::Event::name) == 3);

  REQUIRE(job->answer);
  CHECK(job->answer->source == "cache");
  CHECK(job->answer->verdict.state == "passed");
  CHECK(job->answer->verdict.checked > 0);
  CHECK(job->answer->seconds.value_or(0) > 0);
  CHECK(job->answer->interval->low <= *job->answer->seconds);
  CHECK(job->answer->gigabytesPerSecond.value_or(0) > 0);
  CHECK(job->answer->gain.value_or(0) > 0.5);
  CHECK(job->answer->coverage == 1);

  const auto first = client.best(kernel->id, sizes, "cpu");
  REQUIRE_MESSAGE(first, first.error().text());
  CHECK((*first)->source == "cache");
  CHECK((*first)->configuration == job->answer->configuration);
  CHECK(client.best(kernel->id, sizes, "cpu")->get() == first->get()); // from memory: the same object

  const auto bytes = client.artefact((*first)->artefact);
  REQUIRE_MESSAGE(bytes, bytes.error().text());
  CHECK(bytes->starts_with("\x7f"
                           "ELF"));
  CHECK(client.artefact(sha256("nothing has these bytes")).error().kind == ErrorKind::NotFound);

  const auto winners = client.winners(kernel->id);
  REQUIRE(winners);
  REQUIRE(winners->winners.size() == 1);
  CHECK(winners->winners[0].artefact == (*first)->artefact);
  CHECK(client.winners("flow_double")->winners.size() == 1); // also by name
  CHECK(client.trials(kernel->id, "cpu")->trials.size() == 3);
}

TEST_CASE("a second tuning measures nothing again, a forced one does") {
  auto client = daemon().connect();
  const auto kernel = client.submit(document("flow_again", elementwise(storeScaled(3))).dump());
  REQUIRE(kernel);
  REQUIRE(client.tune(request(kernel->id)));
  const auto before = client.trials(kernel->id)->trials.size();
  int cached = 0;
  const auto again = client.tune(request(kernel->id), [&](const protocol::Event& event) {
    cached += event.trial && event.trial->cached;
    return true;
  });
  REQUIRE(again);
  CHECK(again->state == "done");
  CHECK(cached == 3);
  CHECK(client.trials(kernel->id)->trials.size() == before);
  auto forced = request(kernel->id);
  forced.force = true;
  REQUIRE(client.tune(forced)->state == "done");
  CHECK(client.trials(kernel->id)->trials.size() > before);
}

TEST_CASE("a miss is answered at once with the default, and swapped for the winner") {
  auto client = daemon().connect();
  const auto kernel = client.submit(document("flow_swap", elementwise(storeScaled(4))).dump());
  REQUIRE(kernel);
  const auto first = client.best(kernel->id, sizes, "cpu");
  REQUIRE_MESSAGE(first, first.error().text());
  CHECK((*first)->source == "default");
  CHECK((*first)->configuration.at("BLOCK_SIZE") == 256);
  CHECK_FALSE((*first)->job.empty());
  CHECK(client.artefact((*first)->artefact)); // it can be run
  std::string source;
  for (int i = 0; i < 1200 && source != "cache"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    source = (*client.best(kernel->id, sizes, "cpu"))->source;
  }
  CHECK(source == "cache");

  protocol::BestRequest other;
  other.kernel = kernel->id;
  other.sizes = {{"n_elements", 6000}};
  other.device = "cpu";
  other.tune = false;
  const auto nearest = client.ask(other);
  REQUIRE_MESSAGE(nearest, nearest.error().text());
  CHECK(nearest->source == "nearest");
  CHECK(nearest->sizes == other.sizes);
  other.tune = true;
  other.wait = 120;
  const auto waited = client.ask(other);
  REQUIRE_MESSAGE(waited, waited.error().text());
  CHECK(waited->source == "cache");
}

TEST_CASE("the client outlives the daemon") {
  DaemonProcess process;
  auto client = process.connect();
  const auto kernel = client.submit(document("flow_restart", elementwise(storeScaled(5))).dump());
  REQUIRE(kernel);
  const auto before = client.tune(request(kernel->id));
  REQUIRE(before);
  REQUIRE(before->state == "done");
  const int status = process.stop(SIGTERM);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(client.status().error().kind == ErrorKind::Unavailable);
  CHECK(client.best(kernel->id, {{"n_elements", 1}}, "cpu").error().kind == ErrorKind::Unavailable);
  process.start();
  const auto after = client.best(kernel->id, sizes, "cpu");
  REQUIRE_MESSAGE(after, after.error().text());
  CHECK((*after)->source == "cache");
  CHECK((*after)->artefact == before->answer->artefact);
}

TEST_CASE("all of it with curl") {
  const std::string base = "http://tuned";
  CHECK(curl({base + "/healthz"}).output.starts_with("ok"));
  const json page = json::parse(curl({base + "/v1/openapi.json"}).output);
  CHECK(page["openapi"] == "3.1.0");
  CHECK(page["paths"].contains("/v1/best"));
  CHECK(curl({base + "/metrics"}).output.find("# TYPE") != std::string::npos);

  const std::string file =
      daemon().folder().write("curl.json", document("flow_curl", elementwise(storeScaled(6))).dump());
  const json kernel = json::parse(curl({"--data-binary", "@" + file, base + "/v1/kernels"}).output);
  const json ask = {{"kernel", kernel["id"]}, {"sizes", sizes}, {"device", "cpu"}};
  const json job = json::parse(curl({"-d", ask.dump(), base + "/v1/tune"}).output);
  const std::string id = job["id"];
  const std::string stream = curl({"--no-buffer", base + "/v1/jobs/" + id + "/events"}).output;
  CHECK(stream.starts_with("event: status\n"));
  CHECK(stream.find("event: trial\n") != std::string::npos);
  CHECK(stream.find("event: done\n") != std::string::npos);
  // A number that this daemon never told is of an earlier one: all is told again, to the end.
  const std::string again =
      curl({"--max-time", "20", "-H", "Last-Event-ID: 100000", base + "/v1/jobs/" + id + "/events"}).output;
  CHECK(again.find("event: done\n") != std::string::npos);
  CHECK(curl({"-H", "Last-Event-ID: 1st", base + "/v1/jobs/" + id + "/events"})
            .output.find("no event's number") != std::string::npos);

  const json answer = json::parse(curl({"-d", ask.dump(), base + "/v1/best"}).output);
  CHECK(answer.at("source") == "cache");
  const std::string hash = answer["artefact"];
  CHECK(sha256(curl({base + "/v1/artefacts/" + hash}).output) == hash);
  const json devices = json::parse(curl({base + "/v1/devices"}).output);
  CHECK(devices["devices"][0]["id"] == "cpu");

  const auto refused =
      curl({"--write-out", "\n%{http_code} %{content_type}", "-d", "{\"sizes\": 1}", base + "/v1/best"});
  CHECK(refused.output.ends_with("\n400 application/problem+json"));
  CHECK(refused.output.find("sizes: expected an object") != std::string::npos);
  CHECK(curl({"--write-out", "%{http_code}", "--output", "/dev/null", base + "/v1/nothing"}).output == "404");
  CHECK(
      curl({"--write-out", "%{http_code}", "--output", "/dev/null", "-X", "PUT", base + "/v1/best"}).output ==
      "405");
}

TEST_CASE("equal tunings asked for at once are one") {
  auto client = daemon().connect();
  const auto kernel = client.submit(document("flow_single", elementwise(storeScaled(7))).dump());
  REQUIRE(kernel);
  REQUIRE(client.pause(true)); // or the first could be done before the last is asked for
  std::vector<std::string> ids(6);
  std::vector<std::thread> threads;
  for (auto& id : ids)
    threads.emplace_back([&, out = &id] {
      auto own = daemon().connect();
      if (const auto job = own.start(request(kernel->id))) *out = job->id;
    });
  for (auto& thread : threads)
    thread.join();
  REQUIRE(client.pause(false));
  CHECK_FALSE(ids[0].empty());
  for (const auto& id : ids)
    CHECK(id == ids[0]);
  CHECK(client.watch(ids[0])->state == "done");
}

TEST_CASE("a client that hangs up while it follows does not stop the tuning") {
  auto client = daemon().connect();
  const auto kernel = client.submit(document("flow_hangup", elementwise(storeScaled(8))).dump());
  REQUIRE(kernel);
  const auto left = client.tune(request(kernel->id), [](const protocol::Event&) { return false; });
  REQUIRE(left);
  CHECK(client.watch(left->id)->state == "done");
}
