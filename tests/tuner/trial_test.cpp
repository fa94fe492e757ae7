#include "tuner/search/budget.h"
#include "tuner/trial.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace tuned;

TEST_CASE("every outcome survives JSON") {
  std::vector<Outcome> outcomes = {Timed{1, 0.5, 2, 3, true, {1, 2, 0.5}},
                                   CompileFailed{"a"},
                                   OutOfResources{"b"},
                                   WrongResult{"c"},
                                   Faulted{"d"},
                                   TimedOut{"e"},
                                   Refused{"f"}};
  for (const Outcome& outcome : outcomes) {
    Trial trial;
    trial.configuration = {{"A", 1}, {"B", -2}};
    trial.outcome = outcome;
    trial.verdict = {"cpu", 5, 6, 0.25, true};
    trial.resources = {10, 20, 30};
    trial.artefact = "abc";
    trial.compileSeconds = 1.5;
    trial.measureSeconds = 2.5;
    auto back = trialFromJson(toJson(trial));
    REQUIRE(back.has_value());
    CHECK(back->outcome.index() == outcome.index());
    CHECK(reason(back->outcome) == reason(outcome));
    CHECK(toJson(*back) == toJson(trial));
    CHECK(back->configuration == trial.configuration);
    CHECK(back->verdict.guardsIntact);
    CHECK(back->resources.spillBytes == 30);
  }
  CHECK_FALSE(toJson(outcomes[0], false).contains("samples"));
}

TEST_CASE("what is no trial is refused") {
  CHECK_FALSE(trialFromJson(nlohmann::json::object()).has_value());
  CHECK_FALSE(outcomeFromJson({{"kind", "splendid"}, {"reason", ""}}).has_value());
  CHECK_FALSE(outcomeFromJson({{"kind", "timed"}, {"median", "fast"}}).has_value());
  CHECK_FALSE(outcomeFromJson({{"kind", "faulted"}}).has_value());
  CHECK_FALSE(verdictFromJson(5).has_value());
}

TEST_CASE("errors become the outcome they mean") {
  auto kind = [](ErrorKind error, bool compiling) {
    return std::string(name(outcomeOf({error, "x"}, compiling)));
  };
  CHECK(kind(ErrorKind::OutOfResources, true) == "out_of_resources");
  CHECK(kind(ErrorKind::TimedOut, true) == "timed_out");
  CHECK(kind(ErrorKind::Denied, true) == "refused");
  CHECK(kind(ErrorKind::Unsupported, true) == "refused");
  CHECK(kind(ErrorKind::Unsupported, false) == "refused");
  CHECK(kind(ErrorKind::InvalidInput, true) == "compile_failed");
  CHECK(kind(ErrorKind::Faulted, true) == "compile_failed");
  CHECK(kind(ErrorKind::Faulted, false) == "faulted");
  CHECK(kind(ErrorKind::Internal, false) == "faulted");
}

TEST_CASE("the first condition that is met ends the search") {
  Budget budget;
  CHECK_FALSE(budget.exhausted({1e9, 1 << 30, 1 << 30}).has_value());
  budget.seconds = 60;
  budget.trials = 10;
  budget.withoutGain = 5;
  CHECK_FALSE(budget.exhausted({59, 9, 4}).has_value());
  CHECK(budget.exhausted({60, 9, 4}) == "time budget of 60 s spent");
  CHECK(budget.exhausted({59, 10, 4}) == "budget of 10 trials spent");
  CHECK(budget.exhausted({59, 9, 5}) == "no gain in 5 trials");
}
