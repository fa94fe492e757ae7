#include "tests/tuner/tuner_support.h"

#include <set>

using namespace tuned;
using test::Fixture;
using test::timed;

TEST_CASE_FIXTURE(Fixture, "the whole space is tried, the default first, and the best wins") {
  TuneResult result = run();
  REQUIRE(result.winner.has_value());
  CHECK(toString(result.winner->trial.configuration) == "BLOCK=64 num_warps=4");
  CHECK(result.winner->artefact->bytes == "BLOCK=64 num_warps=4");
  CHECK(result.winner->trial.verdict.checked == 10);
  CHECK(result.stopped == "space exhausted");
  CHECK(result.spaceSize == 9);
  CHECK(result.tried == 9);
  CHECK(result.coverage() == 1);
  CHECK(result.gain == doctest::Approx(2));
  CHECK(executor.measuredOrder.front() == request.kernel.defaults);
  std::set<Configuration> distinct(executor.measuredOrder.begin(), executor.measuredOrder.end());
  CHECK(distinct.size() == executor.measuredOrder.size());
  CHECK(executor.cancels == 1);
  CHECK(executor.mostInFlight <= 4);
}

TEST_CASE_FIXTURE(Fixture, "builds of others are timed beside the space under their own names, and may win") {
  auto ours = executor.behaviour;
  double theirs = 0.5e-3;
  executor.behaviour = [&](const Configuration& c) { return c.contains("theirs") ? timed(theirs) : ours(c); };
  auto artefact = std::make_shared<Artefact>();
  artefact->bytes = "made elsewhere";
  request.contenders = {{{{"theirs", 1}}, "somebody 1.0", artefact}};
  TuneResult result = run();
  REQUIRE(result.winner.has_value());
  CHECK(result.winner->trial.origin == "somebody 1.0");
  CHECK(result.winner->artefact->bytes == "made elsewhere");
  CHECK(result.tried == 9); // they are no part of the space
  CHECK(result.coverage() == 1);
  CHECK(result.gain == doctest::Approx(4));
  CHECK_FALSE(result.finalists.empty());

  theirs = 10e-3;
  executor = test::FakeExecutor();
  executor.behaviour = [&](const Configuration& c) { return c.contains("theirs") ? timed(theirs) : ours(c); };
  result = run();
  CHECK(result.winner->trial.origin.empty());
  CHECK(std::ranges::count_if(result.trials, [](const Trial& trial) { return !trial.origin.empty(); }) == 1);
}

TEST_CASE_FIXTURE(Fixture, "the same configuration of another compiler is another build") {
  auto old = std::make_shared<Artefact>();
  old->bytes = "before the upgrade";
  request.contenders = {{{{"BLOCK", 64}, {"num_warps", 4}}, "before the upgrade", old}};
  TuneResult result = run();
  CHECK(result.tried == 9);
  CHECK(result.trials.size() == 10);
  CHECK(result.finalists.size() >= 2);
  std::set<std::string> origins;
  for (const Trial& trial : result.finalists)
    if (trial.configuration == Configuration{{"BLOCK", 64}, {"num_warps", 4}}) origins.insert(trial.origin);
  CHECK(origins == std::set<std::string>{"", "before the upgrade"});
}

TEST_CASE_FIXTURE(Fixture, "two kernels of one image, or one with other parameters, are not the same code") {
  auto right = std::make_shared<Artefact>();
  right->bytes = "an image of several kernels";
  right->launch.symbol = "right";
  right->launch.parameters = {{ParameterKind::Pointer, 8}};
  auto wrong = std::make_shared<Artefact>(*right), other = std::make_shared<Artefact>(*right);
  wrong->launch.symbol = "wrong";
  other->launch.parameters = {{ParameterKind::Scalar, 8}};
  request.contenders = {{{{"theirs", 1}}, "right", right},
                        {{{"theirs", 2}}, "wrong", wrong},
                        {{{"theirs", 3}}, "other", other}};
  auto ours = executor.behaviour;
  executor.behaviour = [&](const Configuration& c) -> Outcome {
    if (!c.contains("theirs")) return ours(c);
    return c.at("theirs") == 1 ? timed(1e-6) : Outcome(WrongResult{"differs"});
  };
  const TuneResult result = run();
  for (const Trial& trial : result.trials)
    if (!trial.origin.empty()) CHECK((trial.origin == "right") == (trial.timed() != nullptr));
}

