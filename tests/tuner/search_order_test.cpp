// What is measured when, and what is judged late.
#include "tests/tuner/tuner_support.h"
#include "tuner/search/stragglers.h"

#include <random>
#include <set>

using namespace tuned;
using test::Fixture;
using test::timed;

TEST_CASE_FIXTURE(Fixture, "a guess is asked for where there is no history, by strategies that look at one") {
  int asked = 0;
  request.guess = [&](const Space& space) {
    ++asked;
    History history{"first guess", 1, {}};
    for (size_t i = 0; i < space.size(); ++i) // right about the best alone
      history.points.push_back(
          {space.configuration(i), toString(space.configuration(i)) == "BLOCK=64 num_warps=4" ? 1e-3 : 2e-3});
    return std::optional(history);
  };
  run();
  CHECK(asked == 0); // exhaustive
  request.strategy = "portfolio";
  request.budget.trials = 2;
  TuneResult result = run();
  CHECK(asked == 1);
  REQUIRE(result.winner.has_value());
  CHECK(toString(result.winner->trial.configuration) == "BLOCK=64 num_warps=4");
  request.history = {{"elsewhere", 0, {{request.kernel.defaults, 1e-3}}}};
  run();
  CHECK(asked == 1);
}

TEST_CASE_FIXTURE(Fixture, "of what is compiled, what spills least is timed first") {
  executor.spills = [](const Configuration& c) { return c.at("BLOCK") == 32 ? 0 : 128; };
  executor.readyAtOnce = true;
  run();
  // BLOCK=16 was proposed before BLOCK=32 num_warps=1, and is compiled as well.
  REQUIRE(executor.measuredOrder.size() == 9);
  CHECK(executor.measuredOrder[0] == request.kernel.defaults);
  CHECK(toString(executor.measuredOrder[1]) == "BLOCK=32 num_warps=1");
}

TEST_CASE_FIXTURE(Fixture,
                  "who is in a hurry does not wait for builds that take long when nothing else is left") {
  executor.neverEnds = [](const Configuration& c) { return toString(c) == "BLOCK=16 num_warps=1"; };
  request.hurried = true;
  TuneResult result = run();
  CHECK(result.tried == 8);
  CHECK(result.stopped == "the builds that are left take too long");
  REQUIRE(result.winner.has_value());
  CHECK(toString(result.winner->trial.configuration) == "BLOCK=64 num_warps=4");
  // Who is not, waits until the time is out.
  request.hurried = false;
  request.budget.seconds = 1000;
  CHECK(run().stopped == "time budget of 1000 s spent");
}

TEST_CASE_FIXTURE(Fixture, "in a hurry what is going to spill much is passed over, and told") {
  executor.registers = [](const Configuration& c) { return c.at("BLOCK") == 128 ? 600 : 100; };
  request.hurried = true;
  TuneResult result = run();
  CHECK(result.tried == 6);
  CHECK(executor.compiledOrder.size() == 6);
  CHECK(result.stopped.starts_with("space exhausted"));
  CHECK_MESSAGE(result.stopped.contains("passed over, as they would spill much: 3"), result.stopped);
  // What was tried is known to the next search, which takes up the rest when it has time.
  request.known = result.trials;
  request.hurried = false;
  executor.compiledOrder.clear();
  result = run();
  CHECK(result.tried == 9);
  CHECK(std::ranges::count_if(executor.compiledOrder, [](const auto& c) { return c.at("BLOCK") == 128; }) ==
        3);
  CHECK(result.stopped == "space exhausted");
}

TEST_CASE_FIXTURE(Fixture, "what is going to spill is never passed over where nothing else works") {
  executor.registers = [](const Configuration&) { return 600; };
  request.hurried = true;
  // The default is tried whatever it takes.
  TuneResult result = run();
  REQUIRE(result.winner.has_value());
  CHECK(result.winner->trial.configuration == request.kernel.defaults);
  CHECK(result.tried == 1);
  // It fails: all others are.
  auto works = executor.behaviour;
  executor.behaviour = [&](const Configuration& c) -> Outcome {
    return c == request.kernel.defaults ? CompileFailed{"it does not"} : works(c);
  };
  request.budget.seconds = 2.5; // spent before any of them is there
  executor.compileCost = 2;
  result = run();
  REQUIRE(result.winner.has_value());
  CHECK(toString(result.winner->trial.configuration) != toString(request.kernel.defaults));
  CHECK_FALSE(result.stopped.contains("passed over"));
  // In order, as a named seed wants it, nothing is passed over.
  executor.behaviour = works;
  request.budget.seconds = {};
  request.ordered = true;
  CHECK(run().tried == 9);
}

