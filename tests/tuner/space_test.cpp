#include "tests/tuner/kernels.h"
#include "tuner/search/space.h"

#include <algorithm>
#include <set>

using namespace tuned;

TEST_CASE("a space is all configurations that satisfy the constraints, in a stable order") {
  auto space = Space::enumerate(test::twice(), {{"n", 100}});
  REQUIRE(space.has_value());
  std::vector<std::string> got;
  for (const Configuration& each : space->configurations())
    got.push_back(toString(each));
  CHECK(got ==
        std::vector<std::string>{"BLOCK=16 num_warps=1", "BLOCK=32 num_warps=1", "BLOCK=32 num_warps=2",
                                 "BLOCK=64 num_warps=1", "BLOCK=64 num_warps=2", "BLOCK=64 num_warps=4",
                                 "BLOCK=128 num_warps=1", "BLOCK=128 num_warps=2", "BLOCK=128 num_warps=4"});
  for (size_t i = 0; i < space->size(); ++i)
    CHECK(space->find(space->configurations()[i]) == i);
  CHECK(space->find({{"BLOCK", 16}, {"num_warps", 4}}) == space->size());
}

TEST_CASE("parameters the compiler does not see are collapsed onto the default") {
  auto space = Space::enumerate(test::twice(), {{"n", 100}}, {"num_warps", "num_stages"});
  REQUIRE(space.has_value());
  std::vector<std::string> got;
  for (const Configuration& each : space->configurations())
    got.push_back(toString(each));
  CHECK(got == std::vector<std::string>{"BLOCK=16 num_warps=1", "BLOCK=32 num_warps=2",
                                        "BLOCK=64 num_warps=2", "BLOCK=128 num_warps=2"});
}

TEST_CASE("launch options that only the default names are part of every configuration") {
  Kernel kernel = test::twice();
  kernel.defaults["num_stages"] = 5;
  auto space = Space::enumerate(kernel, {{"n", 100}});
  REQUIRE(space.has_value());
  CHECK(space->find(kernel.defaults) < space->size());
  for (const Configuration& each : space->configurations())
    CHECK(each.at("num_stages") == 5);
}

TEST_CASE("neighbours differ in one parameter, the nearest values first") {
  auto space = Space::enumerate(test::twice(), {{"n", 100}});
  REQUIRE(space.has_value());
  size_t middle = space->find({{"BLOCK", 64}, {"num_warps", 2}});
  std::vector<std::string> got;
  for (size_t each : space->neighbours(middle))
    got.push_back(toString(space->configurations()[each]));
  CHECK(got.size() == 4);
  CHECK(std::set<std::string>(got.begin(), got.end()) ==
        std::set<std::string>{"BLOCK=32 num_warps=2", "BLOCK=128 num_warps=2", "BLOCK=64 num_warps=1",
                              "BLOCK=64 num_warps=4"});
  auto far = space->neighbours(space->find({{"BLOCK", 16}, {"num_warps", 1}}));
  REQUIRE(far.size() == 3);
  CHECK(space->configurations()[far[0]].at("BLOCK") == 32);
  CHECK(space->configurations()[far[2]].at("BLOCK") == 128);
}

TEST_CASE("spaces that cannot be are refused") {
  Kernel kernel = test::twice();
  kernel.constraints.push_back(*Expression::parse("BLOCK > n * 1000"));
  auto empty = Space::enumerate(kernel, {{"n", 100}});
  REQUIRE_FALSE(empty.has_value());
  CHECK(empty.error().kind == ErrorKind::InvalidInput);
  CHECK(empty.error().message.find("no configuration for sizes n=100") != std::string::npos);
  CHECK(empty.error().message.find("`BLOCK > n * 1000`") != std::string::npos);

  kernel.constraints = {*Expression::parse("BLOCK / (n - 100)")};
  CHECK_FALSE(Space::enumerate(kernel, {{"n", 100}}).has_value());
  CHECK_FALSE(Space::enumerate(kernel, {{"n", 0}}).has_value());
  CHECK_FALSE(Space::enumerate(kernel, {}).has_value());

  Kernel huge = test::twice();
  std::vector<int64_t> values(1000);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<int64_t>(i);
  huge.parameters = {{"A", values}, {"B", values}, {"C", values}};
  huge.defaults.clear();
  huge.constraints.clear();
  auto tooMany = Space::enumerate(huge, {{"n", 100}});
  REQUIRE_FALSE(tooMany.has_value());
  CHECK(tooMany.error().message.find("more than a million configurations") != std::string::npos);
  // Of a billion products a thousand are left, and found without walking the billion.
  huge.constraints = {*Expression::parse("A == B"), *Expression::parse("C == A")};
  auto diagonal = Space::enumerate(huge, {{"n", 100}});
  REQUIRE(diagonal.has_value());
  CHECK(diagonal->size() == 1000);
}
