// An answer is bound to its question: which verdicts hold under which tolerance, which configurations are in
// the space.
#include "daemon/service/answers/question.h"

#include <cmath>
#include <doctest/doctest.h>

using namespace tuned;

namespace {
Kernel kernel() {
  Kernel out;
  out.name = "k";
  out.sizes = {"n"};
  out.parameters = {{"B", {64, 128}}, {"num_warps", {4}}};
  out.constraints.push_back(*Expression::parse("B <= n"));
  out.arguments.resize(2);
  out.arguments[0] = {"x", "*f32", {}, {}, {}, false, "normal"};
  out.arguments[1] = {"y", "*f32", {}, {}, {}, true, "zeros"};
  out.defaults = {{"B", 64}, {"num_warps", 4}, {"num_stages", 3}};
  return out;
}

Verdict passed(std::optional<Tolerance> tolerance, double worst) {
  return {"reference", 10, 10, worst, true, tolerance, "passed", ""};
}

Kernel with(std::optional<Tolerance> tolerance) {
  Kernel out = kernel();
  out.tolerance = tolerance;
  return out;
}
} // namespace

TEST_CASE("a verdict holds under what is as lax, or where its error was small enough") {
  const Tolerance lax{1e-2, 1e-2}, strict{1e-4, 1e-4}, exact{0, 0};
  CHECK(holdsUnder(with(lax), passed(strict, 1)) == Holds::Yes);
  CHECK(holdsUnder(with(strict), passed(strict, 1)) == Holds::Yes);
  CHECK(holdsUnder(with(strict), passed(lax, 1)) == Holds::Unknown);
  CHECK(holdsUnder(with(strict), passed(lax, 0.009)) == Holds::Yes);
  CHECK(holdsUnder(with(strict), passed(lax, 0.011)) == Holds::Unknown);
  CHECK(holdsUnder(with(exact), passed(lax, 0)) == Holds::Yes);
  CHECK(holdsUnder(with(exact), passed(strict, 1e-9)) == Holds::Unknown);
  // Laxer in one part and stricter in the other says nothing.
  CHECK(holdsUnder(with(Tolerance{1, 1e-9}), passed(strict, 0.5)) == Holds::Unknown);
}

TEST_CASE("where the document says nothing the types' own tolerances are compared") {
  CHECK(holdsUnder(with({}), passed({}, 1)) == Holds::Yes);
  CHECK(holdsUnder(with({}), passed(Tolerance{1e-2, 1e-2}, 0.5)) == Holds::Unknown); // f32's own is 1e-5
  CHECK(holdsUnder(with(Tolerance{1e-2, 1e-2}), passed({}, 1)) == Holds::Yes);
}

TEST_CASE("a failure is one under what is as strict, and only there") {
  Verdict failed = passed(Tolerance{1e-4, 1e-4}, 3);
  failed.state = "failed";
  CHECK(holdsUnder(with(Tolerance{1e-4, 1e-4}), failed) == Holds::No);
  CHECK(holdsUnder(with(Tolerance{1e-6, 1e-6}), failed) == Holds::No);
  CHECK(holdsUnder(with(Tolerance{1e-2, 1e-2}), failed) == Holds::Unknown);
}

TEST_CASE("what nobody can judge holds; what was judged before tolerances were kept is judged again") {
  Verdict unjudged;
  CHECK(holdsUnder(with({}), unjudged) == Holds::Yes);
  Verdict migrated = passed({}, 0);
  migrated.state = "unchecked";
  CHECK(holdsUnder(with({}), migrated) == Holds::Unknown);
}

TEST_CASE("the space is parameters, values, fixed options and constraints") {
  const Kernel k = kernel();
  const Configuration good = {{"B", 128}, {"num_warps", 4}, {"num_stages", 3}};
  CHECK(inSpace(k, good, {{"n", 4096}}));
  CHECK_FALSE(inSpace(k, good, {{"n", 100}})); // the constraint
  auto changed = [&](const char* name, int64_t value) {
    Configuration out = good;
    out[name] = value;
    return inSpace(k, out, {{"n", 4096}});
  };
  CHECK_FALSE(changed("B", 256));        // a value that is not listed
  CHECK_FALSE(changed("num_stages", 2)); // the default fixes it
  CHECK_FALSE(changed("C", 1));          // a parameter that is not there
  CHECK(changed("compiler", 1));         // which of a device's compilers made it is always open
  CHECK_FALSE(changed("compiler", 99));
  CHECK_FALSE(inSpace(k, {{"num_warps", 4}, {"num_stages", 3}}, {{"n", 4096}}));
}

