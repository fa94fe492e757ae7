#include "backend/runtime/cpu/object.h"
#include "backend/runtime/kernel.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <random>
#include <sstream>

using namespace tuned;
using cpu::loadObject;

namespace {

std::string bytesOf(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::string objectBytes() {
  return bytesOf(KERNEL_OBJECT);
}

/// Permissions of the mapping that holds an address, as /proc says: "r-xp".
std::string permissionsOf(const void* address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    uintptr_t first = 0, last = 0;
    char dash = 0;
    std::string permissions;
    std::istringstream words(line);
    words >> std::hex >> first >> dash >> last >> permissions;
    auto at = reinterpret_cast<uintptr_t>(address);
    if (at >= first && at < last) return permissions;
  }
  return "none";
}

} // namespace

TEST_CASE("an object's code finds its constants, its data and the functions outside") {
  const std::string bytes = objectBytes();
  REQUIRE(!bytes.empty());
  auto object = loadObject(bytes, "scaled");
  REQUIRE_MESSAGE(object.has_value(), object.error().text());
  std::vector<float> out(7, -1);
  alignas(64) char scratch[64];
  const uint64_t slots[] = {reinterpret_cast<uint64_t>(out.data())};
  (*object)->function()(slots, 2, 6, nullptr, scratch);
  CHECK(out[1] == -1);
  CHECK(out[6] == -1);
  for (int program = 2; program < 6; ++program) {
    const float scale = std::pow(10.0F, static_cast<float>(program % 4));
    const auto angle = static_cast<float>(program);
    CHECK(out[program] == doctest::Approx(scale * (program % 2 ? std::cos(angle) : std::sin(angle))));
  }
}

TEST_CASE("each loaded object has data of its own") {
  auto first = loadObject(objectBytes(), "counted"), second = loadObject(objectBytes(), "scaled");
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  float out = 0;
  alignas(64) char scratch[64];
  const uint64_t slots[] = {reinterpret_cast<uint64_t>(&out)};
  (*second)->function()(slots, 0, 1, nullptr, scratch);
  int64_t counter = -1;
  const uint64_t counterSlots[] = {reinterpret_cast<uint64_t>(&counter)};
  (*first)->function()(counterSlots, 0, 1, nullptr, scratch);
  CHECK(counter == 0);
}

TEST_CASE("code is executable and not writable, and goes with its object") {
  auto object = loadObject(objectBytes(), "scaled");
  REQUIRE(object.has_value());
  const auto* code = reinterpret_cast<const void*>((*object)->function());
  CHECK(permissionsOf(code) == "r-xp");
  object->reset();
  CHECK(permissionsOf(code) != "r-xp");
}

TEST_CASE("what is no object, is for another machine or lacks the function is refused") {
  CHECK(loadObject("", "scaled").error().kind == ErrorKind::InvalidInput);
  CHECK(loadObject(std::string(4096, 'x'), "scaled").error().message.find("ELF") != std::string::npos);
  CHECK(loadObject(objectBytes(), "absent").error().message.find("'absent'") != std::string::npos);
  std::string bytes = objectBytes();
  const uint16_t arm = EM_AARCH64;
  std::memcpy(bytes.data() + offsetof(Elf64_Ehdr, e_machine), &arm, sizeof arm);
  CHECK(loadObject(bytes, "scaled").error().message.find("x86-64") != std::string::npos);
}

TEST_CASE("a function that kernels may not call is refused by name") {
  std::string bytes = objectBytes();
  // The name table is the only place where "sinf" ends in a zero byte.
  const size_t at = bytes.find(std::string("sinf\0", 5));
  REQUIRE(at != std::string::npos);
  bytes.replace(at, 4, "exec");
  auto object = loadObject(bytes, "scaled");
  REQUIRE(!object.has_value());
  CHECK(object.error().message.find("'exec'") != std::string::npos);
}

TEST_CASE("an object that uses the matrix unit is not loaded where the process may not") {
  ::setenv("GPU_TUNED_CPU_TILES", "0", 1); // looked at once per process: nothing in this program may
  const auto object = loadObject(bytesOf(TILES_OBJECT), "plain");
  REQUIRE_FALSE(object);
  CHECK(object.error().kind == ErrorKind::Unsupported);
  CHECK(object.error().message.find("AMX") != std::string::npos);
}

TEST_CASE("a file cut anywhere, or with bytes turned, ends in an error or an object, never in a crash") {
  const std::string bytes = objectBytes();
  for (size_t length = 0; length < bytes.size(); length += 7)
    CHECK(!loadObject(bytes.substr(0, length), "scaled").has_value());
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string turned = bytes;
    for (int flips = 0; flips < 3; ++flips)
      turned[random() % turned.size()] = static_cast<char>(random());
    refused += !loadObject(turned, "scaled").has_value();
  }
  CHECK(refused > 100);
}

TEST_CASE("a kernel of the CPU is not launched on a grid that 32 bits do not count") {
  LaunchMetadata launch;
  launch.symbol = "scaled";
  launch.scratchBytes = 64;
  launch.parameters = {{ParameterKind::Pointer, 8}};
  auto kernel = runtime::loadKernel("object", objectBytes(), launch, "cpu");
  REQUIRE_MESSAGE(kernel.has_value(), kernel.error().text());
  float out[4] = {-1, -1, -1, -1};
  const uint64_t slot = reinterpret_cast<uintptr_t>(out);
  for (const Grid& grid : {Grid{(int64_t{1} << 32) + 1, 1, 1}, Grid{1, int64_t{1} << 31, 1}, Grid{0, 1, 1}}) {
    auto launched = (*kernel)->launch({&slot, 1}, grid, nullptr);
    REQUIRE_FALSE(launched.has_value());
    CHECK(launched.error().kind == ErrorKind::InvalidInput);
    CHECK(launched.error().message.find("the CPU takes 1 to 2147483647") != std::string::npos);
  }
  CHECK(out[0] == -1);
  CHECK((*kernel)->launch({&slot, 1}, {4, 1, 1}, nullptr).has_value());
  CHECK(out[2] == doctest::Approx(100 * std::sin(2.0)));
}
