#include "tests/tuner/kernels.h"
#include "tuner/search/model/gaussian_process.h"
#include "tuner/search/strategy.h"

#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <set>

using namespace tuned;

namespace {

Space space() {
  return *Space::enumerate(test::twice(), {{"n", 100}});
}

/// A product of parameters of 16 values each, less what the constraints would leave out.
Space grid(size_t parameters, size_t values) {
  std::vector<KernelParameter> names;
  for (size_t i = 0; i < parameters; ++i) {
    names.push_back({"P" + std::to_string(i), {}});
    for (size_t value = 0; value < values; ++value)
      names.back().values.push_back(static_cast<int64_t>(value));
  }
  std::vector<Space::Index> cells, row(parameters, 0);
  while (true) {
    cells.insert(cells.end(), row.begin(), row.end());
    size_t at = parameters;
    while (at > 0 && ++row[at - 1] == values)
      row[--at] = 0;
    if (at == 0) return Space::of(names, cells);
  }
}

/// A valley with its bottom at 5/8 of each parameter, in seconds.
double valley(const Space& points, size_t position) {
  double seconds = 1e-3;
  for (size_t i = 0; i < points.parameters().size(); ++i) {
    const double off =
        points.row(position)[i] / static_cast<double>(points.parameters()[i].values.size()) - 0.625;
    seconds *= 1 + 4 * off * off;
  }
  return seconds;
}

std::vector<size_t> drain(Strategy& strategy, size_t step,
                          const std::function<Observation(size_t)>& observe) {
  std::vector<size_t> all;
  for (auto batch = strategy.propose(step); !batch.empty(); batch = strategy.propose(step)) {
    CHECK(batch.size() <= step);
    all.insert(all.end(), batch.begin(), batch.end());
    for (size_t each : batch)
      strategy.observe(observe(each));
  }
  return all;
}

Observation failed(size_t position) {
  return {position, std::nullopt, false};
}

} // namespace

TEST_CASE("every strategy proposes every configuration once, and none that is known") {
  for (const std::string& name : strategyNames()) {
    CAPTURE(name);
    Space points = space();
    auto strategy = makeStrategy(name, {points, 7});
    REQUIRE(strategy.has_value());
    (*strategy)->observe({4, 1e-3, false});
    auto all = drain(**strategy, 4, [](size_t position) {
      return Observation{position, 1e-3 * static_cast<double>(position + 1), false};
    });
    CHECK(all.size() == points.size() - 1);
    std::set<size_t> distinct(all.begin(), all.end());
    CHECK(distinct.size() == all.size());
    CHECK_FALSE(distinct.contains(4));
    CHECK((*strategy)->propose(4).empty());
  }
}

TEST_CASE("equal seeds agree, others differ, exhaustive keeps the order") {
  for (const std::string& name : strategyNames()) {
    CAPTURE(name);
    auto order = [&](uint64_t seed) {
      Space points = grid(3, 5);
      return drain(**makeStrategy(name, {points, seed}), 3, [&](size_t position) {
        return Observation{position, valley(points, position), false};
      });
    };
    CHECK(order(1) == order(1));
    if (name != "exhaustive") CHECK(order(1) != order(2));
  }
  Space points = space();
  auto all = drain(**makeStrategy("exhaustive", {points, 1}), 3, failed);
  for (size_t i = 0; i < all.size(); ++i)
    CHECK(all[i] == i);
}

TEST_CASE("an unknown strategy is refused with the names there are") {
  Space points = space();
  auto strategy = makeStrategy("clever", {points, 1});
  REQUIRE_FALSE(strategy.has_value());
  CHECK(strategy.error().kind == ErrorKind::NotFound);
  CHECK(strategy.error().text().find("exhaustive, random") != std::string::npos);
}

TEST_CASE("strategies that learn are near the bottom of a valley of 4096 points after 60 evaluations") {
  for (const char* name : {"surrogate", "portfolio"}) {
    CAPTURE(name);
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      Space points = grid(4, 8);
      auto strategy = makeStrategy(name, {points, seed});
      double best = 1;
      for (int i = 0; i < 60; ++i) {
        const size_t position = (*strategy)->propose(1).at(0);
        best = std::min(best, valley(points, position));
        (*strategy)->observe({position, valley(points, position), false});
      }
      CHECK(best <= 1.05e-3);
    }
  }
}

