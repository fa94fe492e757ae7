#include "backend/cuda/device.h"
#include "backend/cuda/info.h"
#include "backend/runtime/cuda/arguments.h"
#include "cuda_support.h"
#include "tests/backend/nvptx/sample_ptx.h"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace tuned;
using namespace tuned::cuda;

namespace {
uint64_t bitsOf(const ParameterValue& value) {
  uint64_t bits;
  std::memcpy(&bits, value.bytes.data(), sizeof(bits));
  return bits;
}

/// Of a build whose table of arguments is not known.
LaunchMetadata taking(std::vector<ParameterSlot> parameters) {
  LaunchMetadata launch;
  launch.symbol = "k";
  launch.parameters = std::move(parameters);
  return launch;
}
} // namespace

TEST_CASE("arguments become the parameters' bytes") {
  std::vector<ParameterSlot> slots = {
      {ParameterKind::Pointer, 8}, {ParameterKind::Scalar, 4}, {ParameterKind::Scalar, 1}};
  std::vector<ArgumentValue> arguments = {uint64_t{0x7f0000001000}, Scalar{0xffffffff, 4}, Scalar{1, 1}};
  auto values = packArguments(taking(slots), arguments);
  REQUIRE(values.has_value());
  CHECK(bitsOf(values->at(0)) == 0x7f0000001000);
  CHECK(bitsOf(values->at(1)) == 0xffffffff);
  CHECK(bitsOf(values->at(2)) == 1);
}

TEST_CASE("a descriptor is its address, shape and strides") {
  std::vector<ParameterSlot> slots = {{ParameterKind::Pointer, 8}, {ParameterKind::Scalar, 4},
                                      {ParameterKind::Scalar, 4},  {ParameterKind::Scalar, 8},
                                      {ParameterKind::Scalar, 8},  {ParameterKind::Scalar, 4}};
  TensorDescriptor descriptor{0x1000, 2, "f16", {6, 64}, {64, 1}, {2, 16}, false};
  std::vector<ArgumentValue> arguments = {descriptor, Scalar{9, 4}};
  auto values = packArguments(taking(slots), arguments);
  REQUIRE_MESSAGE(values.has_value(), values.error().text());
  std::vector<uint64_t> bits;
  for (const ParameterValue& value : *values)
    bits.push_back(bitsOf(value));
  CHECK(bits == std::vector<uint64_t>{0x1000, 6, 64, 64, 1, 9});

  descriptor.paddingNan = true;
  arguments[0] = descriptor;
  CHECK(bitsOf(packArguments(taking(slots), arguments)->at(0)) == (0x1000 | paddingNanBit));
}

TEST_CASE("workspaces of other compilers behind the arguments are null, and no argument is") {
  LaunchMetadata launch;
  launch.symbol = "k";
  launch.parameters = {{ParameterKind::Pointer, 8},
                       {ParameterKind::Scalar, 4},
                       {ParameterKind::Pointer, 8},
                       {ParameterKind::Pointer, 8}};
  const std::vector<ArgumentValue> arguments = {uint64_t{0x1000}, Scalar{7, 4}};
  CHECK_FALSE(
      packArguments(launch, arguments).has_value()); // no table: whether they are workspaces is not known
  launch.arguments = {{"x", "*f32", true, {8}, {}, {}}, {"n", "i32", false, {}, 7, {}}};
  auto values = packArguments(launch, arguments);
  REQUIRE_MESSAGE(values.has_value(), values.error().text());
  REQUIRE(values->size() == 4);
  CHECK(bitsOf(values->at(1)) == 7);
  CHECK(bitsOf(values->at(2)) == 0);
  CHECK(bitsOf(values->at(3)) == 0);
  CHECK_FALSE(packArguments(launch, std::span(arguments).first(1)).has_value());
  launch.parameters.back() = {ParameterKind::Scalar, 4};
  CHECK_FALSE(packArguments(launch, arguments).has_value());
}