TEST_CASE("builds are late when they take twice as long as what spills nothing") {
  Resources fits, spills;
  fits.spillBytes = 8;
  spills.spillBytes = 400;
  Stragglers builds(4);
  CHECK_FALSE(builds.late(6, 0)); // two of them have not begun
  CHECK_FALSE(builds.late(2, 1));
  builds.ended(0.5, fits);
  CHECK_FALSE(builds.late(2, 9)); // more are left than have ended
  builds.ended(3, spills);
  CHECK_FALSE(builds.late(2, 1.9));
  CHECK(builds.late(2, 2.1));
  CHECK_FALSE(builds.late(0, 9));
  builds.ended(1.5, fits);
  CHECK_FALSE(builds.late(2, 3.9));
  CHECK(builds.late(2, 4.1));
}

TEST_CASE_FIXTURE(Fixture, "what is timed before it can be judged is judged then, once for equal outputs") {
  executor.judgeBehind = 4;
  executor.outputs = [](const Configuration& c) { return c.at("num_warps") == 1 ? 1 : 2; };
  std::vector<std::string> told;
  request.onProgress = [&](const Progress& progress) {
    if (!progress.last) return;
    CHECK_FALSE(progress.last->pending());
    told.push_back(toString(progress.last->configuration));
  };
  TuneResult result = run();
  CHECK(executor.measuredOrder.size() == 9);
  CHECK(executor.judged.size() == 2);
  CHECK(told.size() == 9);
  CHECK(std::set(told.begin(), told.end()).size() == 9);
  REQUIRE(result.winner.has_value());
  CHECK(result.trials.size() == 9);
  int passed = 0;
  for (const Trial& trial : result.trials) {
    CHECK_FALSE(trial.pending());
    passed += trial.verdict.state == "passed";
  }
  CHECK(passed == 4); // the rest was judged as it was measured
}

TEST_CASE_FIXTURE(Fixture, "what is wrong and fast never wins, however late it is known") {
  const Configuration standard = request.kernel.defaults;
  // All of BLOCK=64 are wrong, and ten times faster than the right ones.
  executor.isWrong = [](const Configuration& c) { return c.at("BLOCK") == 64; };
  executor.behaviour = [](const Configuration& c) {
    return timed((c.at("BLOCK") == 64 ? 1e-4 : 1e-3) * (1 + 0.01 * double(c.at("num_warps"))));
  };
  for (bool checksums : {true, false})
    for (int behind : {0, 3, 8, 100}) {
      CAPTURE(checksums);
      CAPTURE(behind);
      executor.judgeBehind = behind;
      executor.outputs = nullptr;
      if (checksums) executor.outputs = [](const Configuration& c) { return c.at("BLOCK") == 64 ? 1 : 2; };
      executor.measuredOrder.clear();
      TuneResult result = run();
      REQUIRE(result.winner.has_value());
      CHECK(result.winner->trial.configuration.at("BLOCK") != 64);
      // What was given up against a wrong time is timed again: the winner is the best of those that are
      // right.
      CHECK(result.winner->trial.timed()->median == doctest::Approx(1.01e-3));
      CHECK(result.winner->trial.eligible());
      int wrong = 0;
      for (const Trial& trial : result.trials)
        wrong += std::holds_alternative<WrongResult>(trial.outcome);
      CHECK(wrong == 3);
    }
}

TEST_CASE_FIXTURE(Fixture, "when all that was timed turns out wrong there is no winner") {
  executor.judgeBehind = 100;
  executor.isWrong = [](const Configuration&) { return true; };
  TuneResult result = run();
  CHECK_FALSE(result.winner.has_value());
  CHECK(result.failures().starts_with("9 wrong_result"));
}

