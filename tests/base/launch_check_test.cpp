// What others tell of a launch: absurd ones are named, before anything is kept or made of them.
#include "base/model/json.h"
#include "base/model/launch_check.h"

#include <doctest/doctest.h>
#include <limits>

using namespace tuned;

namespace {

constexpr int64_t largest = std::numeric_limits<int64_t>::max(), least = std::numeric_limits<int64_t>::min();

/// A matrix of halves by a map.
LaunchMetadata good() {
  LaunchMetadata out;
  out.symbol = "k";
  out.block = {128, 1, 1};
  out.parameters = {{ParameterKind::TensorMap, 128, TensorMapLayout{3, 6, 2, {128, 64}}},
                    {ParameterKind::Scalar, 4},
                    {ParameterKind::Scalar, 4},
                    {ParameterKind::Scalar, 8},
                    {ParameterKind::Scalar, 8}};
  return out;
}

template <typename Change> void refused(Change&& change, const char* words) {
  LaunchMetadata launch = good();
  change(launch);
  auto sound = checkLaunchable(launch);
  REQUIRE_FALSE(sound);
  CHECK(sound.error().kind == ErrorKind::InvalidInput);
  CHECK_MESSAGE(sound.error().message.contains(words), sound.error().message);
}

} // namespace

TEST_CASE("a launch that no device has is refused with its field") {
  CHECK(checkLaunchable(good()));
  refused([](auto& m) { m.symbol = ""; }, "symbol");
  refused([](auto& m) { m.block = {0, 1, 1}; }, "block");
  refused([](auto& m) { m.block = {1, -1, 1}; }, "block");
  refused([](auto& m) { m.block = {64, 32, 1}; }, "block: more than 1024");
  refused([](auto& m) { m.block = {1024, 1024, 1024}; }, "block: more than 1024");
  refused([](auto& m) { m.clusterSize = 0; }, "cluster_size");
  refused([](auto& m) { m.clusterSize = 1 << 30; }, "cluster_size");
  refused([](auto& m) { m.dynamicSharedBytes = -1; }, "negative");
  refused([](auto& m) { m.dynamicSharedBytes = largest; }, "dynamic_shared_bytes");
  refused([](auto& m) { m.scratchBytes = least; }, "negative");
  refused([](auto& m) { m.grid = {1, -1, 1}; }, "grid");
  for (int bytes : {0, -1, 9, 128, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()}) {
    refused([&](auto& m) { m.parameters[1].sizeBytes = bytes; }, "parameters[1].size_bytes");
    refused(
        [&](auto& m) {
          m.parameters.push_back({ParameterKind::Pointer, bytes});
        },
        "parameters[5].size_b");
  }
  refused([](auto& m) { m.parameters.resize(100'000); }, "parameters: 100000");
}

TEST_CASE("a tensor map that no driver makes is refused, however it is told") {
  const auto map = [](auto change, const char* words) {
    refused([&](auto& m) { change(*m.parameters[0].map); }, words);
  };
  for (int64_t extent : {int64_t{0}, int64_t{-64}, int64_t{257}, largest, least}) {
    map([&](auto& m) { m.box[0] = extent; }, "elements along a dimension");
    map([&](auto& m) { m.box[1] = extent; }, "elements along a dimension");
  }
  for (int odd : {-1, 4, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
    map([&](auto& m) { m.swizzle = odd; }, "swizzle");
    map([&](auto& m) { m.elementType = odd == 4 ? 13 : odd; }, "element_type");
    map([&](auto& m) { m.elementBytes = odd; }, "element_bytes");
  }
  map([](auto& m) { m.box.clear(); }, "0 dimensions");
  map([](auto& m) { m.box.assign(6, 16); }, "6 dimensions");
  map([](auto& m) { m.box.assign(1'000'000, 16); }, "1000000 dimensions");
  // More of them than shape and strides stand behind it.
  map([](auto& m) { m.box.assign(3, 16); }, "is no scalar of");
  refused([](auto& m) { m.parameters[0].sizeBytes = std::numeric_limits<int>::min(); }, "size_bytes");
  refused([](auto& m) { m.parameters[0].map.reset(); }, "how it is made");
  refused([](auto& m) { m.parameters[1].map = TensorMapLayout{}; }, "no tensor map");
  refused([](auto& m) { m.parameters.back() = m.parameters.front(); }, "is no scalar of");
}

TEST_CASE("a map's numbers are read as numbers, and whole") {
  const auto said = [](const std::string& layout) {
    auto read = model::fromText<TensorMapLayout>(layout);
    return read ? std::string() : read.error().message;
  };
  CHECK(said(R"({"swizzle":3,"element_type":6,"element_bytes":2,"box":[128,64]})").empty());
  CHECK(said(R"({"swizzle":4294967299,"element_type":6,"element_bytes":2,"box":[]})").contains("swizzle"));
  CHECK(said(R"({"swizzle":3,"element_type":6.5,"element_bytes":2,"box":[]})").contains("element_type"));
  CHECK(said(R"({"swizzle":3,"element_type":6,"element_bytes":2,"box":[1e3]})").contains("box[0]"));
  CHECK(said(R"({"swizzle":3,"element_type":6,"element_bytes":2,"box":[18446744073709551615]})")
            .contains("box"));
  CHECK(said(R"({"swizzle":3,"element_type":6,"element_bytes":2})").contains("box: missing"));
}