TEST_CASE("a launch that breaks conditions is answered by a build that has none like them") {
  using Kind = LaunchCondition::Kind;
  store::MeasurementRecord record;
  record.policy = policyOf({});
  record.measurement.configuration = {{"B", 64}, {"num_warps", 4}, {"num_stages", 3}};
  record.measurement.verdict = passed({}, 0.5);
  auto answering = [&](const LaunchCondition& broken) {
    return answersWithout(kernel(), {{"n", 4096}}, record, {broken});
  };
  const LaunchCondition aligned{.kind = Kind::Divisible, .argument = 1, .value = 16};
  const LaunchCondition apart{.kind = Kind::Distinct, .argument = 0, .other = 1};
  CHECK(answering(aligned));
  record.build.build.launch.conditions = {{.kind = Kind::Divisible, .argument = 1, .value = 8}};
  CHECK_FALSE(answering(aligned)); // whether the lesser one holds is not known
  CHECK(answering(apart));
  record.build.build.launch.conditions = {{.kind = Kind::SameOrDistinct, .argument = 1, .other = 0}};
  CHECK(answering(aligned));
  CHECK_FALSE(answering(apart));
  record.build.build.launch.conditions = {};
  record.measurement.configuration =
      forAnyAddress({{"B", 64}, {"num_warps", 4}, {"num_stages", 3}, {"compiler", 1}});
  CHECK(record.measurement.configuration ==
        Configuration{{"B", 64}, {"any_address", 1}, {"num_stages", 3}, {"num_warps", 4}});
  CHECK(answering(aligned));
  CHECK_FALSE(answers(kernel(), {{"n", 4096}}, record)); // nobody else is served by it
  record.measurement.configuration["B"] = 256;
  CHECK_FALSE(answering(aligned)); // no point of the space
}

TEST_CASE("questions differ where answers may") {
  const std::string base = questionOf(kernel());
  CHECK(questionOf(kernel()) == base);
  CHECK(questionOf(with(Tolerance{0, 0})) != base);
  Kernel values = kernel();
  values.parameters[0].values.push_back(256);
  CHECK(questionOf(values) != base);
  Kernel constrained = kernel();
  constrained.constraints.push_back(*Expression::parse("B != 64"));
  CHECK(questionOf(constrained) != base);
  Kernel named = kernel();
  named.name = "another";
  CHECK(questionOf(named) == base);
}

TEST_CASE("a widened verdict was off by so many times more") {
  const Tolerance given{1e-2, 1e-2}, stricter{5e-3, 5e-3}, strict{1e-4, 1e-4};
  Verdict widened = passed(given, 0.1);
  widened.factor = 4; // off by 0.4 of the plain tolerance
  CHECK(holdsUnder(with(given), widened) == Holds::Yes);
  CHECK(holdsUnder(with(stricter), widened) == Holds::Yes);
  CHECK(holdsUnder(with(strict), widened) == Holds::Unknown);
  widened.worstError = 0.9; // more than the plain tolerance, which its own sums leave open
  CHECK(holdsUnder(with(given), widened) == Holds::Yes);
  CHECK(holdsUnder(with(stricter), widened) == Holds::Unknown);
}

TEST_CASE("another objective is another question; equal ratios of weights are one") {
  const std::string base = questionOf(kernel());
  const Objective energy{0, 1}, both{1, 1}, same{2, 2}, other{1, 2};
  CHECK(questionOf(kernel(), Objective{3, 0}) == base);
  CHECK(questionOf(kernel(), energy) != base);
  CHECK(questionOf(kernel(), both) != questionOf(kernel(), energy));
  CHECK(questionOf(kernel(), both) == questionOf(kernel(), same));
  CHECK(questionOf(kernel(), both) != questionOf(kernel(), other));
  CHECK(policyOf(both) == std::string(policyOf(energy)));
  CHECK(policyOf(energy) != std::string(policyOf({})));
}

TEST_CASE("an objective weighs time and energy without units") {
  CHECK(*Objective{}.of(2, std::nullopt) == 2);
  CHECK(*Objective{0, 1}.of(2, 8) == 8);
  CHECK(*Objective{1, 1}.of(2, 8) == doctest::Approx(4));
  CHECK(*Objective{3, 1}.of(2, 8) == doctest::Approx(std::pow(8 * 8, 0.25)));
  CHECK_FALSE(Objective{1, 1}.of(2, std::nullopt));
  CHECK_FALSE(Objective{1, 1}.of(2, 0.0));
  CHECK_FALSE(Objective{0, 0}.sound());
  CHECK_FALSE(Objective{-1, 2}.sound());
  CHECK_FALSE(Objective{1, INFINITY}.sound());
  CHECK(Objective{0, 1}.sound());
}

TEST_CASE("measured another way or imported is another answer") {
  store::MeasurementRecord record;
  record.policy = store::byTime;
  record.measurement.configuration = {{"B", 64}, {"num_warps", 4}, {"num_stages", 3}};
  record.measurement.verdict = passed({}, 0.5);
  CHECK(answers(kernel(), {{"n", 4096}}, record));
  record.policy = "warm";
  CHECK_FALSE(answers(kernel(), {{"n", 4096}}, record));
  record.policy = store::byTime;
  record.measurement.configuration = {{"theirs", 1}};
  CHECK_FALSE(answers(kernel(), {{"n", 4096}}, record));
  record.build.key.origin = "triton 3.6.0"; // named by a configuration of its own
  CHECK(answers(kernel(), {{"n", 4096}}, record));
}
