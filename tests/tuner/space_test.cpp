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

namespace {
std::vector<std::string> texts(const Space& space) {
  std::vector<std::string> out;
  for (const Configuration& each : space.configurations())
    out.push_back(toString(each));
  return out;
}
} // namespace

TEST_CASE("a second compiler gives every configuration a twin that keeps what that compiler reads") {
  Kernel kernel = test::twice();
  kernel.parameters.push_back({"maxnreg", {0, 128}});
  kernel.parameters.push_back({"occupancy", {1, 2}});
  kernel.parameters[0].values = {64};
  kernel.parameters[1].values = {2};
  kernel.defaults = {{"BLOCK", 64}, {"num_warps", 2}, {"maxnreg", 0}, {"occupancy", 1}};
  auto space = Space::enumerate(kernel, {{"n", 100}}, {}, {"nvptx", "tileir"});
  REQUIRE(space.has_value());
  CHECK(texts(*space) ==
        std::vector<std::string>{"BLOCK=64 maxnreg=0 num_warps=2 occupancy=1",
                                 "BLOCK=64 compiler=tileir maxnreg=0 num_warps=2 occupancy=1",
                                 "BLOCK=64 compiler=tileir maxnreg=0 num_warps=2 occupancy=2",
                                 "BLOCK=64 maxnreg=128 num_warps=2 occupancy=1"});
  CHECK(space->find(kernel.defaults) == 0);
  // The twin is a neighbour, in both directions.
  CHECK(std::ranges::count(space->neighbours(0), 1u) == 1);
  CHECK(std::ranges::count(space->neighbours(1), 0u) == 1);
  // A device with one compiler names none.
  auto alone = Space::enumerate(kernel, {{"n", 100}}, {}, {"nvptx"});
  REQUIRE(alone.has_value());
  CHECK(texts(*alone) == std::vector<std::string>{"BLOCK=64 maxnreg=0 num_warps=2 occupancy=1",
                                                  "BLOCK=64 maxnreg=128 num_warps=2 occupancy=1"});
}

TEST_CASE("hints of Tile IR that a kernel names replace what they were told from") {
  Kernel kernel = test::twice();
  kernel.parameters[0].values = {64};
  kernel.parameters[1].values = {2, 4};
  kernel.parameters.push_back({"worker_warps", {4, 8}});
  kernel.defaults = {{"BLOCK", 64}, {"num_warps", 4}, {"worker_warps", 4}};
  auto space = Space::enumerate(kernel, {{"n", 100}}, {}, {"nvptx", "tileir"});
  REQUIRE(space.has_value());
  CHECK(texts(*space) == std::vector<std::string>{"BLOCK=64 num_warps=2 worker_warps=4",
                                                  "BLOCK=64 compiler=tileir num_warps=4 worker_warps=4",
                                                  "BLOCK=64 compiler=tileir num_warps=4 worker_warps=8",
                                                  "BLOCK=64 num_warps=4 worker_warps=4"});
}

TEST_CASE("a kernel that names compilers gets those that are there") {
  Kernel kernel = test::twice();
  kernel.parameters[0].values = {64};
  kernel.parameters[1].values = {2};
  kernel.parameters.push_back({"compiler", {0, 1}});
  kernel.defaults = {{"BLOCK", 64}, {"num_warps", 2}, {"compiler", 1}};
  auto of = [&](std::vector<std::string> compilers) {
    auto space = Space::enumerate(kernel, {{"n", 100}}, {}, compilers);
    REQUIRE(space.has_value());
    return texts(*space);
  };
  CHECK(of({"nvptx", "tileir"}) == std::vector<std::string>{"BLOCK=64 compiler=nvptx num_warps=2",
                                                            "BLOCK=64 compiler=tileir num_warps=2"});
  CHECK(of({"nvptx"}) == std::vector<std::string>{"BLOCK=64 compiler=nvptx num_warps=2"});
  CHECK(of({"cpu"}).size() == 2);
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
  // Of a billion products a thousand are left, and found without walking the billion.
  huge.constraints = {*Expression::parse("A == B"), *Expression::parse("C == A")};
  auto diagonal = Space::enumerate(huge, {{"n", 100}});
  REQUIRE(diagonal.has_value());
  CHECK(diagonal->size() == 1000);
}

TEST_CASE(
    "a space too large to list is sampled: the same each time, with the default, within the constraints") {
  Kernel huge = test::twice();
  huge.parameters.clear();
  huge.defaults.clear();
  std::vector<int64_t> values(100);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<int64_t>(i);
  for (int i = 0; i < 40; ++i) {
    huge.parameters.push_back({"P" + std::to_string(100 + i), values});
    huge.defaults[huge.parameters.back().name] = 7;
  }
  huge.constraints = {*Expression::parse("P100 >= P101"), *Expression::parse("P139 % 2 == 1")};
  auto space = Space::enumerate(huge, {{"n", 100}}), again = Space::enumerate(huge, {{"n", 100}});
  REQUIRE(space.has_value());
  CHECK(space->sampled());
  CHECK(space->total() == int64_t(1) << 62);
  CHECK(space->size() > 1000);
  CHECK(space->size() * 40 <= size_t(1) << 20);
  CHECK(space->find(huge.defaults) == 0);
  REQUIRE(space->size() == again->size());
  bool same = true;
  for (size_t i = 0; i < space->size(); ++i)
    same = same && std::ranges::equal(space->row(i), again->row(i));
  CHECK(same);
  std::set<int64_t> seen;
  for (const Configuration& each : space->configurations()) {
    CHECK(each.at("P100") >= each.at("P101"));
    CHECK(each.at("P139") % 2 == 1);
    seen.insert(each.at("P120"));
  }
  CHECK(seen.size() == 100);
  // What nothing satisfies is said so and not searched for ever.
  huge.constraints = {*Expression::parse("P100 + P139 > 1000")};
  auto none = Space::enumerate(huge, {{"n", 100}});
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().kind == ErrorKind::InvalidInput);
}

TEST_CASE("any number of parameters costs no stack") {
  Kernel many = test::twice();
  many.parameters.clear();
  many.defaults.clear();
  many.constraints.clear();
  for (int i = 0; i < 100'000; ++i) {
    many.parameters.push_back({"P" + std::to_string(i), {1}});
    many.defaults[many.parameters.back().name] = 1;
  }
  auto space = Space::enumerate(many, {{"n", 100}});
  REQUIRE(space.has_value());
  CHECK(space->size() == 1);
}
