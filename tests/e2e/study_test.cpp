// Ask and tell as programs use it: tunectl around any command, and the client; over a real socket, through
// restarts.
#include "daemon_process.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace tuned;
using namespace tuned::e2e;
using nlohmann::json;

namespace {
DaemonProcess& daemon() {
  static DaemonProcess process;
  return process;
}

/// 100 configurations, of which A = 7, B = 3 is the best: the value is (A - 7)² + (B - 3)² + 1.
json study(const std::string& name) {
  json values = json::array();
  for (int i = 0; i < 10; ++i)
    values.push_back(i);
  return {
      {"name", name}, {"parameters", {{"A", values}, {"B", values}}}, {"strategy", "portfolio"}, {"seed", 3}};
}

json shown(const tunectl::Finished& finished) {
  INFO(finished.output << finished.errors << daemon().log());
  CHECK(finished.exitCode == 0);
  const json out = json::parse(finished.output, nullptr, false);
  REQUIRE_FALSE(out.is_discarded());
  return out;
}
} // namespace

TEST_CASE("study run finds the best of what a program prints, and goes on where it was") {
  const std::string file = daemon().folder().write("study.json", study("quadratic").dump());
  // By the environment and by {NAME}; A = 0 fails.
  const std::vector<std::string> program = {
      "--", "sh", "-c",
      "[ $A -ne 0 ] || exit 3; echo noise; echo $(( ({A} - 7) * ({A} - 7) + ($B - 3) * ($B - 3) + 1 ))"};
  auto run = [&](const std::string& evaluations) {
    std::vector<std::string> command = {
        e2e::program("tunectl"), "--socket", daemon().socket(), "--json", "study", "run", file,
        "--evaluations",         evaluations};
    command.insert(command.end(), program.begin(), program.end());
    const auto finished = tunectl::runProgram(command, 120);
    REQUIRE(finished.has_value());
    return shown(*finished);
  };
  const json first = run("12");
  CHECK(first["told"] == 12);
  daemon().stop(SIGKILL);
  daemon().start();
  const json second = run("40");
  CHECK(second["told"].get<int>() > 12);
  CHECK(second["best"]["value"] == 1.0);
  CHECK(second["best"]["configuration"] == json{{"A", 7}, {"B", 3}});
}

TEST_CASE("ask and tell step by step, and what is wrong is said") {
  const std::string file = daemon().folder().write("steps.json", study("steps").dump());
  const std::string id = shown(daemon().tunectl({"study", "open", file, "--json"}))["id"];
  const json asked = shown(daemon().tunectl({"study", "ask", id, "--count", "2", "--json"}));
  REQUIRE(asked["proposals"].size() == 2);
  const std::string number = std::to_string(asked["proposals"][0]["number"].get<int64_t>());
  CHECK(shown(daemon().tunectl({"study", "tell", id, number, "0.5", "--json"}))["best"]["value"] == 0.5);
  const auto again = daemon().tunectl({"study", "tell", id, number, "0.5"});
  CHECK(again.exitCode == 1);
  CHECK(again.errors.find("was told before") != std::string::npos);
  const auto negative = daemon().tunectl({"study", "tell", id, "2", "--", "-1"});
  CHECK(negative.exitCode != 0);
  const auto old = daemon().tunectl({"study", "show", "0123456789abcdef"});
  CHECK(old.exitCode == 1);
  CHECK(old.errors.find("no study") != std::string::npos);
  CHECK(shown(daemon().tunectl({"study", "close", id, "--json"}))["told"] == 1);
  CHECK(daemon().tunectl({"study", "ask", id}).exitCode == 1);
  CHECK(daemon().tunectl({"study", "open", "/nowhere/study.json"}).exitCode != 0);
}

TEST_CASE("requests that are no study are refused with the key at fault") {
  auto client = daemon().connect();
  auto refused = [&](const json& body, const char* why) {
    auto answer = client.request("POST", "/v1/studies", body.dump());
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == ErrorKind::InvalidInput);
    CHECK_MESSAGE(answer.error().text().find(why) != std::string::npos, answer.error().text());
  };
  refused({{"name", "x"}}, "parameters");
  refused({{"name", "x"}, {"parameters", {{"A", "many"}}}}, "parameters");
  json wrong = study("x");
  wrong["surprise"] = 1;
  refused(wrong, "surprise");
  wrong = study("x");
  wrong["constraints"] = {"A > 100"};
  refused(wrong, "no configuration");
  CHECK(client.request("GET", "/v1/openapi.json")->find("/v1/studies/{id}/tell") != std::string::npos);
}