TEST_CASE("what two divides often is told apart from what lies beside it") {
  KernelParameter block{"BLOCK", {}};
  for (int64_t value = 16; value <= 512; value += 16)
    block.values.push_back(value);
  GaussianProcess model({block, {"STAGES", {1, 2, 4}}, {"MODE", {0, 1, 2}}});
  // 16 · 2^k is fast, and more so the larger k: two of three blocks are timed.
  std::vector<GaussianProcess::Point> points;
  std::vector<double> targets;
  std::vector<Space::Index> others;
  auto twos = [&](Space::Index at) { return std::countr_zero(static_cast<uint64_t>(block.values[at])); };
  for (Space::Index at = 0; at < block.values.size(); ++at) {
    if (at % 3 == 0) {
      others.push_back(at);
      continue;
    }
    points.push_back(model.pointOf(std::array<Space::Index, 3>{at, 0, 0}));
    targets.push_back(-twos(at));
  }
  CHECK(points.front().size() == 4); // BLOCK has two coordinates, the others one
  double mean = 0;
  for (double target : targets)
    mean += target / static_cast<double>(targets.size());
  for (double& target : targets)
    target -= mean;
  std::mt19937_64 generator(1);
  model.fit(points, targets, generator);
  for (GaussianProcess::Point& point : points)
    model.add(std::move(point));
  const auto weights = model.weights(targets);
  for (Space::Index at : others) {
    CAPTURE(block.values[at]);
    GaussianProcess::Candidate candidate{model.pointOf(std::array<Space::Index, 3>{at, 0, 0}), {}, 1};
    model.update(candidate);
    CHECK(std::abs(mean + GaussianProcess::mean(candidate, weights) + twos(at)) < 0.5);
  }
}

TEST_CASE("what other cards tell is tried first, and what misleads is overcome") {
  for (bool honest : {true, false}) {
    CAPTURE(honest);
    Space points = grid(4, 8);
    History history{"another card", 1, {}};
    for (size_t i = 0; i < points.size(); ++i) {
      // Of another kernel with the same parameters: the valley upside down.
      const double there = valley(points, i);
      history.points.push_back({points.configuration(i), honest ? 3 * there : 1e-6 / there});
    }
    auto strategy = makeStrategy("portfolio", {points, 1, {history}});
    double best = 1;
    for (int i = 0; i < (honest ? 3 : 100); ++i) {
      const size_t position = (*strategy)->propose(1).at(0);
      best = std::min(best, valley(points, position));
      (*strategy)->observe({position, valley(points, position), false});
    }
    CHECK(best <= 1.05e-3);
  }
}

TEST_CASE("a region that fails is learnt and left") {
  Space points = grid(4, 8);
  auto strategy = makeStrategy("surrogate", {points, 3});
  int failures = 0;
  double best = 1;
  for (int i = 0; i < 100; ++i) {
    const size_t position = (*strategy)->propose(1).at(0);
    // Half of the space does not run: that is not said by any constraint.
    const bool works = points.row(position)[0] < 4;
    if (i >= 40) failures += !works;
    if (works) best = std::min(best, valley(points, position));
    (*strategy)->observe({position, works ? std::optional(valley(points, position)) : std::nullopt, false});
  }
  CHECK(failures <= 20);
  CHECK(best <= 1.27e-3); // 1.25e-3 is the least of the half that works
}

TEST_CASE("absurd times, constant times, failures everywhere and censored times end no search") {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  const std::vector<std::function<Observation(size_t)>> behaviours = {
      failed,
      [](size_t position) {
        return Observation{position, 1e-3, false};
      },
      [](size_t position) {
        return Observation{position, 1e-3, true};
      },
      [](size_t position) {
        return Observation{position, 1e-300, false};
      },
      [](size_t position) {
        return Observation{position, position % 2 ? 1e300 : 1e-300, false};
      },
  };
  for (const std::string& name : strategyNames()) {
    CAPTURE(name);
    for (const auto& behaviour : behaviours) {
      Space points = grid(3, 5);
      auto strategy = makeStrategy(name, {points, 1});
      CHECK(drain(**strategy, 2, behaviour).size() == points.size());
    }
  }
  // Times that are none are failures before a strategy sees them.
  for (double median : {0.0, -1.0, infinite, -infinite, std::nan("")}) {
    Trial trial;
    trial.outcome = Timed{median, median, median, 1, false, {}};
    CHECK_FALSE(Observation::of(0, trial).seconds.has_value());
  }
}

TEST_CASE("a space of one point is proposed once") {
  for (const std::string& name : strategyNames()) {
    CAPTURE(name);
    Space points = Space::of({{"P", {7}}}, {0});
    auto strategy = makeStrategy(name, {points, 1});
    CHECK((*strategy)->propose(5) == std::vector<size_t>{0});
    (*strategy)->observe({0, 1e-3, false});
    CHECK((*strategy)->propose(5).empty());
  }
}

