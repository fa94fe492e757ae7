#include "client/protocol/json.h"
#include "daemon/service/studies/studies.h"
#include "tests/daemon/scratch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace tuned;
using protocol::StudyRequest;
using protocol::Told;

namespace {

StudyRequest valley() {
  StudyRequest request;
  request.name = "valley";
  for (const char* name : {"A", "B", "C"})
    for (int64_t value = 0; value < 10; ++value)
      request.parameters[name].push_back(value);
  request.constraints = {"A + B < 18"};
  request.sizes = {{"n", 1000}};
  request.device = "board";
  request.defaults = {{"A", 0}, {"B", 0}, {"C", 0}};
  return request;
}

double value(const std::map<std::string, int64_t>& configuration) {
  double out = 1;
  for (const auto& [name, each] : configuration)
    out *= 1 + 0.05 * std::pow(static_cast<double>(each) - 6, 2);
  return out;
}

struct Fixture {
  test::Scratch scratch;
  store::Entries entries{scratch / "entries"};
  Studies studies{entries};

  protocol::StudyInfo open(const StudyRequest& request = valley(), const std::string& user = "7") {
    auto study = studies.open(request, user);
    REQUIRE_MESSAGE(study.has_value(), (study ? "" : study.error().text()));
    return *study;
  }
  std::vector<protocol::Proposal> ask(const std::string& id, int64_t count) {
    auto answer = studies.ask(id, {count}, "7");
    REQUIRE_MESSAGE(answer.has_value(), (answer ? "" : answer.error().text()));
    return answer->proposals;
  }
  /// Asks one by one and tells, `count` times or until it is finished.
  protocol::StudyInfo run(const std::string& id, int count) {
    protocol::StudyInfo info = *studies.show(id, "7");
    for (int i = 0; i < count && !info.finished; ++i) {
      const auto proposals = ask(id, 1);
      if (proposals.empty()) break;
      auto told = studies.tell(id, {{{proposals[0].number, value(proposals[0].configuration), ""}}}, "7");
      REQUIRE(told.has_value());
      info = *told;
    }
    return info;
  }
  void refused(const std::string& id, std::vector<Told> results, const std::string& why) {
    const auto before = studies.show(id, "7");
    auto told = studies.tell(id, {std::move(results)}, "7");
    REQUIRE_FALSE(told.has_value());
    CHECK(told.error().kind == ErrorKind::InvalidInput);
    CHECK_MESSAGE(told.error().text().find(why) != std::string::npos, told.error().text());
    const auto after = studies.show(id, "7");
    CHECK(after->told == before->told);
    CHECK(after->waiting == before->waiting);
  }
  void refused(const StudyRequest& request, const std::string& why) {
    auto study = studies.open(request, "7");
    REQUIRE_FALSE(study.has_value());
    CHECK_MESSAGE(study.error().text().find(why) != std::string::npos, study.error().text());
  }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "a study proposes the default first, then finds the bottom of a valley") {
  StudyRequest request = valley();
  request.strategy = "portfolio";
  const auto study = open(request);
  CHECK(study.configurations == 990);
  const auto first = ask(study.id, 1);
  REQUIRE(first.size() == 1);
  CHECK(first[0].configuration == request.defaults);
  REQUIRE(studies.tell(study.id, {{{first[0].number, value(first[0].configuration), ""}}}, "7"));
  const auto info = run(study.id, 80);
  REQUIRE(info.best.has_value());
  CHECK(info.best->value <= 1.06);
  CHECK(info.waiting == 0);
}

TEST_CASE_FIXTURE(Fixture, "what is told is kept: an equal study goes on, in the next process too") {
  const auto first = open();
  const auto info = run(first.id, 20);
  CHECK(info.told == 20);
  const auto again = open();
  CHECK(again.id != first.id);
  CHECK(again.told == 20);
  CHECK(again.best->value == info.best->value);
  // The old one is over.
  CHECK(studies.ask(first.id, {1}, "7").error().kind == ErrorKind::NotFound);
  Studies next(entries);
  auto third = next.open(valley(), "7");
  REQUIRE(third.has_value());
  CHECK(third->told == 20);
  auto other = valley();
  other.sizes["n"] = 2000;
  CHECK(next.open(other, "7")->told == 0);
  CHECK(next.open(valley(), "8")->told == 0);
}

TEST_CASE_FIXTURE(Fixture, "what another board told is tried first") {
  StudyRequest request = valley();
  request.strategy = "portfolio";
  request.defaults.clear();
  run(open(request).id, 100);
  request.device = "another board";
  const auto info = run(open(request).id, 6);
  REQUIRE(info.best.has_value());
  CHECK(info.best->value <= 1.06);
}

TEST_CASE_FIXTURE(Fixture, "tells that cannot be true are refused, whole and with the reason") {
  const auto study = open();
  const auto proposals = ask(study.id, 3);
  REQUIRE(proposals.size() == 3);
  const int64_t a = proposals[0].number, b = proposals[1].number;
  constexpr double infinite = std::numeric_limits<double>::infinity();
  refused(study.id, {{99, 1.0, ""}}, "proposal 99 was never asked");
  refused(study.id, {{0, 1.0, ""}}, "never asked");
  refused(study.id, {{-1, 1.0, ""}}, "never asked");
  for (double wrong : {0.0, -1.0, infinite, -infinite, std::nan("")})
    refused(study.id, {{a, 1.0, ""}, {b, wrong, ""}}, "positive and finite");
  refused(study.id, {{a, 1.0, ""}, {a, 1.0, ""}}, "told twice");
  refused(study.id, {{a, std::nullopt, ""}}, "neither a value nor a failure");
  refused(study.id, {{a, 1.0, "crashed"}}, "a value and a failure");
  CHECK(studies.tell(study.id, {{{a, 1.0, ""}, {b, std::nullopt, "crashed"}}}, "7")->told == 2);
  refused(study.id, {{a, 1.0, ""}}, "was told before");
  CHECK(studies.tell(study.id, {}, "7")->told == 2);
  // On the wire, 1e999 is no number at all.
  CHECK_FALSE(protocol::fromText<protocol::TellRequest>(R"({"results": [{"number": 1, "value": 1e999}]})")
                  .has_value());
}

TEST_CASE_FIXTURE(Fixture, "a study with an objective is told values by name, and weighs them") {
  StudyRequest request = valley();
  request.objective = {{"seconds", 1}, {"joules", 1}};
  const auto study = open(request);
  auto proposals = ask(study.id, 3);
  auto told = [&](size_t which, double seconds, double joules) {
    return Told{proposals[which].number,
                std::nullopt,
                "",
                {{{"seconds", seconds}, {"joules", joules}, {"more", -1}}}};
  };
  auto tell = [&](Told one) { return studies.tell(study.id, {{std::move(one)}}, "7"); };
  REQUIRE(tell(told(0, 2, 8)));
  auto info = tell(told(1, 1, 9));
  REQUIRE(info);
  CHECK(info->best->value == doctest::Approx(3)); // the square root of 1 × 9
  CHECK(info->best->configuration == proposals[1].configuration);
  const auto wrong = [&](const Told& one, const std::string& why) {
    auto refused = tell(one);
    REQUIRE_FALSE(refused);
    CHECK_MESSAGE(refused.error().message.find(why) != std::string::npos, refused.error().message);
  };
  wrong({proposals[2].number, 3.0, ""}, "has one value");
  wrong({proposals[2].number, std::nullopt, "", {{{"seconds", 1}}}}, "lacks 'joules'");
  wrong(told(2, 0, 1), "values.seconds");
  wrong({proposals[2].number, std::nullopt, "crashed", {{{"seconds", 1}, {"joules", 1}}}},
        "a value and a failure");
  // Other weights are another study: what one has learnt is no value of the other.
  request.objective = {{"seconds", 1}};
  CHECK(open(request).told == 0);
  const auto plain = open(valley());
  CHECK(plain.told == 0);
  const auto first = ask(plain.id, 1);
  auto refused = studies.tell(plain.id, {{{first[0].number, std::nullopt, "", {{{"seconds", 1}}}}}}, "7");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("has no objective") != std::string::npos);
  request.objective = {{"seconds", -1}};
  this->refused(request, "objective.seconds");
  request.objective = std::map<std::string, double>{};
  this->refused(request, "no weight above 0");
  request.objective = {{"seconds", 1e308}, {"joules", 1e308}};
  this->refused(request, "not finite");
}

