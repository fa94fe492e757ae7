#include "base/model/launch_condition.h"
#include <array>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace tuned;
using Kind = LaunchCondition::Kind;

namespace {
LaunchCondition on(Kind kind, int argument, int64_t value) {
  return {.kind = kind, .argument = argument, .value = value};
}
LaunchCondition distinct(int a, int b, int64_t bytes = 0, int64_t otherBytes = 0) {
  return {.kind = Kind::Distinct, .argument = a, .other = b, .bytes = bytes, .otherBytes = otherBytes};
}
} // namespace

TEST_CASE("conditions on one argument") {
  std::array<LaunchValue, 2> values = {LaunchValue{0x7f0000000010, 64}, LaunchValue{-32, 0}};
  CHECK(holds(on(Kind::Divisible, 0, 16), values));
  CHECK_FALSE(holds(on(Kind::Divisible, 0, 32), values));
  CHECK(holds(on(Kind::Divisible, 1, 32), values));
  CHECK(holds(on(Kind::Equal, 1, -32), values));
  CHECK_FALSE(holds(on(Kind::AtLeast, 1, 1), values));
  CHECK(holds(on(Kind::AtMost, 1, -32), values));
  CHECK_FALSE(holds(on(Kind::AtLeast, 2, 0), values)); // no such argument
  CHECK_FALSE(holds(on(Kind::AtLeast, -1, 0), values));
}

TEST_CASE("buffers overlap where the lower one reaches into the higher one") {
  auto at = [](int64_t a, int64_t aBytes, int64_t b, int64_t bBytes) {
    return std::array<LaunchValue, 2>{LaunchValue{a, aBytes}, LaunchValue{b, bBytes}};
  };
  CHECK(holds(distinct(0, 1), at(1000, 24, 1024, 8)));
  CHECK_FALSE(holds(distinct(0, 1), at(1000, 25, 1024, 8)));
  CHECK_FALSE(holds(distinct(1, 0), at(1000, 25, 1024, 8)));
  CHECK_FALSE(holds(distinct(0, 1), at(1000, 8, 1000, 8)));
  CHECK_FALSE(holds(distinct(0, 1), at(1000, 0, 1024, 8))); // who knows how far it reaches
  CHECK(holds(distinct(0, 1, 24, 0), at(1000, 0, 1024, 0)));
  CHECK_FALSE(holds(distinct(0, 1, 0, 24), at(1000, 0, 1024, 0)));
  CHECK(holds(distinct(0, 1), at(0, 0, 1024, 8)));
  CHECK(holds(distinct(0, 1), at(INT64_MIN + 64, 8, 64, 64))); // addresses are unsigned
}

TEST_CASE("one address or none in common: what works element by element") {
  LaunchCondition either = distinct(0, 1);
  either.kind = Kind::SameOrDistinct;
  auto at = [](int64_t a, int64_t b) {
    return std::array<LaunchValue, 2>{LaunchValue{a, 64}, LaunchValue{b, 64}};
  };
  CHECK(holds(either, at(1024, 1024)));
  CHECK_FALSE(holds(either, at(1024, 1028)));
  CHECK_FALSE(holds(either, at(1028, 1024)));
  CHECK(holds(either, at(1024, 1088)));
  CHECK(text(either) == "argument 0 and argument 1 are one address or do not overlap");
  auto back = launchConditionFromJson(toJson(either));
  REQUIRE(back);
  CHECK(*back == either);
  std::vector<LaunchCondition> list;
  require(list, either);
  require(list, distinct(0, 1));
  CHECK(list == std::vector{distinct(0, 1)});
  require(list, either);
  CHECK(list.size() == 1);
}

TEST_CASE("conditions are alike when they are about the same arguments") {
  CHECK(alike(on(Kind::Divisible, 0, 16), on(Kind::Divisible, 0, 8)));
  CHECK_FALSE(alike(on(Kind::Divisible, 0, 16), on(Kind::Divisible, 1, 16)));
  CHECK_FALSE(alike(on(Kind::Divisible, 0, 16), on(Kind::Equal, 0, 16)));
  LaunchCondition either = distinct(1, 0);
  either.kind = Kind::SameOrDistinct;
  CHECK(alike(either, distinct(0, 1)));
  CHECK_FALSE(alike(either, distinct(0, 2)));
  CHECK_FALSE(alike(distinct(0, 1), on(Kind::Divisible, 0, 16)));
}