TEST_CASE_FIXTURE(Fixture, "a search that is broken off before anything was judged has no winner") {
  executor.judgeBehind = 100;
  std::stop_source source;
  executor.behaviour = [&](const Configuration&) {
    if (executor.measuredOrder.size() == 3) source.request_stop();
    return timed(1e-3);
  };
  TuneResult result = run(source.get_token());
  CHECK(result.stopped == "cancelled");
  CHECK_FALSE(result.winner.has_value());
  CHECK(result.trials.empty());
  CHECK(result.tried == 0);
  CHECK(executor.judged.empty());
}

TEST_CASE_FIXTURE(Fixture, "outputs that change from launch to launch are judged one by one") {
  executor.judgeBehind = 100;
  uint64_t next = 0;
  executor.outputs = [&](const Configuration&) { return ++next; };
  TuneResult result = run();
  REQUIRE(result.winner.has_value());
  CHECK(executor.judged.size() == 9);
}

TEST_CASE_FIXTURE(Fixture, "an objective of energy chooses by energy, and gives up nothing for being slow") {
  executor.behaviour = [](const Configuration& c) -> Outcome {
    Timed out = timed(c.at("BLOCK") == 16 ? 1e-3 : 8e-3);
    out.joules = c.at("BLOCK") == 128 ? 0.1 : 1.0;
    return out;
  };
  CHECK(run().winner->trial.configuration.at("BLOCK") == 16);
  for (const char* strategy : {"exhaustive", "portfolio"}) {
    request.strategy = strategy;
    request.objective = {0, 1};
    executor.bars.clear();
    TuneResult result = run();
    REQUIRE(result.winner.has_value());
    CHECK(result.winner->trial.configuration.at("BLOCK") == 128);
    CHECK(result.winner->trial.timed()->joules == 0.1);
    for (const auto& bar : executor.bars)
      CHECK_FALSE(bar.has_value());
    // 1e-3 × 1 against 8e-3 × 0.1: with equal weights the faster one is the worse.
    request.objective = {1, 1};
    CHECK(run().winner->trial.configuration.at("BLOCK") == 128);
    request.objective = {3, 1};
    CHECK(run().winner->trial.configuration.at("BLOCK") == 16);
  }
}

TEST_CASE_FIXTURE(Fixture, "times that cannot be never win, neither in the search nor in the duel") {
  const auto usual = executor.behaviour;
  for (double absurd : {0.0, -1e-3, double(INFINITY), -double(INFINITY), double(NAN)}) {
    CAPTURE(absurd);
    executor = test::FakeExecutor();
    executor.behaviour = [&](const Configuration& c) -> Outcome {
      return toString(c) == "BLOCK=64 num_warps=4" ? Outcome(timed(absurd)) : usual(c);
    };
    TuneResult result = run();
    REQUIRE(result.winner.has_value());
    CHECK(toString(result.winner->trial.configuration) == "BLOCK=64 num_warps=2");
    CHECK(result.tried == 9);
    CHECK(std::ranges::count_if(result.trials, [](const Trial& trial) {
            return std::holds_alternative<Faulted>(trial.outcome);
          }) == 1);
    executor = test::FakeExecutor();
    executor.behaviour = usual;
    executor.inDuel = [&](const Configuration& c) -> Outcome {
      return toString(c) == "BLOCK=64 num_warps=4" ? Outcome(timed(absurd)) : usual(c);
    };
    result = run();
    REQUIRE(result.winner.has_value());
    CHECK(toString(result.winner->trial.configuration) != "BLOCK=64 num_warps=4");
  }
  executor = test::FakeExecutor();
  executor.behaviour = [](const Configuration&) -> Outcome { return timed(0); };
  TuneResult result = run();
  CHECK_FALSE(result.winner.has_value());
  CHECK(result.failures().find("0 s that were measured") != std::string::npos);
}

namespace {

/// A space of 400 points whose times and failures depend on the configuration alone, and in which builds end
/// in an order of their own.
struct Shuffled {
  test::FakeExecutor executor;
  TuneRequest request;