TEST_CASE("noise of 20 % leaves a search near the bottom") {
  std::mt19937_64 generator(5);
  std::uniform_real_distribution<double> noise(0.8, 1.2);
  Space points = grid(4, 8);
  auto strategy = makeStrategy("portfolio", {points, 1});
  double best = 1;
  for (int i = 0; i < 120; ++i) {
    const size_t position = (*strategy)->propose(1).at(0);
    best = std::min(best, valley(points, position));
    (*strategy)->observe({position, valley(points, position) * noise(generator), false});
  }
  CHECK(best <= 1.1e-3);
}

TEST_CASE("a device that slows down half-way does not send the search astray") {
  Space points = grid(4, 8);
  auto strategy = makeStrategy("portfolio", {points, 2});
  double best = 1;
  for (int i = 0; i < 120; ++i) {
    const size_t position = (*strategy)->propose(1).at(0);
    best = std::min(best, valley(points, position));
    (*strategy)->observe({position, valley(points, position) * (i < 60 ? 1 : 1.5), false});
  }
  CHECK(best <= 1.05e-3);
}

TEST_CASE("the expected gain is unknown at first and small when nothing is left to gain") {
  Space points = grid(3, 8);
  auto strategy = makeStrategy("surrogate", {points, 1});
  CHECK_FALSE((*strategy)->expectedGain().has_value());
  for (int i = 0; i < 200; ++i) {
    const size_t position = (*strategy)->propose(1).at(0);
    (*strategy)->observe({position, valley(points, position), false});
  }
  REQUIRE((*strategy)->expectedGain().has_value());
  CHECK(*(*strategy)->expectedGain() < 0.01);
}

TEST_CASE("a sampled space grows where it is searched, and positions stay") {
  Kernel huge = test::twice();
  huge.parameters.clear();
  huge.defaults.clear();
  std::vector<int64_t> values(100);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<int64_t>(i);
  for (int i = 0; i < 10; ++i) {
    huge.parameters.push_back({"P" + std::to_string(i), values});
    huge.defaults[huge.parameters.back().name] = 7;
  }
  huge.constraints = {*Expression::parse("P0 >= P1")};
  auto points = Space::enumerate(huge, {{"n", 100}});
  REQUIRE(points.has_value());
  REQUIRE(points->sampled());
  const size_t before = points->size();
  const Configuration first = points->configuration(0);
  CHECK(points->neighbours(0).size() < 10);
  auto around = points->explore(0);
  CHECK(around.size() == 8 * 99 + 92 + 7); // P0 may grow, P1 shrink, the others go anywhere
  CHECK(points->size() > before);
  CHECK(points->sampled());
  CHECK(points->configuration(0) == first);
  for (size_t each : around) {
    const Configuration configuration = points->configuration(each);
    CHECK(configuration.at("P0") >= configuration.at("P1"));
    CHECK(points->find(configuration) == each);
  }
}

TEST_CASE("while nothing is timed most proposals are what a history promises, and some are by chance") {
  Space points = grid(3, 8);
  History history{"elsewhere", 0, {}};
  for (size_t i = 0; i < points.size(); ++i)
    history.points.push_back({points.configuration(i), 1e-3 * static_cast<double>(1 + i)});
  for (const char* name : {"surrogate", "portfolio"}) {
    auto strategy = *makeStrategy(name, {points, 7, {history}});
    size_t promised = 0;
    for (size_t i = 0; i < 32; ++i)
      promised += strategy->propose(1).at(0) < 32;
    CHECK(promised >= 24);
    CHECK(promised < 32);
  }
}

TEST_CASE("what spills is taken to be slow before it is timed") {
  Space points = grid(1, 64);
  // A gentle slope down to the end: the next proposals lie there.
  auto proposals = [&](int64_t spill) {
    auto strategy = *makeStrategy("surrogate", {points, 3, {}});
    for (size_t position : {0, 8, 16, 24, 32, 40})
      strategy->observe({static_cast<size_t>(position), 1e-3 * (1 - 0.01 * static_cast<double>(position))});
    std::vector<size_t> out;
    Resources resources;
    resources.spillBytes = 0;
    strategy->compiled(0, resources);
    for (int i = 0; i < 6; ++i) {
      const size_t next = strategy->propose(1).at(0);
      resources.spillBytes = spill;
      strategy->compiled(next, resources);
      out.push_back(next);
    }
    return out;
  };
  CHECK(proposals(0) == proposals(8));
  CHECK(proposals(0) != proposals(4096));
}