TEST_CASE_FIXTURE(Fixture, "later trials are raced against the best so far") {
  run();
  REQUIRE(executor.bars.size() == 9);
  CHECK_FALSE(executor.bars.front().has_value());
  for (size_t i = 1; i < executor.bars.size(); ++i) {
    REQUIRE(executor.bars[i].has_value());
    CHECK((i == 1 || *executor.bars[i] <= *executor.bars[i - 1]));
  }
}

TEST_CASE_FIXTURE(Fixture, "an exclusive device is never measured while something compiles") {
  executor.isExclusive = true;
  TuneResult result = run();
  CHECK(result.tried == 9);
  CHECK(executor.measuredWhileCompiling == 0);
  test::FakeExecutor shared;
  shared.behaviour = executor.behaviour;
  REQUIRE(tune(request, shared).has_value());
  CHECK(shared.measuredWhileCompiling > 0);
}

TEST_CASE_FIXTURE(Fixture, "each kind of failure is kept with its reason and never wins") {
  auto fast = executor.behaviour;
  executor.behaviour = [&](const Configuration& c) -> Outcome {
    std::string key = toString(c);
    if (key == "BLOCK=64 num_warps=4") return WrongResult{"differs"};
    if (key == "BLOCK=64 num_warps=2") return CompileFailed{"does not verify"};
    if (key == "BLOCK=64 num_warps=1") return Faulted{"trap"};
    if (key == "BLOCK=128 num_warps=4") return TimedOut{"10 s"};
    if (key == "BLOCK=16 num_warps=1") return OutOfResources{"shared"};
    return fast(c);
  };
  TuneResult result = run();
  REQUIRE(result.winner.has_value());
  CHECK(toString(result.winner->trial.configuration) == "BLOCK=32 num_warps=2");
  CHECK(result.gain == 1);
  CHECK(result.trials.size() == 9);
  std::map<std::string, int> kinds;
  for (const Trial& trial : result.trials)
    ++kinds[name(trial.outcome)];
  CHECK(kinds == std::map<std::string, int>{{"timed", 4},
                                            {"wrong_result", 1},
                                            {"compile_failed", 1},
                                            {"faulted", 1},
                                            {"timed_out", 1},
                                            {"out_of_resources", 1}});
}

TEST_CASE_FIXTURE(Fixture, "when nothing works there is no winner and the reasons are told") {
  executor.behaviour = [](const Configuration& c) -> Outcome {
    if (c.at("num_warps") == 1) return CompileFailed{"does not verify"};
    return WrongResult{"element 3"};
  };
  TuneResult result = run();
  CHECK_FALSE(result.winner.has_value());
  CHECK(result.tried == 9);
  CHECK(result.failures().starts_with("4 compile_failed, 5 wrong_result; first: "));
  CHECK(executor.dueled.empty());
  CHECK(executor.cancels == 1);
}

TEST_CASE_FIXTURE(Fixture, "budgets stop the search, alone and together") {
  request.budget.trials = 3;
  TuneResult result = run();
  CHECK(result.tried == 3);
  CHECK(result.stopped == "budget of 3 trials spent");
  CHECK(result.coverage() == doctest::Approx(1.0 / 3));
  CHECK(result.winner.has_value());

  request.budget = {};
  request.budget.seconds = 4;
  request.budget.trials = 100;
  executor.clock = 0;
  result = run();
  CHECK(result.stopped == "time budget of 4 s spent");
  CHECK(result.tried < 9);

  // Even no time at all is enough for the default.
  request.budget = {};
  request.budget.seconds = 1e-9;
  executor.clock = 0;
  result = run();
  CHECK(result.tried >= 1);
  REQUIRE(result.winner.has_value());
  CHECK(result.winner->trial.configuration == request.kernel.defaults);

  // While all have failed it is worth five times as much, and no more.
  auto works = executor.behaviour;
  request.budget.seconds = 4;
  executor.clock = 0;
  executor.behaviour = [&](const Configuration& c) -> Outcome {
    return executor.clock < 6 ? CompileFailed{"this compiler refuses all of it"} : works(c);
  };
  CHECK(run().winner.has_value());
  executor.clock = 0;
  executor.compileCost = 3;
  executor.behaviour = [](const Configuration&) -> Outcome { return CompileFailed{"it does not"}; };
  result = run();
  CHECK(result.stopped == "time budget of 4 s spent");
  CHECK(result.tried < 9);
  // There is a limit that no search passes, be there something left that was passed over.
  request.budget.mostSeconds = 7;
  executor.clock = 0;
  result = run();
  CHECK(result.stopped == "time limit of 7 s reached");
  CHECK(result.tried == 3);
  executor.registers = [](const Configuration&) { return 600; };
  request.hurried = true;
  executor.clock = 0;
  result = run();
  CHECK_MESSAGE(result.stopped.starts_with("time limit of 7 s reached"), result.stopped);
  CHECK(result.tried == 3);
  request.hurried = false;
  executor.registers = [](const Configuration&) { return 0; };
  executor.compileCost = 1;
  executor.behaviour = works;

  request.budget = {};
  request.budget.withoutGain = 2;
  executor.behaviour = [](const Configuration&) { return timed(1e-3); };
  result = run();
  CHECK(result.stopped == "no gain in 2 trials");
  CHECK(result.tried == 3);
}

