#include "base/model/json.h"
#include "tuner/search/budget.h"
#include "tuner/search/distance.h"
#include "tuner/trial.h"

#include <doctest/doctest.h>
#include <limits>

using namespace tuned;

TEST_CASE("every outcome survives JSON and CBOR") {
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
    trial.verdict = {"cpu", 5, 6, 0.25, true, Tolerance{0, 1e-3}, "passed", ""};
    trial.resources = {10, 20, 30};
    trial.artefact = "abc";
    trial.origin = "triton 3.6.0";
    trial.compileSeconds = 1.5;
    trial.measureSeconds = 2.5;
    const auto wire = model::toJson(toMeasurement(trial));
    auto read = model::fromJson<Measurement>(nlohmann::json::from_cbor(nlohmann::json::to_cbor(wire)));
    REQUIRE(read.has_value());
    auto back = fromMeasurement(*read);
    REQUIRE(back.has_value());
    CHECK(back->outcome.index() == outcome.index());
    CHECK(reason(back->outcome) == reason(outcome));
    CHECK(model::toJson(toMeasurement(*back)) == wire);
    CHECK(back->configuration == trial.configuration);
    CHECK(back->verdict.guardsIntact);
    CHECK(back->verdict.tolerance == Tolerance{0, 1e-3});
    CHECK(back->resources.spillBytes == 30);
    CHECK(back->origin == "triton 3.6.0");
  }
}

TEST_CASE("an error beyond all numbers is still a number in JSON") {
  Measurement measurement;
  measurement.outcome = "wrong_result";
  measurement.verdict.worstError = std::numeric_limits<double>::infinity();
  auto back = model::fromText<Measurement>(model::dump(model::toJson(measurement)));
  REQUIRE(back.has_value());
  CHECK(back->verdict.worstError > 1e300);
}

TEST_CASE("what is no measurement is refused") {
  auto refused = [](const char* text) {
    auto read = model::fromText<Measurement>(text);
    auto trial = read ? fromMeasurement(*read) : fail(read.error());
    REQUIRE_FALSE(trial.has_value());
    CHECK(trial.error().kind == ErrorKind::InvalidInput);
    return trial.error().message;
  };
  const std::string base = R"("kernel":"k","sizes":{},"device":"cpu","configuration":{})";
  CHECK(refused("{}") == "kernel: missing");
  CHECK(refused("5") == "the body: expected an object, found number");
  CHECK(refused(("{" + base + R"(,"outcome":"splendid"})").c_str()) == "there is no outcome 'splendid'");
  CHECK(refused(("{" + base + R"(,"outcome":"timed"})").c_str()) == "a timed outcome has no time");
  CHECK(refused(("{" + base + R"(,"outcome":"timed","seconds":"fast"})").c_str()) ==
        "seconds: expected a number, found string");
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
  CHECK_FALSE(budget.exhausted({.seconds = 59, .trials = 9, .withoutGain = 4}).has_value());
  CHECK(budget.exhausted({.seconds = 60, .trials = 9, .withoutGain = 4}) == "time budget of 60 s spent");
  CHECK(budget.exhausted({.seconds = 59, .trials = 10, .withoutGain = 4}) == "budget of 10 trials spent");
  CHECK(budget.exhausted({.seconds = 59, .trials = 9, .withoutGain = 5}) == "no gain in 5 trials");
  budget.mostSeconds = 70;
  CHECK(budget.exhausted({.seconds = 14, .clock = 70}) == "time limit of 70 s reached");
  CHECK_FALSE(budget.exhausted({.seconds = 14, .clock = 69}));
}

TEST_CASE("problems are as far from each other as the factors between their sizes, and their devices") {
  CHECK(distanceBetween({{"M", 8}, {"N", 4}}, {{"M", 8}, {"N", 4}}, false) == 0);
  CHECK(distanceBetween({{"M", 8}, {"N", 4}}, {{"M", 8}, {"N", 4}}, true) == 1);
  CHECK(distanceBetween({{"M", 8}, {"N", 4}}, {{"M", 16}, {"N", 2}}, false) ==
        doctest::Approx(2 * 0.6931471806));
  CHECK(distanceBetween({{"M", 8}, {"N", 0}}, {{"K", 16}, {"N", 2}}, false) == 0);
}
