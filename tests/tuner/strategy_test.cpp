#include "tests/tuner/kernels.h"
#include "tuner/search/strategy.h"

#include <set>

using namespace tuned;

namespace {

Space space() {
  return *Space::enumerate(test::twice(), {{"n", 100}});
}

std::vector<Configuration> drain(Strategy& strategy, size_t step) {
  std::vector<Configuration> all;
  for (auto batch = strategy.propose(step); !batch.empty(); batch = strategy.propose(step)) {
    CHECK(batch.size() <= step);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

} // namespace

TEST_CASE("every strategy proposes every configuration once, and none that is known") {
  Space points = space();
  for (const std::string& name : strategyNames()) {
    CAPTURE(name);
    auto strategy = makeStrategy(name, points, 7);
    REQUIRE(strategy.has_value());
    Trial known;
    known.configuration = points.configurations()[4];
    (*strategy)->observe(known);
    auto all = drain(**strategy, 4);
    CHECK(all.size() == points.size() - 1);
    std::set<Configuration> distinct(all.begin(), all.end());
    CHECK(distinct.size() == all.size());
    CHECK_FALSE(distinct.contains(known.configuration));
    CHECK((*strategy)->propose(4).empty());
  }
}

TEST_CASE("equal seeds agree, others differ, exhaustive keeps the order") {
  Space points = space();
  auto order = [&](const char* name, uint64_t seed) { return drain(**makeStrategy(name, points, seed), 3); };
  CHECK(order("random", 1) == order("random", 1));
  CHECK(order("random", 1) != order("random", 2));
  CHECK(order("exhaustive", 1) == points.configurations());
}

TEST_CASE("an unknown strategy is refused with the names there are") {
  Space points = space();
  auto strategy = makeStrategy("clever", points, 1);
  REQUIRE_FALSE(strategy.has_value());
  CHECK(strategy.error().kind == ErrorKind::NotFound);
  CHECK(strategy.error().text().find("exhaustive, random") != std::string::npos);
}