TEST_CASE_FIXTURE(Fixture, "a search goes on from the trials that were kept") {
  request.budget.trials = 5;
  TuneResult first = run();
  test::FakeExecutor second;
  second.behaviour = executor.behaviour;
  request.known = first.trials;
  request.budget = {};
  auto result = tune(request, second);
  REQUIRE(result.has_value());
  CHECK(result->tried == 9);
  CHECK(second.measuredOrder.size() == 4);
  for (const Trial& known : first.trials)
    CHECK(std::ranges::find(second.measuredOrder, known.configuration) == second.measuredOrder.end());
  CHECK(toString(result->winner->trial.configuration) == "BLOCK=64 num_warps=4");

  // Everything is known: the winner is only compiled again and measured once more.
  test::FakeExecutor third;
  third.behaviour = executor.behaviour;
  request.known = result->trials;
  auto again = tune(request, third);
  REQUIRE(again.has_value());
  CHECK(third.measuredOrder.empty());
  REQUIRE(again->winner.has_value());
  CHECK(again->winner->artefact != nullptr);
}

TEST_CASE_FIXTURE(Fixture, "failures that are known are not tried again") {
  executor.behaviour = [](const Configuration&) -> Outcome { return Faulted{"trap"}; };
  TuneResult first = run();
  request.known = first.trials;
  executor.compiledOrder.clear();
  TuneResult second = run();
  CHECK(executor.compiledOrder.empty());
  CHECK_FALSE(second.winner.has_value());
  CHECK(second.failures().starts_with("9 faulted"));
}

