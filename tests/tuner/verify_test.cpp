#include "tests/tuner/kernels.h"
#include "tuner/measure/sample.h"
#include "tuner/verify/verify.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <set>

using namespace tuned;

namespace {

template <typename T> LargeBytes bytes(std::vector<T> values) {
  LargeBytes out(values.size() * sizeof(T));
  std::memcpy(out.data(), values.data(), out.size());
  return out;
}

Comparison compareFloats(std::vector<float> expected, std::vector<float> got, Tolerance tolerance) {
  return compare(referenceOutput(0, 4, bytes(expected)), "*f32", bytes(got), tolerance);
}

} // namespace

TEST_CASE("floats compare within tolerance, NaN equals NaN, infinities must be the same") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  CHECK(compareFloats({1, 100, nan, inf, -inf, 0.f}, {1.0005f, 100.05f, -nan, inf, -inf, -0.f}, {1e-3, 0})
            .wrong == 0);
  Comparison off = compareFloats({1, 2, 3, 4}, {1, 2.1f, 3, 5}, {1e-2, 0});
  CHECK(off.wrong == 2);
  CHECK(off.checked == 4);
  REQUIRE(off.first.has_value());
  CHECK(off.first->index == 1);
  CHECK(off.first->got == "2.0999999");
  CHECK(off.first->expected == "2");
  CHECK(off.worstError == doctest::Approx(25));
  for (auto [expected, got] : {std::pair{1.f, nan}, {nan, 1.f}, {inf, -inf}, {inf, 1e30f}, {1e30f, inf}})
    CHECK(compareFloats({expected}, {got}, {1, 1}).wrong == 1);
}

TEST_CASE("of what is compared in parts the first and the worst are told, and all are counted") {
  constexpr size_t count = 3 << 20;
  const std::vector<float> expected(count, 2);
  std::vector<float> got = expected;
  got[count - 1] = 2.5f;
  got[count / 2] = 3;
  got[count / 3] = 2.25f;
  got[7] = 2.01f;
  const Comparison off = compareFloats(expected, got, {0, 0.1});
  CHECK(off.checked == count);
  CHECK(off.wrong == 3);
  REQUIRE(off.first);
  CHECK(off.first->index == count / 3);
  CHECK(off.first->got == "2.25");
  CHECK(off.worstError == doctest::Approx(10));
}

TEST_CASE("integers compare exactly, also where doubles could not tell") {
  int64_t big = (int64_t(1) << 60) + 1;
  auto compareWith = [&](int64_t got) {
    return compare(referenceOutput(0, 8, bytes<int64_t>({big})), "*i64", bytes<int64_t>({got}), {1, 1}).wrong;
  };
  CHECK(compareWith(big) == 0);
  CHECK(compareWith(big - 1) == 1);
}

TEST_CASE("only what is known is judged") {
  const LargeBytes mask = bytes<char>({0, 1, 1, 0, 0, 1});
  ReferenceOutput known = referenceOutput(3, 4, bytes<float>({9, 1, 2, 9, 9, 3}), mask);
  REQUIRE(known.ranges.size() == 2);
  CHECK(known.ranges[0].first == 1);
  CHECK(known.ranges[0].count == 2);
  CHECK(known.ranges[1].first == 5);
  CHECK(compare(known, "*f32", bytes<float>({0, 1, 2, 0, 0, 3}), {}).wrong == 0);
  Comparison off = compare(known, "*f32", bytes<float>({0, 1, 2, 0, 0, 4}), {});
  CHECK(off.checked == 3);
  CHECK(off.first->index == 5);
}

TEST_CASE("a tolerance of the document counts before the type's own") {
  Kernel kernel = test::twice();
  CHECK(toleranceFor(kernel, "*f32").relative == 1e-5);
  CHECK(toleranceFor(kernel, "*f16").relative > toleranceFor(kernel, "*f32").relative);
  CHECK(toleranceFor(kernel, "*i32").absolute == 0);
  kernel.tolerance = Tolerance{0, 0.5};
  CHECK(toleranceFor(kernel, "*f16").absolute == 0.5);
  kernel.tolerance = Tolerance{0, 0};
  CHECK(toleranceFor(kernel, "*f16") == Tolerance{0, 0}); // exact, and not "nothing said"
}

TEST_CASE("a sample of programs is distinct, inside the grid, and all of a small one") {
  auto few = samplePrograms({3, 2, 1}, 100, 1);
  CHECK(few.size() == 6);
  CHECK(few[1] == std::array<int64_t, 3>{1, 0, 0});
  Grid grid = {1000000, 3, 1};
  auto many = samplePrograms(grid, 50, 1);
  CHECK(many.size() == 50);
  CHECK(many[0] == std::array<int64_t, 3>{0, 0, 0});
  CHECK(many[1] == std::array<int64_t, 3>{999999, 2, 0});
  CHECK(std::set(many.begin(), many.end()).size() == 50);
  for (const auto& program : many)
    for (int axis = 0; axis < 3; ++axis)
      CHECK((program[axis] >= 0 && program[axis] < grid[axis]));
  CHECK(samplePrograms(grid, 50, 1) == many);
}