TEST_CASE("the first condition that does not hold is found and told") {
  std::array conditions = {on(Kind::Divisible, 0, 16), on(Kind::AtLeast, 1, 1)};
  std::array<LaunchValue, 2> values = {LaunchValue{32, 0}, LaunchValue{0, 0}};
  const LaunchCondition* broken = firstBroken(conditions, values);
  REQUIRE(broken == &conditions[1]);
  CHECK(text(*broken) == "argument 1 is at least 1");
  std::array<std::string, 2> names = {"a_ptr", "stride_am"};
  CHECK(text(*broken, names) == "stride_am is at least 1");
  CHECK(text(distinct(0, 1), names) == "a_ptr and stride_am do not overlap");
  values[1].value = 5;
  CHECK(firstBroken(conditions, values) == nullptr);
}

TEST_CASE(
    "a build for one grid holds for that grid alone, and one that pads with zeros for such descriptors") {
  LaunchCondition grid{.kind = Kind::Grid, .programs = {64, 2, 1}};
  std::array<int64_t, 3> same = {64, 2, 1}, other = {64, 1, 2};
  CHECK(holds(grid, {}, same));
  CHECK_FALSE(holds(grid, {}, other));
  CHECK_FALSE(holds(grid, {}, std::span(same).first(2)));
  CHECK(holds(grid, {})); // left to whoever launches
  CHECK(text(grid) == "the grid is 64 × 2 × 1");
  LaunchCondition zeros{.kind = Kind::PadsZero, .argument = 1};
  std::array<LaunchValue, 2> values = {LaunchValue{32, 0, true}, LaunchValue{64, 0, false}};
  CHECK(holds(zeros, values));
  std::array both = {grid, zeros};
  CHECK(firstBroken(both, values, same) == nullptr);
  CHECK(firstBroken(both, values, other) == &both[0]);
  values[1].padsNan = true;
  CHECK(firstBroken(both, values, same) == &both[1]);
  CHECK(text(zeros) == "argument 1 pads with zeros");
}

TEST_CASE("a list keeps the strongest of its conditions") {
  std::vector<LaunchCondition> list;
  require(list, on(Kind::Divisible, 0, 8));
  require(list, on(Kind::Divisible, 0, 16));
  require(list, on(Kind::Divisible, 0, 4));
  require(list, on(Kind::AtLeast, 0, 1));
  require(list, distinct(0, 1));
  require(list, distinct(0, 1));
  REQUIRE(list.size() == 3);
  CHECK(list[0] == on(Kind::Divisible, 0, 16));
  require(list, on(Kind::Equal, 0, 32));
  CHECK(list == std::vector{distinct(0, 1), on(Kind::Equal, 0, 32)});
}

TEST_CASE("JSON and back; bad JSON is told by its field") {
  for (const LaunchCondition& condition :
       {on(Kind::Divisible, 3, 16), on(Kind::Equal, 0, -1), on(Kind::AtMost, 1, INT64_MAX),
        distinct(0, 2, 64, 0), distinct(1, 2), LaunchCondition{.kind = Kind::PadsZero, .argument = 4},
        LaunchCondition{.kind = Kind::Grid, .programs = {1, 2, INT32_MAX}}}) {
    auto back = launchConditionFromJson(nlohmann::json(toJson(condition)));
    REQUIRE(back);
    CHECK(*back == condition);
  }
  auto refused = [](const char* json, const char* why) {
    auto result = launchConditionFromJson(nlohmann::json::parse(json));
    REQUIRE_FALSE(result);
    CHECK(result.error().message.find(why) != std::string::npos);
  };
  refused("[]", "no object");
  refused(R"({"kind": "shiny", "argument": 0, "value": 1})", "'kind'");
  refused(R"({"kind": "divisible", "argument": 0})", "'value'");
  refused(R"({"kind": "divisible", "argument": 0, "value": 0})", "'value'");
  refused(R"({"kind": "equal", "argument": -1, "value": 0})", "'argument'");
  refused(R"({"kind": "equal", "argument": 0, "value": 18446744073709551615})", "'value'");
  refused(R"({"kind": "equal", "argument": 0, "value": 1.5})", "'value'");
  refused(R"({"kind": "equal", "argument": 0, "value": 1, "other": 2})", "does not know");
  refused(R"({"kind": "distinct", "argument": 0})", "'other'");
  refused(R"({"kind": "grid", "programs": [1, 2]})", "'programs'");
  refused(R"({"kind": "grid", "programs": [0, 1, 1]})", "'programs'");
  refused(R"({"kind": "grid", "programs": [1, 1, 18446744073709551615]})", "'programs'");
  refused(R"({"kind": "grid", "programs": [1, 1, 1], "argument": 0})", "does not know");
  refused(R"({"kind": "pads_zero", "argument": 0, "value": 1})", "does not know");
}