  explicit Shuffled(uint64_t arrival) : generator(arrival) {
    request.kernel = test::twice();
    request.kernel.parameters = {{"BLOCK", {}}, {"num_warps", {}}};
    for (int64_t value = 1; value <= 20; ++value)
      for (KernelParameter& parameter : request.kernel.parameters)
        parameter.values.push_back(value);
    request.kernel.constraints.clear();
    request.kernel.defaults = {{"BLOCK", 3}, {"num_warps", 2}};
    request.sizes = {{"n", 100}};
    request.strategy = "portfolio";
    request.seed = 5;
    request.budget.trials = 60;
    request.now = [this] { return executor.clock; };
    executor.endsFirst = [this](size_t count) { return generator() % count; };
    executor.readyAtOnce = arrival % 2 == 1;
    executor.judgeBehind = static_cast<int>(arrival % 9);
    executor.behaviour = [](const Configuration& c) -> Outcome {
      const auto block = static_cast<double>(c.at("BLOCK")), warps = static_cast<double>(c.at("num_warps"));
      if (c.at("BLOCK") + c.at("num_warps") > 32) return CompileFailed{"too large"};
      return timed(1e-3 * (1 + std::abs(block - 13) / 20 + std::abs(warps - 7) / 20));
    };
    executor.isWrong = [](const Configuration& c) { return c.at("BLOCK") == 13 && c.at("num_warps") == 7; };
  }
  std::mt19937_64 generator;

  /// What was measured, in order, and what came of it.
  std::pair<std::vector<Configuration>, Configuration> run() {
    auto result = tune(request, executor);
    REQUIRE((result && result->winner));
    return {executor.measuredOrder, result->winner->trial.configuration};
  }
};

} // namespace

TEST_CASE("equal seeds give equal searches in order, whatever is compiled first and judged late") {
  auto search = [](uint64_t arrival, bool ordered, uint64_t seed, bool exclusive = false) {
    Shuffled shuffled(arrival);
    shuffled.request.ordered = ordered;
    shuffled.request.seed = seed;
    shuffled.executor.isExclusive = exclusive;
    return shuffled.run();
  };
  const auto first = search(1, true, 5);
  CHECK(first.first.size() > 40);
  for (uint64_t arrival = 2; arrival <= 12; ++arrival) {
    CAPTURE(arrival);
    CHECK(search(arrival, true, 5) == first);
  }
  CHECK(search(1, true, 6) != first);
  // Else what is there is measured: the search is another one.
  CHECK(search(2, false, 5).first != search(3, false, 5).first);
  CHECK(search(2, false, 5, true) == search(3, false, 5, true));
}

TEST_CASE_FIXTURE(Fixture, "builds that were here before are measured in order, too, each once") {
  auto kept = std::make_shared<Artefact>();
  kept->bytes = "made before";
  int fetched = 0;
  auto fetch = [&]() -> std::shared_ptr<const Artefact> {
    ++fetched;
    return kept;
  };
  Compiled gone{{{"BLOCK", 16}, {"num_warps", 2}}, "", nullptr};
  gone.fetch = [] { return nullptr; };
  Compiled later{{{"BLOCK", 32}, {"num_warps", 4}}, "", nullptr};
  later.fetch = fetch;
  const Compiled own{{{"BLOCK", 64}, {"num_warps", 4}}, "", kept};
  for (const bool alone : {true, false}) {
    for (const bool exclusive : {true, false}) {
      CAPTURE(alone);
      CAPTURE(exclusive);
      const auto usual = executor.behaviour;
      executor = test::FakeExecutor();
      executor.behaviour = usual;
      executor.isExclusive = exclusive;
      fetched = 0;
      request.ordered = true;
      request.contendersOnly = alone;
      request.contenders = {own, later, gone};
      const TuneResult result = run();
      REQUIRE(result.winner.has_value());
      CHECK(toString(result.winner->trial.configuration) == "BLOCK=64 num_warps=4");
      CHECK(fetched >= 1);
      if (alone) CHECK(executor.compiledOrder.empty());
    }
  }
}