TEST_CASE("what was written on the host becomes the reference") {
  Kernel kernel = test::twice();
  auto inputs = HostInputs::make(kernel, {{"n", 10}}, 3);
  REQUIRE(inputs.has_value());
  CHECK(inputs->memory().size() == 2);
  auto y = std::get<uint64_t>(inputs->arguments()[1]);
  CHECK(std::get<Scalar>(inputs->arguments()[2]).bits == 10);
  float two = 2;
  std::memcpy(reinterpret_cast<char*>(y) + 8, &two, 4);
  std::memcpy(reinterpret_cast<char*>(y) + 12, &two, 4);
  std::memcpy(reinterpret_cast<char*>(y) + 36, &two, 4);
  // Two adjacent writes, one of part of an element, one to an input.
  auto x = std::get<uint64_t>(inputs->arguments()[0]);
  std::vector<std::pair<uint64_t, size_t>> written = {{x, 4}, {y + 8, 4}, {y + 12, 4}, {y + 38, 2}};
  ReferenceResult result = referenceFromWritten(kernel, *inputs, written, "reference");
  REQUIRE(result.outputs.size() == 1);
  CHECK(result.outputs[0].argument == 1);
  REQUIRE(result.outputs[0].ranges.size() == 2);
  CHECK(result.outputs[0].ranges[0].first == 2);
  CHECK(result.outputs[0].ranges[0].count == 2);
  CHECK(result.outputs[0].ranges[1].first == 9);
  CHECK(result.outputs[0].expected == bytes<float>({2, 2, 2}));
}

TEST_CASE("what some programs changed is known, and nothing else") {
  std::vector<float> before(5000, 1), after = before;
  for (size_t i : {size_t(0), size_t(1023), size_t(1024), size_t(1025), size_t(4999)})
    after[i] = static_cast<float>(i) + 2;
  const auto old = std::as_bytes(std::span(before)), now = std::as_bytes(std::span(after));
  const ReferenceOutput changed = changedElements(3, 4, old, now);
  CHECK(changed.argument == 3);
  REQUIRE(changed.ranges.size() == 3);
  CHECK((changed.ranges[1].first == 1023 && changed.ranges[1].count == 3));
  CHECK((changed.ranges[2].first == 4999 && changed.ranges[2].count == 1));
  CHECK(changed.expected == bytes<float>({2, 1025, 1026, 1027, 5001}));
  CHECK(compare(changed, "*f32", now, {0, 0}).wrong == 0);
  CHECK(compare(changed, "*f32", old, {0, 0}).wrong == 5);
  CHECK(changedElements(0, 4, old, old).ranges.empty());
}

TEST_CASE("sums taken otherwise widen a tolerance, within a limit") {
  auto output = [](float value) { return ReferenceOutput{0, {{0, 1}}, bytes<float>({value})}; };
  auto other = [&](float value) { return std::vector<ReferenceResult>{{"", {output(value)}}}; };
  const Tolerance tolerance{0, 0.5};
  CHECK(spreadOf(output(8), {}, "*f32", tolerance) == 1);
  CHECK(spreadOf(output(8), other(8.1f), "*f32", tolerance) == 1);
  CHECK(spreadOf(output(8), other(10), "*f32", tolerance) == 8);
  CHECK(spreadOf(output(8), other(80), "*f32", tolerance) == 1);
  CHECK(spreadOf(output(8), other(NAN), "*f32", tolerance) == 1);
}

TEST_CASE("what changed all over a large buffer is found on all cores as on one") {
  std::vector<float> before(1'000'003, 1.f), after = before, values;
  std::vector<int64_t> places;
  for (size_t i = 0; i < after.size(); ++i)
    if (i % 1000 < 130 || i % 4096 == 4095) {
      after[i] = static_cast<float>(i) + 2;
      values.push_back(after[i]);
      places.push_back(static_cast<int64_t>(i));
    }
  const LargeBytes old = bytes(before), now = bytes(after);
  const ReferenceOutput changed = changedElements(0, 4, old, now);
  CHECK(changed.expected == bytes(values));
  std::vector<int64_t> found;
  for (size_t i = 0; i < changed.ranges.size(); ++i) {
    const ElementRange& range = changed.ranges[i];
    if (i > 0) CHECK(range.first > changed.ranges[i - 1].first + changed.ranges[i - 1].count);
    for (int64_t at = 0; at < range.count; ++at)
      found.push_back(range.first + at);
  }
  CHECK(found == places);
  std::vector<float> off = after;
  off[places[7]] += 1, off[places.back()] = -1; // both are wrong, the last one by more
  const Comparison compared = compare(changed, "*f32", bytes(off), {1e-6, 0});
  CHECK((compared.checked == std::ssize(places) && compared.wrong == 2));
  REQUIRE(compared.first);
  CHECK(compared.first->index == places[7]);
  CHECK(compared.worstError > 1e5);
}
