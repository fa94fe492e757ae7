#include "backend/nvptx/cubin/assemble.h"

#include "sample_ptx.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <thread>
#include <vector>

using namespace tuned;
using namespace tuned::nvptx;

namespace {
/// Without a toolkit the only thing to show is that the error says what to do.
bool assemblerPresent() {
  auto version = assemblerVersion();
  if (version) return true;
  CHECK(version.error().kind == ErrorKind::Unavailable);
  CHECK(version.error().remedy.find("GPU_TUNED_TOOLCHAIN") != std::string::npos);
  return false;
}
} // namespace

TEST_CASE("PTX becomes a cubin for every architecture we name") {
  if (!assemblerPresent()) return;
  for (const char* architecture : {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"}) {
    CAPTURE(architecture);
    auto assembled = assemble(test::rotateKernel(architecture), {.architecture = architecture});
    REQUIRE_MESSAGE(assembled.has_value(), assembled.error().text());
    CHECK(assembled->cubin.substr(0, 4) == "\x7f"
                                           "ELF");
  }
}

TEST_CASE("every optimisation level and a register limit are taken") {
  if (!assemblerPresent()) return;
  for (int level = 0; level <= 3; ++level) {
    auto assembled = assemble(test::rotateKernel("sm_90a"),
                              {.architecture = "sm_90a", .level = level, .maxRegisters = 64});
    CHECK_MESSAGE(assembled.has_value(), assembled.error().text());
  }
}

TEST_CASE("a refusal carries the assembler's own words") {
  if (!assemblerPresent()) return;
  auto wrong =
      assemble(test::ptxModule("sm_90a", ".visible .entry k() { nonsense; }"), {.architecture = "sm_90a"});
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().kind == ErrorKind::InvalidInput);
  CHECK(wrong.error().message.find("ptx") != std::string::npos);

  for (const char* architecture : {"sm_95", "sm_7", "sm_", "", "gfx90a", "sm_9x"}) {
    auto unknown = assemble(test::rotateKernel("sm_90a"), {.architecture = architecture});
    REQUIRE_FALSE(unknown.has_value());
    CHECK(unknown.error().kind == ErrorKind::InvalidInput);
  }
}

TEST_CASE("more static shared memory than there is runs out of resources") {
  if (!assemblerPresent()) return;
  auto tooMuch = assemble(test::ptxModule("sm_80", R"(
.visible .entry k(.param .u64 p) {
  .reg .b32 %r<3>;
  .shared .align 4 .b8 big[65536];
  mov.u32 %r1, big;
  st.volatile.shared.u32 [%r1], %r1;
  ret;
})"),
                          {.architecture = "sm_80"});
  REQUIRE_FALSE(tooMuch.has_value());
  CHECK(tooMuch.error().kind == ErrorKind::OutOfResources);
}

TEST_CASE("threads assemble at once and agree") {
  if (!assemblerPresent()) return;
  const std::string ptx = test::rotateKernel("sm_90a");
  auto alone = assemble(ptx, {.architecture = "sm_90a"});
  REQUIRE(alone.has_value());
  std::vector<std::string> cubins(4);
  {
    std::vector<std::jthread> threads;
    for (std::string& cubin : cubins)
      threads.emplace_back([&] {
        for (int i = 0; i < 5; ++i)
          cubin = assemble(ptx, {.architecture = "sm_90a"}).value().cubin;
      });
  }
  for (const std::string& cubin : cubins)
    CHECK(cubin == alone->cubin);
}

TEST_CASE("an assembler is known by name and version, and old ones by their fault") {
  CHECK_FALSE(assemblerFault("nvjitlink 13.0.88").empty());
  CHECK_FALSE(assemblerFault("nvjitlink 13.2.51").empty());
  CHECK_FALSE(assemblerFault("nvjitlink 12.9.86").empty());
  CHECK(assemblerFault("nvjitlink 13.3.0").empty());
  CHECK(assemblerFault("nvjitlink 13.10.1").empty());
  CHECK(assemblerFault("tileiras 13.1.48").empty());
  if (!assemblerPresent()) return;
  std::string version = assemblerVersion().value();
  CHECK(version.starts_with("nvjitlink 1"));
  CHECK(std::ranges::count(version, '.') == 2);
}
