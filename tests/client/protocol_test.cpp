#include "client/protocol.h"
#include "client/protocol/fields.h"
#include "client/protocol/quick_read.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <set>

using namespace tuned;
using namespace tuned::protocol;
using nlohmann::json;

namespace {
Trial sampleTrial() {
  Trial trial;
  trial.kernel = "k";
  trial.sizes = {{"M", 1024}};
  trial.device = "cpu";
  trial.configuration = {{"BLOCK", 64}, {"num_warps", 4}};
  trial.outcome = "timed";
  trial.seconds = 1.5e-3;
  trial.interval = Interval{1.4e-3, 1.6e-3};
  return trial;
}

Answer sampleAnswer() {
  Answer answer;
  answer.source = "cache";
  answer.kernel = "k";
  answer.sizes = {{"M", 1024}};
  answer.device = "cpu";
  answer.artefact = "abc";
  answer.launch.symbol = "kernel";
  answer.launch.parameters = {{ParameterKind::Pointer, 8}, {ParameterKind::Scalar, 4}};
  answer.grid = {16, 2, 1};
  answer.gain = 1.25;
  return answer;
}
} // namespace

TEST_CASE("messages survive a round trip") {
  JobStatus job;
  job.id = "7";
  job.kernel = "k";
  job.state = "failed";
  job.best = sampleTrial();
  job.answer = sampleAnswer();
  job.outcomes = {{"timed", 3}, {"compile_failed", 1}};
  job.error = Error{ErrorKind::Faulted, "it crashed", Location{"a.ttir", 3, 4}, "look"};
  const auto back = fromText<JobStatus>(toText(job));
  REQUIRE(back);
  CHECK(toJson(*back) == toJson(job));
  CHECK(back->best->configuration == job.best->configuration);
  CHECK(back->error->kind == ErrorKind::Faulted);
  CHECK(back->error->location->line == 3);
  CHECK(back->answer->grid == job.answer->grid);
  CHECK_FALSE(back->etaSeconds.has_value());
}

TEST_CASE(
    "a parameter that is a tensor map says how it is made; others, and older programs, say nothing of maps") {
  Answer answer = sampleAnswer();
  CHECK_FALSE(toJson(answer)["launch"]["parameters"][0].contains("map"));
  answer.launch.parameters[0] = {ParameterKind::TensorMap, 128, TensorMapLayout{3, 9, 2, {128, 64}}};
  const auto back = fromText<Answer>(toText(answer));
  REQUIRE(back);
  CHECK(back->launch.parameters[0].map == answer.launch.parameters[0].map);
  CHECK_FALSE(back->launch.parameters[1].map.has_value());
  const auto old =
      fromText<LaunchMetadata>(R"({"symbol":"k","parameters":[{"kind":"tensor_map","size_bytes":128}]})");
  REQUIRE(old);
  CHECK_FALSE(old->parameters[0].map.has_value());
}

TEST_CASE("a kernel document travels as an object") {
  BestRequest request;
  request.document = R"({"name":"relu"})";
  request.sizes = {{"n", 4}};
  const json wire = toJson(request);
  CHECK(wire["document"]["name"] == "relu");
  const auto back = fromJson<BestRequest>(wire);
  REQUIRE(back);
  CHECK(json::parse(back->document) == json::parse(request.document));
}

