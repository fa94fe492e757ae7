// Each case breaks the device for its process: ctest runs them one a process.
#include "cuda_support.h"
#include "tests/backend/nvptx/sample_ptx.h"

using namespace tuned;

TEST_CASE("fault: a write through a null pointer is Faulted, and the device is unusable after it") {
  auto gpu = test::openGpu();
  if (!gpu) return;
  const std::string architecture = gpu->info().architecture;
  auto kernel = gpu->load(test::artefactOf(test::faultingKernel(architecture), architecture, 32)).value();
  std::vector<ArgumentValue> arguments = {uint64_t{0}};
  auto launched = gpu->launch(*kernel, {1, 1, 1}, arguments);
  REQUIRE_FALSE(launched.has_value());
  CHECK(launched.error().kind == ErrorKind::Faulted);
  MESSAGE(launched.error().text());
  CHECK(gpu->allocate(16).error().kind == ErrorKind::Faulted);
}

TEST_CASE("hang: a kernel that never ends is TimedOut at the deadline") {
  auto gpu = test::openGpu(std::chrono::milliseconds(500));
  if (!gpu) return;
  const std::string architecture = gpu->info().architecture;
  auto kernel = gpu->load(test::artefactOf(test::endlessKernel(architecture), architecture, 32)).value();
  auto buffer = gpu->allocate(4).value();
  REQUIRE(gpu->fill(*buffer, 0, 4, std::byte{0}).has_value());
  std::vector<ArgumentValue> arguments = {buffer->address()};
  auto start = std::chrono::steady_clock::now();
  auto launched = gpu->launch(*kernel, {1, 1, 1}, arguments);
  REQUIRE_FALSE(launched.has_value());
  CHECK(launched.error().kind == ErrorKind::TimedOut);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  CHECK(gpu->allocate(16).error().kind == ErrorKind::Faulted);
}