TEST_CASE("a broken launch condition is named before the launch") {
  LaunchMetadata launch;
  launch.symbol = "k";
  launch.parameters = {{ParameterKind::Pointer, 8}, {ParameterKind::Pointer, 8}, {ParameterKind::Scalar, 4}};
  launch.conditions = {{LaunchCondition::Kind::Divisible, 0, -1, 16},
                       {LaunchCondition::Kind::Distinct, 0, 1},
                       {LaunchCondition::Kind::AtLeast, 2, -1, -5}};
  auto check = [&](uint64_t first, uint64_t second, int32_t scalar) {
    std::vector<ArgumentValue> arguments = {first, second, Scalar{static_cast<uint32_t>(scalar), 4}};
    auto values = packArguments(launch, arguments);
    REQUIRE(values.has_value());
    auto seen = launchValues(launch.parameters, *values);
    seen[0].extent = seen[1].extent = 64;
    return checkConditions(launch, seen, {4, 1, 1});
  };
  CHECK(check(0x1000, 0x1040, -5).has_value());
  CHECK(check(0x1000 | paddingNanBit, 0x1040, 7).has_value());
  for (auto broken : {check(0x1008, 0x2000, 0), check(0x1000, 0x1030, 0), check(0x1000, 0x2000, -6)}) {
    REQUIRE_FALSE(broken.has_value());
    CHECK(broken.error().kind == ErrorKind::Unsupported);
    CHECK(broken.error().message.find("argument") != std::string::npos);
  }
}

TEST_CASE("a launch of another grid than the build's is refused, and so is padding that it does not know") {
  LaunchMetadata launch;
  launch.symbol = "k";
  launch.parameters = {{ParameterKind::Pointer, 8}};
  launch.conditions = {{.kind = LaunchCondition::Kind::Grid, .programs = {64, 2, 1}},
                       {.kind = LaunchCondition::Kind::PadsZero, .argument = 0}};
  auto check = [&](uint64_t base, const std::array<int64_t, 3>& grid) {
    std::vector<ArgumentValue> arguments = {base};
    auto values = packArguments(launch, arguments);
    REQUIRE(values.has_value());
    return checkConditions(launch, launchValues(launch.parameters, *values), grid);
  };
  CHECK(check(0x1000, {64, 2, 1}).has_value());
  auto grid = check(0x1000, {64, 1, 1});
  REQUIRE_FALSE(grid.has_value());
  CHECK(grid.error().message ==
        "'k' is not launched: this build is right only where the grid is 64 × 2 × 1, and "
        "here it is 64 × 1 × 1");
  auto padding = check(0x1000 | paddingNanBit, {64, 2, 1});
  REQUIRE_FALSE(padding.has_value());
  CHECK(padding.error().message.find("argument 0 pads with zeros") != std::string::npos);
}

TEST_CASE("buffers say how far they reach from an address") {
  BufferTable table;
  table.add(0x1000, 256);
  table.add(0x2000, 16);
  CHECK(table.extentAt(0x1000) == 256);
  CHECK(table.extentAt(0x10ff) == 1);
  CHECK(table.extentAt(0x1100) == 0);
  CHECK(table.extentAt(0xfff) == 0);
  table.remove(0x1000);
  CHECK(table.extentAt(0x1000) == 0);
  CHECK(table.extentAt(0x2008) == 8);
}

TEST_CASE("a driver older than the assembler of a cubin is said before it is loaded") {
  Artefact artefact;
  artefact.assembler = "tileiras 13.5.37";
  CHECK(checkDriver(artefact, 13000).has_value());
  CHECK(checkDriver(artefact, 13050).has_value());
  auto old = checkDriver(artefact, 12080);
  REQUIRE_FALSE(old.has_value());
  CHECK(old.error().kind == ErrorKind::Unavailable);
  CHECK(old.error().message.find("12.8") != std::string::npos);
  CHECK(old.error().remedy.find("r580") != std::string::npos);
  artefact.assembler = "nvjitlink 12.9.86";
  CHECK(checkDriver(artefact, 13000).has_value());
  artefact.assembler.clear(); // made by somebody who does not say
  CHECK(checkDriver(artefact, 12080).has_value());
}