TEST_CASE("faulty requests name the key") {
  const auto message = [](const std::string& text) {
    const auto request = fromText<BestRequest>(text);
    REQUIRE_FALSE(request);
    CHECK(request.error().kind == ErrorKind::InvalidInput);
    return request.error().message;
  };
  CHECK(message("{}") == "sizes: missing");
  CHECK(message("[]") == "the body: expected an object, found array");
  CHECK(message(R"({"sizes":{"M":"4"}})") == "sizes.M: expected an integer, found string");
  CHECK(message(R"({"sizes":{"M":1.5}})") == "sizes.M: expected an integer, found number 1.5");
  CHECK(message(R"({"sizes":{"M":18446744073709551615}})") ==
        "sizes.M: 18446744073709551615 is out of range");
  CHECK(message(R"({"sizes":{},"devise":"cpu"})") == "devise: unknown key");
  CHECK(message(R"({"sizes":{},"budget":{"second":1}})") == "budget.second: unknown key");
  CHECK(message(R"({"sizes":{},"tune":1})") == "tune: expected true or false, found number");
  CHECK(message("{").starts_with("not JSON: "));
  CHECK(message(R"({"kernel": "k", "sizes": {"n": 1e999}})").starts_with("not JSON: "));
  const std::string deep(100'000, '[');
  CHECK(message(R"({"sizes": {}, "document": {"a": )" + deep).find("nests deeper") != std::string::npos);
}

TEST_CASE("answers with keys of a newer daemon are read") {
  json wire = toJson(sampleAnswer());
  wire["colour"] = "green";
  CHECK(fromJson<Answer>(wire));
}

TEST_CASE("an answer is read quickly, and alike; what is unusual is left to the other reader") {
  Answer answer = sampleAnswer();
  LaunchCondition apart;
  apart.kind = LaunchCondition::Kind::SameOrDistinct;
  apart.argument = 0;
  apart.other = 1;
  answer.launch.conditions = {apart};
  answer.interval = Interval{1e-6, 2e-6};
  answer.kernelName = "\xc3\xa4 \"quoted\"";
  answer.tunedAt = int64_t{1} << 40;
  const auto quick = quickRead<Answer>(toText(answer));
  REQUIRE(quick);
  CHECK(toJson(*quick) == toJson(answer));
  const json sound = toJson(answer);
  const auto with = [&](const char* at, const json& value) {
    json changed = sound;
    changed[json::json_pointer(at)] = value;
    return changed.dump();
  };
  CHECK(quickRead<Answer>(with("/of_a_newer_daemon", 1)));
  CHECK(quickRead<Answer>(with("/seconds", nullptr)));
  for (const std::string& text :
       {with("/grid", {1, 2}), with("/tuned_at", 1e300), with("/tuned_at", "7"), with("/stale", 1),
        with("/launch/parameters/0/kind", "none"), with("/launch/conditions/0/kind", "none"),
        with("/launch/cluster_size", int64_t{1} << 40), with("/sizes", json::array()), std::string("{}"),
        std::string("["), std::string(), toText(answer) + "x", std::string(200, '[')}) {
    CAPTURE(text);
    CHECK_FALSE(quickRead<Answer>(text));
    CHECK(fromText<Answer>(text).error().kind == ErrorKind::InvalidInput);
  }
  std::string beyond = toText(answer);
  beyond.replace(beyond.find("1.25"), 4, "1e999");
  CHECK_FALSE(quickRead<Answer>(beyond));
}

TEST_CASE("problems carry kind, place and remedy") {
  const Error error{ErrorKind::OutOfResources, "disk full", Location{"x", 1, 2}, "free some"};
  const Error back = errorFromProblem(problemText(error), 507);
  CHECK(back.text() == error.text());
  CHECK(back.kind == error.kind);
  CHECK(problem(error)["status"] == 507);
  CHECK(problem(error, 413)["status"] == 413);
  CHECK(errorFromProblem("<html>", 404).kind == ErrorKind::NotFound);
  CHECK(json::parse(problemText({ErrorKind::InvalidInput, "bad \xff byte", std::nullopt, {}})).is_object());
}

TEST_CASE("events are read from pieces of any length") {
  Event event{"trial", {}, sampleTrial()};
  event.job.id = "7";
  const std::string stream = toServerSentEvent(event, 1) + ": keep-alive\n\n" + toServerSentEvent(event, 2);
  for (size_t piece = 1; piece < 40; piece += 6) {
    EventParser parser;
    int seen = 0;
    for (size_t at = 0; at < stream.size(); at += piece)
      REQUIRE(parser.feed(stream.substr(at, piece), [&](const Event& e) -> Result<void> {
        CHECK(e.trial->outcome == "timed");
        ++seen;
        return {};
      }));
    CHECK(seen == 2);
    CHECK(parser.lastId() == "2");
    CHECK_FALSE(parser.comeAgain());
  }
}

TEST_CASE("a stream that ends before its job says when to come again") {
  Event event{"trial", {}, sampleTrial()};
  EventParser parser;
  const auto taken = [](const Event&) -> Result<void> { return {}; };
  REQUIRE(parser.feed(toServerSentEvent(event, 41) + "retry: soon\n\n", taken));
  CHECK_FALSE(parser.comeAgain());
  REQUIRE(parser.feed(toComeAgain(std::chrono::seconds(2)), taken));
  CHECK(parser.comeAgain() == std::chrono::seconds(2));
  CHECK(parser.lastId() == "41");
}

TEST_CASE("the OpenAPI page refers only to schemas that it has") {
  const json page = openApi("1");
  std::set<std::string> missing;
  const std::string prefix = "#/components/schemas/";
  const json flat = page.flatten();
  for (const auto& [path, value] : flat.items()) {
    if (!path.ends_with("/$ref")) continue;
    const std::string name = value.get<std::string>().substr(prefix.size());
    if (!page["components"]["schemas"].contains(name)) missing.insert(name);
  }
  CHECK(missing.empty());
  CHECK(page["paths"]["/v1/jobs/{id}"]["get"]["parameters"][0]["name"] == "id");
  std::set<std::string> paths;
  for (const Route& route : routes())
    paths.insert(route.path);
  CHECK(page["paths"].size() == paths.size());
}
