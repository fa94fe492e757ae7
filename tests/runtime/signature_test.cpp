// Signatures: what launches have in common, and conditions on addresses as each launch decides them.
#include "backend/runtime/signature.h"

#include <doctest/doctest.h>
#include <random>

using namespace tuned;
using namespace tuned::runtime;
using Kind = LaunchCondition::Kind;

namespace {

/// Three buffers of 64 floats and an integer.
LaunchMetadata metadata(std::vector<LaunchCondition> conditions) {
  LaunchMetadata launch;
  launch.symbol = "k";
  for (const char* name : {"x", "y", "z"}) {
    launch.parameters.push_back({ParameterKind::Pointer, 8});
    launch.arguments.push_back({name, "*f32", name[0] == 'z', {64}, {}, {}});
  }
  launch.parameters.push_back({ParameterKind::Scalar, 4});
  launch.arguments.push_back({"n", "i32", false, {}, -3, {}});
  launch.conditions = std::move(conditions);
  return launch;
}

LaunchCondition condition(Kind kind, int argument, int other, int64_t value, int64_t bytes,
                          int64_t otherBytes) {
  LaunchCondition out;
  out.kind = kind;
  out.argument = argument;
  out.other = other;
  out.value = value;
  out.bytes = bytes;
  out.otherBytes = otherBytes;
  return out;
}

} // namespace

TEST_CASE("slots have addresses and the bits of scalars") {
  const auto signature = Signature::of(metadata({}));
  REQUIRE(signature.has_value());
  CHECK(signature->buffers() == 3);
  std::vector<uint64_t> slots(signature->parameters());
  signature->fill(std::vector<uint64_t>{16, 32, 48}, slots);
  CHECK(slots == std::vector<uint64_t>{16, 32, 48, 0xfffffffd});
}

TEST_CASE("a launch decides every condition as the model of conditions does") {
  std::mt19937 random(7);
  const auto any = [&](auto... values) {
    const std::array<int64_t, sizeof...(values)> all = {values...};
    return all[random() % all.size()];
  };
  int broken = 0;
  for (int round = 0; round < 20'000; ++round) {
    const Kind kind = std::array{Kind::Divisible, Kind::Distinct, Kind::SameOrDistinct, Kind::Equal,
                                 Kind::AtLeast,   Kind::AtMost,   Kind::PadsZero}[random() % 7];
    const bool pair = kind == Kind::Distinct || kind == Kind::SameOrDistinct;
    const int argument = static_cast<int>(random() % 3);
    const auto signature =
        Signature::of(metadata({condition(kind, argument, pair ? static_cast<int>(random() % 3) : -1,
                                          kind == Kind::Divisible ? any(1, 3, 16, 24) : any(0, 256, 300, -1),
                                          pair ? any(0, 4, 300) : 0, pair ? any(0, 4, 300) : 0)}));
    REQUIRE(signature.has_value());
    std::vector<uint64_t> slots(signature->parameters()), addresses(3);
    for (uint64_t& address : addresses)
      address = static_cast<uint64_t>(any(0, 8, 48, 256, 260, 300, 511, 512, -16));
    signature->fill(addresses, slots);
    const auto sound = signature->check(slots);
    CHECK(sound.has_value() == signature->brokenBy(slots).empty());
    if (sound) continue;
    ++broken;
    CHECK(sound.error().kind == ErrorKind::InvalidInput);
    CHECK(sound.error().message.find("this build needs that") == 0);
  }
  CHECK(broken > 2'000);
}

TEST_CASE(
    "a condition on scalars alone is decided once, and one on arguments that are not there is refused") {
  CHECK(Signature::of(metadata({condition(Kind::AtMost, 3, -1, 0, 0, 0)})).has_value());
  for (const LaunchCondition& wrong :
       {condition(Kind::AtLeast, 3, -1, 0, 0, 0), condition(Kind::Divisible, 4, -1, 16, 0, 0),
        condition(Kind::Distinct, 0, 4, 0, 0, 0)}) {
    const auto signature = Signature::of(metadata({wrong}));
    REQUIRE_FALSE(signature.has_value());
    CHECK(signature.error().kind == ErrorKind::InvalidInput);
  }
}