TEST_CASE("arguments that do not fit the parameters are refused") {
  std::vector<ParameterSlot> slots = {{ParameterKind::Pointer, 8}, {ParameterKind::Scalar, 4}};
  auto kindOf = [&](std::vector<ArgumentValue> arguments) {
    auto values = packArguments(taking(slots), arguments);
    REQUIRE_FALSE(values.has_value());
    return values.error().kind;
  };
  CHECK(kindOf({uint64_t{1}}) == ErrorKind::InvalidInput);
  CHECK(kindOf({uint64_t{1}, uint64_t{2}}) == ErrorKind::InvalidInput);
  CHECK(kindOf({uint64_t{1}, Scalar{0, 4}, Scalar{0, 4}}) == ErrorKind::InvalidInput);
  slots[0] = {ParameterKind::TensorMap, 128};
  CHECK(kindOf({uint64_t{1}, Scalar{0, 4}}) == ErrorKind::InvalidInput); // nobody says how it is made
}

TEST_CASE("architectures are named with the suffix that has the chip's own instructions") {
  CHECK(architectureName(8, 0) == "sm_80");
  CHECK(architectureName(8, 9) == "sm_89");
  CHECK(architectureName(9, 0) == "sm_90a");
  CHECK(architectureName(10, 0) == "sm_100a");
  CHECK(architectureName(12, 0) == "sm_120a");
}

TEST_CASE("a device that is not there is Unavailable, with a remedy") {
  for (int index : {-1, 1000}) {
    auto device = openCudaDevice(index);
    REQUIRE_FALSE(device.has_value());
    CHECK(device.error().kind == ErrorKind::Unavailable);
    CHECK_FALSE(device.error().remedy.empty());
  }
}

TEST_SUITE_BEGIN("gpu"); // ctest runs these by themselves, and skips them where there is none

TEST_CASE("the device says what it is") {
  auto gpu = test::openGpu();
  if (!gpu) {
    CHECK(listCudaDevices().empty());
    return;
  }
  const DeviceInfo& info = gpu->info();
  CHECK(info.id == "cuda:0");
  CHECK(listCudaDevices().at(0).name == info.name);
  CHECK(info.multiprocessors > 0);
  CHECK(info.memoryBytes > int64_t{1} << 30);
  CHECK(info.sharedBytesLimit >= 48 * 1024);
  CHECK(info.registersLimit >= 65536);
  CHECK(info.cacheBytes > 0);
  MESSAGE(info.name << " " << info.architecture << " driver " << info.driver);
}

