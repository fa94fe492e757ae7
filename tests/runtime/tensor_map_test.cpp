// Tensor maps on a driver of the test's own: what it is asked for, what never reaches it, and what is not
// asked again.
#include "backend/runtime/cuda/tensor_map.h"

#include <doctest/doctest.h>
#include <thread>

using namespace tuned;
using namespace tuned::cuda;

namespace {

/// What the driver was asked last, by the function below.
struct Seen {
  int type = -1, interleave = -1, swizzle = -1, promotion = -1, fill = -1;
  uint64_t address = 0;
  std::vector<uint64_t> extents = {}, strides = {};
  std::vector<uint32_t> box = {}, steps = {};
  bool aligned = false;
};
thread_local Seen seen;
thread_local int encodes = 0, status = Success;

int encode(void* map, int type, uint32_t rank, void* address, const uint64_t* extents,
           const uint64_t* strides, const uint32_t* box, const uint32_t* steps, int interleave, int swizzle,
           int promotion, int fill) {
  ++encodes;
  seen = {type, interleave, swizzle, promotion, fill, reinterpret_cast<uint64_t>(address)};
  seen.extents.assign(extents, extents + rank);
  seen.strides.assign(strides, strides + rank - 1);
  seen.box.assign(box, box + rank);
  seen.steps.assign(steps, steps + rank);
  seen.aligned = reinterpret_cast<uintptr_t>(map) % 64 == 0;
  std::fill_n(static_cast<std::byte*>(map), tensorMapBytes, static_cast<std::byte>(encodes));
  return status;
}

Driver recordingDriver() {
  seen = {}, encodes = 0, status = Success;
  Driver api = {};
  api.tensorMapEncodeTiled = encode;
  return api;
}

/// An integer, and a matrix of halves by a map, as Triton's functions take them.
LaunchMetadata metadata(TensorMapLayout layout = {3, 6, 2, {128, 64}}) {
  LaunchMetadata launch;
  launch.symbol = "k";
  launch.parameters = {{ParameterKind::Scalar, 4}, {ParameterKind::TensorMap, 128, std::move(layout)},
                       {ParameterKind::Scalar, 4}, {ParameterKind::Scalar, 4},
                       {ParameterKind::Scalar, 8}, {ParameterKind::Scalar, 8}};
  launch.arguments = {{"n", "i32", false, {}, 5, {}}, {"a", "*f16", true, {4096}, {}, {}}};
  return launch;
}

std::string errorOf(const LaunchMetadata& launch, std::vector<uint64_t> slots) {
  const Driver api = recordingDriver();
  auto maps = TensorMaps::of(api, launch);
  if (!maps) return maps.error().message;
  ParameterValue map;
  auto done = maps->make(0, slots, map);
  return done ? "" : done.error().message;
}

} // namespace

TEST_CASE("a map is asked for as the driver counts: from the dimension that varies fastest") {
  const Driver api = recordingDriver();
  auto maps = TensorMaps::of(api, metadata());
  REQUIRE_MESSAGE(maps.has_value(), maps.error().text());
  REQUIRE(maps->count() == 1);
  CHECK(maps->parameterOf(0) == 1);
  ParameterValue map;
  REQUIRE(maps->make(0, std::vector<uint64_t>{5, 0x7f0000001000, 300, 200, 256, 1}, map).has_value());
  CHECK(seen.type == 6);
  CHECK(seen.address == 0x7f0000001000);
  CHECK(seen.extents == std::vector<uint64_t>{200, 300});
  CHECK(seen.strides == std::vector<uint64_t>{512});
  CHECK(seen.box == std::vector<uint32_t>{64, 128});
  CHECK(seen.steps == std::vector<uint32_t>{1, 1});
  CHECK(std::array{seen.interleave, seen.swizzle, seen.promotion, seen.fill} == std::array{0, 3, 2, 0});
  CHECK(seen.aligned);
  CHECK(map.bytes[0] == std::byte{1});
  CHECK(map.bytes[127] == std::byte{1});
  REQUIRE(maps->make(0, std::vector<uint64_t>{5, 0x1000 | paddingNanBit, 300, 200, 256, 1}, map).has_value());
  CHECK(seen.address == 0x1000);
  CHECK(seen.fill == 1);
}

TEST_CASE("the same tensor's map is not made again by a thread; another tensor's, another kernel's is") {
  const Driver api = recordingDriver();
  auto maps = TensorMaps::of(api, metadata()), others = TensorMaps::of(api, metadata({2, 6, 2, {128, 32}}));
  REQUIRE(maps.has_value());
  REQUIRE(others.has_value());
  const std::vector<uint64_t> slots = {5, 0x1000, 300, 200, 256, 1};
  ParameterValue map, again;
  REQUIRE(maps->make(0, slots, map).has_value());
  REQUIRE(maps->make(0, slots, again).has_value());
  CHECK(encodes == 1);
  CHECK(map.bytes == again.bytes);
  int made = 1;
  for (size_t slot = 1; slot < 5; ++slot) {
    std::vector<uint64_t> changed = slots;
    changed[slot] += slot == 1 || slot == 4 ? 16 : 1;
    REQUIRE(maps->make(0, changed, again).has_value());
    CHECK(encodes == ++made);
    CHECK(again.bytes[0] == static_cast<std::byte>(made));
  }
  std::vector<uint64_t> other = slots;
  other[0] = 6; // no part of the map
  REQUIRE(maps->make(0, slots, again).has_value());
  made = encodes;
  REQUIRE(maps->make(0, other, again).has_value());
  CHECK(encodes == made);
  REQUIRE(others->make(0, slots, again).has_value());
  CHECK(encodes == made + 1);
  CHECK(seen.swizzle == 2);
  std::thread([&] {
    REQUIRE(maps->make(0, slots, again).has_value());
    CHECK(encodes == 1); // its own count
  }).join();
}