TEST_CASE_FIXTURE(Fixture, "an old study, another user's and one that never was are not found") {
  const auto study = open();
  const auto proposals = ask(study.id, 1);
  CHECK(studies.close(study.id, "8").error().kind == ErrorKind::NotFound);
  CHECK(studies.ask(study.id, {1}, "8").error().kind == ErrorKind::NotFound);
  CHECK(studies.close(study.id, "7").has_value());
  auto told = studies.tell(study.id, {{{proposals[0].number, 1.0, ""}}}, "7");
  CHECK(told.error().kind == ErrorKind::NotFound);
  CHECK(studies.show("", "7").error().kind == ErrorKind::NotFound);
}

TEST_CASE_FIXTURE(Fixture, "a user's ninth study closes the one used longest ago") {
  std::vector<std::string> ids;
  for (int64_t n = 1; n <= 9; ++n) {
    StudyRequest request = valley();
    request.sizes["n"] = n;
    ids.push_back(open(request).id);
  }
  const auto others = open(valley(), "8");
  CHECK(studies.show(ids[0], "7").error().kind == ErrorKind::NotFound);
  for (size_t i = 1; i < ids.size(); ++i)
    CHECK(studies.show(ids[i], "7").has_value());
  CHECK(studies.show(others.id, "8").has_value());
}