TEST_CASE("bytes go up, across and down again") {
  auto gpu = test::openGpu();
  if (!gpu) return;
  std::vector<std::byte> data(100'003), back(data.size());
  for (size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::byte>(i * 7);
  auto first = gpu->allocate(data.size()).value(), second = gpu->allocate(data.size()).value();
  CHECK(first->address() % 256 == 0);
  REQUIRE(gpu->upload(*first, 0, data).has_value());
  REQUIRE(gpu->copy(*second, *first, data.size()).has_value());
  REQUIRE(gpu->fill(*second, 5, 3, std::byte{0xee}).has_value());
  REQUIRE(gpu->download(*second, 0, back).has_value());
  for (size_t i = 5; i < 8; ++i)
    data[i] = std::byte{0xee};
  CHECK(back == data);
  CHECK(gpu->upload(*first, 1, data).error().kind == ErrorKind::InvalidInput);
  CHECK(gpu->allocate(size_t{1} << 50).error().kind == ErrorKind::OutOfResources);
  CHECK(gpu->allocate(16).has_value()); // running out breaks nothing
}

TEST_CASE("a kernel runs through shared memory and computes") {
  auto gpu = test::openGpu();
  if (!gpu) return;
  const std::string architecture = gpu->info().architecture;
  auto kernel = gpu->load(test::artefactOf(test::rotateKernel(architecture), architecture, 256));
  REQUIRE_MESSAGE(kernel.has_value(), kernel.error().text());
  std::vector<uint32_t> values(256), expected(256);
  std::iota(values.begin(), values.end(), 100);
  for (size_t i = 0; i < 256; ++i)
    expected[i] = i < 200 ? values[(i + 1) % 256] : values[i];
  auto buffer = gpu->allocate(1024).value();
  REQUIRE(gpu->upload(*buffer, 0, std::as_bytes(std::span(values))).has_value());
  std::vector<ArgumentValue> arguments = {buffer->address(), Scalar{200, 4}};
  auto launched = gpu->launch(**kernel, {1, 1, 1}, arguments);
  REQUIRE_MESSAGE(launched.has_value(), launched.error().text());
  REQUIRE(gpu->download(*buffer, 0, std::as_writable_bytes(std::span(values))).has_value());
  CHECK(values == expected);
  CHECK(gpu->launch(**kernel, {0, 1, 1}, arguments).error().kind == ErrorKind::InvalidInput);
  CHECK(gpu->launch(**kernel, {1, 70000, 1}, arguments).error().kind == ErrorKind::InvalidInput);
}

TEST_CASE("shared memory up to the limit runs, and beyond it is refused before the launch") {
  auto gpu = test::openGpu();
  if (!gpu) return;
  const std::string architecture = gpu->info().architecture;
  int limit = static_cast<int>(gpu->info().sharedBytesLimit);
  auto buffer = gpu->allocate(4).value();
  std::vector<ArgumentValue> arguments = {buffer->address()};
  for (int bytes : {1024, 49152, 65536, limit}) {
    CAPTURE(bytes);
    auto kernel =
        gpu->load(test::artefactOf(test::dynamicSharedKernel(architecture, bytes), architecture, 32, bytes));
    REQUIRE_MESSAGE(kernel.has_value(), kernel.error().text());
    REQUIRE(gpu->fill(*buffer, 0, 4, std::byte{0}).has_value());
    REQUIRE(gpu->launch(**kernel, {1, 1, 1}, arguments).has_value());
    uint32_t value = 0;
    REQUIRE(gpu->download(*buffer, 0, std::as_writable_bytes(std::span(&value, 1))).has_value());
    CHECK(value == 77);
  }
  Artefact large =
      test::artefactOf(test::dynamicSharedKernel(architecture, limit), architecture, 32, limit + 16);
  CHECK(gpu->load(large).error().kind == ErrorKind::OutOfResources);
  Artefact crowded = test::artefactOf(test::rotateKernel(architecture), architecture, 1024);
  crowded.resources.registers = 80;
  CHECK(gpu->load(crowded).error().kind == ErrorKind::OutOfResources);
}

TEST_CASE("times are positive, as many as asked for, and cold is no faster than warm") {
  auto gpu = test::openGpu();
  if (!gpu) return;
  const std::string architecture = gpu->info().architecture;
  auto kernel = gpu->load(test::artefactOf(test::rotateKernel(architecture), architecture, 256)).value();
  auto buffer = gpu->allocate(1024).value();
  std::vector<ArgumentValue> arguments = {buffer->address(), Scalar{256, 4}};
  // What else happens on the machine only adds: the quickest of many launches is the kernel itself.
  auto quickest = [&](bool cold) {
    auto times = gpu->time(*kernel, {1, 1, 1}, arguments, {.repeats = 101, .coldCache = cold});
    REQUIRE_MESSAGE(times.has_value(), times.error().text());
    CHECK(times->size() == 101);
    return std::ranges::min(*times);
  };
  double cold = quickest(true), warm = quickest(false);
  MESSAGE("cold " << cold * 1e6 << " us, warm " << warm * 1e6 << " us");
  CHECK(warm > 0);
  CHECK(cold < 1e-3);
  CHECK(cold >= 0.9 * warm);
}

TEST_SUITE_END();