TEST_CASE("a map that could not be made is not taken for one that was") {
  const Driver api = recordingDriver();
  auto maps = TensorMaps::of(api, metadata());
  REQUIRE(maps.has_value());
  const std::vector<uint64_t> slots = {5, 0x1000, 300, 200, 256, 1};
  ParameterValue map;
  status = 1;
  auto refused = maps->make(0, slots, map);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::InvalidInput);
  CHECK(refused.error().message.find("argument 'a' of 'k' becomes a tensor map, which the driver refuses") ==
        0);
  status = Success;
  REQUIRE(maps->make(0, slots, map).has_value());
  CHECK(encodes == 2);
}

TEST_CASE("values of a launch get their maps in the place of addresses") {
  const Driver api = recordingDriver();
  const LaunchMetadata launch = metadata();
  auto maps = TensorMaps::of(api, launch);
  REQUIRE(maps.has_value());
  std::vector<ArgumentValue> arguments = {Scalar{5, 4},   uint64_t{0x2000}, Scalar{300, 4},
                                          Scalar{200, 4}, Scalar{256, 8},   Scalar{1, 8}};
  auto packed = packArguments(launch, arguments);
  REQUIRE_MESSAGE(packed.has_value(), packed.error().text());
  CHECK(launchValues(launch.parameters, *packed)[1].value == 0x2000);
  REQUIRE(maps->make(*packed).has_value());
  CHECK(seen.address == 0x2000);
  CHECK(packed->at(1).bytes[127] == std::byte{1});
  // The same as one descriptor.
  arguments = {Scalar{5, 4}, TensorDescriptor{0x3000, 2, "f16", {300, 200}, {256, 1}, {128, 64}, true}};
  LaunchMetadata untold = launch;
  untold.arguments.clear();
  packed = packArguments(untold, arguments);
  REQUIRE_MESSAGE(packed.has_value(), packed.error().text());
  CHECK(launchValues(launch.parameters, *packed)[1].padsNan);
  REQUIRE(maps->make(*packed).has_value());
  CHECK(seen.address == 0x3000);
  CHECK(seen.fill == 1);
}

TEST_CASE("what no map can be made of is named with its limit, and never reaches the driver") {
  const auto says = [](const std::string& error, const char* words) {
    CHECK_MESSAGE(error.find(words) != std::string::npos, error);
    CHECK(encodes == 0);
  };
  says(errorOf(metadata(), {5, 0x1008, 300, 200, 256, 1}),
       "argument 'a' of 'k' becomes a tensor map, and its base is 0x1008; the limit is a multiple of 16 "
       "bytes");
  says(errorOf(metadata(), {5, 0x1000, 300, 200, 257, 1}),
       "its stride along dimension 0 is 257 elements of 2 bytes; the limit is a multiple of 16 bytes, below "
       "2^40");
  says(errorOf(metadata(), {5, 0x1000, 300, 200, uint64_t{1} << 40, 1}), "below 2^40");
  says(errorOf(metadata(), {5, 0x1000, 300, 200, static_cast<uint64_t>(-256), 1}), "is -256 elements");
  says(errorOf(metadata(), {5, 0x1000, 300, 200, 256, 2}), "its stride along dimension 1 is 2");
  says(errorOf(metadata(), {5, 0x1000, 0, 200, 256, 1}), "it has 0 elements along dimension 0");
  says(errorOf(metadata(), {5, 0x1000, 0xfffffffe, 200, 256, 1}), "it has -2 elements along dimension 0");
  says(errorOf(metadata({3, 6, 2, {512, 64}}), {}), "box: 512 elements along a dimension");
  says(errorOf(metadata({3, 6, 2, {128, 128}}), {}), "box: 256 bytes along the last dimension");
  says(errorOf(metadata({0, 6, 2, {128, 4}}), {}), "box: 8 bytes along the last dimension");
  says(errorOf(metadata({4, 6, 2, {128, 64}}), {}), "swizzle: 4");
  says(errorOf(metadata({3, 13, 2, {128, 64}}), {}), "element_type: 13");
  says(errorOf(metadata({3, 6, 4, {128, 64}}), {}), "element_bytes: 4");
  says(errorOf(metadata({3, 6, 2, {}}), {}), "box: 0 dimensions");
  says(errorOf(metadata({3, 6, 2, {64}}), {}), "parameters[1]: parameters[3] is no scalar of 8 bytes");
  LaunchMetadata launch = metadata();
  launch.parameters.pop_back();
  says(errorOf(launch, {}), "parameters[5] is no scalar of 8 bytes");
  launch = metadata();
  launch.parameters[1].map.reset();
  says(errorOf(launch, {}), "parameters[1]: a tensor map of which is not said how it is made");
  launch = metadata();
  launch.parameters[1].sizeBytes = 8;
  says(errorOf(launch, {}), "parameters[1].size_bytes: 8");
}

TEST_CASE("a driver that makes no maps serves all kernels but those that take them") {
  const Driver old = {};
  LaunchMetadata launch = metadata();
  auto maps = TensorMaps::of(old, launch);
  REQUIRE_FALSE(maps.has_value());
  CHECK(maps.error().kind == ErrorKind::Unavailable);
  CHECK(maps.error().remedy.find("CUDA 12.0") != std::string::npos);
  launch.parameters = {{ParameterKind::Pointer, 8}};
  CHECK(TensorMaps::of(old, launch).has_value());
}