TEST_CASE_FIXTURE(Fixture, "spaces that cannot be are refused, a space of one point is soon finished") {
  StudyRequest request = valley();
  request.constraints.push_back("A > 20");
  refused(request, "has no configuration");
  request.constraints = {"A > Q"};
  refused(request, "'Q' is neither a parameter nor a size");
  request.constraints = {"A >"};
  refused(request, "");
  request = valley();
  request.parameters.clear();
  refused(request, "parameters: there are none");
  request.parameters["A"] = {};
  refused(request, "parameters.A has 0 values");
  request.parameters["A"] = {1, 1};
  refused(request, "parameters.A has a value twice");
  request = valley();
  request.name.clear();
  refused(request, "name:");
  request = valley();
  request.sizes["n"] = 0;
  refused(request, "sizes.n is 0");
  request = valley();
  request.defaults["A"] = 11;
  refused(request, "none of its values");
  request = valley();
  request.strategy = "clever";
  refused(request, "unknown strategy");
  request = valley();
  request.effort = "heroic";
  refused(request, "quick, normal and full");

  StudyRequest one;
  one.name = "one";
  one.parameters["A"] = {5};
  const auto study = open(one);
  const auto proposals = ask(study.id, 10);
  REQUIRE(proposals.size() == 1);
  CHECK(ask(study.id, 1).empty());
  CHECK_FALSE(studies.show(study.id, "7")->finished); // what comes of it is not known yet
  auto told = studies.tell(study.id, {{{proposals[0].number, std::nullopt, "does not run"}}}, "7");
  CHECK(told->finished);
  CHECK_FALSE(told->best.has_value());
  CHECK(ask(study.id, 1).empty());
}

TEST_CASE_FIXTURE(Fixture, "an ask of nothing, or of too much, is refused") {
  const auto study = open();
  for (int64_t count : {int64_t{0}, int64_t{-1}, int64_t{257}, std::numeric_limits<int64_t>::max()})
    CHECK(studies.ask(study.id, {count}, "7").error().kind == ErrorKind::InvalidInput);
  // Proposals that nobody tells do not grow without bound, and a space has an end.
  size_t all = 0;
  while (true) {
    auto answer = studies.ask(study.id, {256}, "7");
    if (!answer || answer->proposals.empty()) break;
    all += answer->proposals.size();
  }
  CHECK(all == 990);
}

TEST_CASE_FIXTURE(Fixture, "a huge space is searched in a sample that grows") {
  StudyRequest request;
  request.name = "huge";
  for (int i = 0; i < 20; ++i)
    for (int64_t value = 0; value < 64; ++value)
      request.parameters["P" + std::to_string(i)].push_back(value);
  const auto study = open(request);
  CHECK(study.sampled);
  const auto info = run(study.id, 30);
  CHECK(info.told == 30);
  CHECK_FALSE(info.finished);
}