TEST_CASE_FIXTURE(Fixture, "variants with the same code are measured once") {
  executor.code = [](const Configuration& c) { return std::to_string(c.at("BLOCK")); };
  executor.behaviour = [](const Configuration& c) -> Outcome { return timed(1e-3 * double(c.at("BLOCK"))); };
  TuneResult result = run();
  CHECK(result.tried == 9);
  CHECK(executor.measuredOrder.size() == 4); // 16, 32, 64, 128
  CHECK(toString(result.winner->trial.configuration) == "BLOCK=16 num_warps=1");
  std::map<int64_t, std::set<double>> medians;
  for (const Trial& trial : result.trials)
    medians[trial.configuration.at("BLOCK")].insert(trial.timed()->median);
  for (const auto& [block, distinct] : medians)
    CHECK(distinct.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "the duel decides between the best few, and a finalist that fails there is out") {
  executor.behaviour = [](const Configuration& c) -> Outcome {
    if (c.at("BLOCK") == 64) return timed(1e-3 + 1e-5 * double(c.at("num_warps")));
    return timed(3e-3);
  };
  executor.inDuel = [](const Configuration& c) -> Outcome {
    if (c.at("num_warps") == 1) return Faulted{"only now"};
    return timed(c.at("num_warps") == 4 ? 1.0e-3 : 1.1e-3);
  };
  TuneResult result = run();
  CHECK(toString(result.winner->trial.configuration) == "BLOCK=64 num_warps=4");
  CHECK(result.winner->trial.timed()->median == 1.0e-3);
  CHECK(executor.dueled.size() >= 3);

  request.finalists = 1;
  executor.dueled.clear();
  result = run();
  CHECK(executor.dueled.empty());
  CHECK(toString(result.winner->trial.configuration) == "BLOCK=64 num_warps=1");
}

TEST_CASE_FIXTURE(
    Fixture,
    "the default fights in the duel even when it is no finalist, so that no winner is slower than it") {
  executor.inDuel = [&](const Configuration& c) -> Outcome {
    return c == request.kernel.defaults ? timed(1e-6) : timed(1e-3);
  };
  // Only those within reach of the best are finalists; the default took twice as long.
  executor.behaviour = [&](const Configuration& c) -> Outcome {
    return timed(c == request.kernel.defaults ? 2e-3 : 1e-3);
  };
  TuneResult result = run();
  CHECK(executor.dueled.size() == size_t(request.finalists) + 1);
  CHECK(executor.dueled.back() == request.kernel.defaults);
  CHECK(result.winner->trial.configuration == request.kernel.defaults);
  CHECK(result.gain == 1);
}

TEST_CASE_FIXTURE(Fixture,
                  "a default that was disturbed is timed again among the finalists, unless that takes long") {
  executor.inDuel = [&](const Configuration& c) -> Outcome {
    return timed(c == request.kernel.defaults ? 1.5e-3 : 1e-3);
  };
  double first = 15e-3; // ten times what it takes
  executor.behaviour = [&](const Configuration& c) -> Outcome {
    return timed(c == request.kernel.defaults ? first : 1e-3);
  };
  CHECK(run().gain == doctest::Approx(1.5));
  first = 1.5; // a launch of more than a second is not taken again and again
  CHECK(run().gain == doctest::Approx(1500));
}

TEST_CASE_FIXTURE(Fixture, "variants that cannot be told from the best meet it in the duel") {
  executor.behaviour = [&](const Configuration& c) -> Outcome {
    if (c.at("BLOCK") == 128) return Timed{1e-3, 0.9e-3, 1.4e-3, 8, false, std::vector<double>(8, 1e-3)};
    if (c.at("BLOCK") == 64) return Timed{1.2e-3, 1.0e-3, 1.3e-3, 8, false, std::vector<double>(8, 1.2e-3)};
    return timed(1.5e-3);
  };
  request.finalists = 6;
  executor.inDuel = [&](const Configuration& c) -> Outcome {
    return timed(c.at("BLOCK") == 64 ? 1e-3 : 1.1e-3);
  };
  CHECK(run().winner->trial.configuration.at("BLOCK") == 64);
}

TEST_CASE_FIXTURE(Fixture, "when all finalists fail in the duel the next best are taken") {
  executor.behaviour = [](const Configuration& c) -> Outcome { return timed(1e-3 * double(c.at("BLOCK"))); };
  executor.inDuel = [](const Configuration& c) -> Outcome {
    if (c.at("BLOCK") <= 32) return Faulted{"only now"};
    return timed(1e-3 * double(c.at("BLOCK")));
  };
  TuneResult result = run();
  REQUIRE(result.winner.has_value());
  // The fastest failed, and the default beside it; the next had been given up early and is timed to its end.
  CHECK(toString(result.winner->trial.configuration) == "BLOCK=32 num_warps=1");
  CHECK(result.winner->trial.eligible());
  int faulted = 0;
  for (const Trial& trial : result.trials)
    faulted += std::holds_alternative<Faulted>(trial.outcome);
  CHECK(faulted == 2);
}

TEST_CASE_FIXTURE(Fixture, "a fault is not passed on to variants with the same code") {
  executor.code = [](const Configuration& c) { return std::to_string(c.at("BLOCK")); };
  bool first = true;
  executor.behaviour = [&](const Configuration& c) -> Outcome {
    if (c.at("BLOCK") == 64 && !executor.measuredOrder.empty() && executor.measuredOrder.back() == c &&
        std::exchange(first, false))
      return Faulted{"the worker was killed"};
    return timed(1e-3);
  };
  TuneResult result = run();
  int faulted = 0;
  for (const Trial& trial : result.trials)
    faulted += std::holds_alternative<Faulted>(trial.outcome);
  CHECK(faulted == 1);
  CHECK(executor.measuredOrder.size() == 5);
}

TEST_CASE_FIXTURE(Fixture, "progress is told after every trial and at the end") {
  int trials = 0;
  std::vector<std::string> phases;
  double lastSeconds = -1;
  request.onProgress = [&](const Progress& progress) {
    trials += progress.last != nullptr;
    if (phases.empty() || phases.back() != progress.phase) phases.push_back(progress.phase);
    CHECK(progress.total == 9);
    CHECK(progress.seconds >= lastSeconds);
    CHECK((progress.last == nullptr || progress.best != nullptr));
    lastSeconds = progress.seconds;
  };
  run();
  CHECK(trials == 9);
  CHECK(phases == std::vector<std::string>{"searching", "duel", "done"});
}

TEST_CASE_FIXTURE(Fixture, "cancelling ends the search with what there is") {
  std::stop_source source;
  request.onProgress = [&](const Progress& progress) {
    if (progress.tried == 4) source.request_stop();
  };
  TuneResult result = run(source.get_token());
  CHECK(result.stopped == "cancelled");
  CHECK(result.tried < 9);
  CHECK(executor.cancels == 1);
  REQUIRE(result.winner.has_value());
}

TEST_CASE_FIXTURE(Fixture, "a search that cannot begin is an error") {
  request.strategy = "clever";
  CHECK(tune(request, executor).error().kind == ErrorKind::NotFound);
  request.strategy = "random";
  request.sizes = {};
  CHECK(tune(request, executor).error().kind == ErrorKind::InvalidInput);
  request.sizes = {{"n", 100}};
  request.kernel.constraints = {*Expression::parse("0")};
  CHECK(tune(request, executor).error().kind == ErrorKind::InvalidInput);
  CHECK(executor.compiledOrder.empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "a search ends by itself when little is left to gain, and not before something works") {
  request.strategy = "portfolio";
  request.worth = 0.05;
  std::vector<int64_t> values(64);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<int64_t>(16 * (i + 1));
  request.kernel.parameters[0].values = values;
  request.kernel.constraints.clear();
  executor.behaviour = [](const Configuration& c) -> Outcome {
    const double off = (static_cast<double>(c.at("BLOCK")) - 512) / 512;
    return timed(1e-3 * (1 + off * off));
  };
  TuneResult result = run();
  CHECK(result.stopped == "expected gain under 5 %");
  CHECK(result.tried < 100);
  REQUIRE(result.winner.has_value());
  CHECK(result.winner->trial.timed()->median <= 1.05e-3);

  executor.behaviour = [](const Configuration&) -> Outcome { return Faulted{"trap"}; };
  result = run();
  CHECK(result.stopped == "space exhausted");
  CHECK(result.tried == 192);
}

TEST_CASE_FIXTURE(Fixture, "histories reach the strategy: what was best elsewhere is tried at once") {
  request.strategy = "portfolio";
  History history{"another card", 1, {}};
  history.points.push_back({{{"BLOCK", 64}, {"num_warps", 4}}, 1e-6});
  history.points.push_back({{{"BLOCK", 16}, {"num_warps", 1}}, 2e-6});
  history.points.push_back({{{"BLOCK", 999}, {"num_warps", 1}}, 1e-9}); // no point of this space
  request.history = {history};
  run();
  REQUIRE(executor.measuredOrder.size() == 9);
  CHECK(executor.measuredOrder[0] == request.kernel.defaults);
  CHECK(toString(executor.measuredOrder[1]) == "BLOCK=64 num_warps=4");
}

TEST_CASE_FIXTURE(Fixture,
                  "the seconds of all phases are the wall clock, and a measurement says what it did") {
  executor.measurePhases = {{"load", 0.125}, {"time", 0.25}};
  std::vector<double> sums;
  request.onProgress = [&](const Progress& progress) {
    REQUIRE(progress.phases);
    double sum = 0;
    for (const auto& [phase, seconds] : progress.phases->seconds())
      sum += seconds;
    sums.push_back(sum - progress.seconds);
  };
  TuneResult result = run();
  for (double off : sums)
    CHECK(off == doctest::Approx(0));
  CHECK(result.phases.at("load") == doctest::Approx(9 * 0.125));
  CHECK(result.phases.at("time") == doctest::Approx(9 * 0.25));
  CHECK(result.phases.at("wait") == doctest::Approx(9 * 0.125));
  CHECK(result.phases.at("compile") == doctest::Approx(9));
  CHECK(result.seconds == doctest::Approx(9 * 1.5));
}

TEST_CASE("a phase is given no more than there was") {
  double clock = 10;
  PhaseClock phases([&] { return clock; });
  phases.enter("wait");
  clock += 2;
  phases.attribute({{"load", 3}, {"time", 1}, {"verify", -5}});
  clock += 1;
  phases.attribute({{"time", 0.5}});
  phases.enter("search");
  CHECK(phases.seconds().at("load") == doctest::Approx(1.5));
  CHECK(phases.seconds().at("time") == doctest::Approx(1));
  CHECK(phases.seconds().at("wait") == doctest::Approx(0.5));
  CHECK(phases.seconds().at("verify") == 0);
}

TEST_CASE_FIXTURE(Fixture, "a default that is the best stays, with no gain") {
  const Configuration standard = request.kernel.defaults;
  executor.behaviour = [standard](const Configuration& c) { return timed(c == standard ? 1e-3 : 1.5e-3); };
  for (const char* strategy : {"exhaustive", "portfolio", "local"}) {
    request.strategy = strategy;
    TuneResult result = run();
    REQUIRE(result.winner.has_value());
    CHECK(result.winner->trial.configuration == standard);
    CHECK(result.gain == doctest::Approx(1));
  }
}
