#include "backend/nvptx/cubin/cubin.h"

#include "backend/nvptx/cubin/assemble.h"
#include "sample_ptx.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <regex>

using namespace tuned;
using namespace tuned::nvptx;

namespace {

std::string cubinOf(const std::string& ptx, const std::string& architecture, int maxRegisters = 0) {
  auto assembled = assemble(ptx, {.architecture = architecture, .maxRegisters = maxRegisters});
  return assembled ? assembled->cubin : std::string();
}

/// A kernel whose 64 values live at once cannot do with 24 registers.
std::string crowdedKernel(const std::string& architecture) {
  std::string body = ".visible .entry crowded(.param .u64 p) {\n.reg .b64 %rd<3>;\n.reg .f32 %f<130>;\n"
                     "ld.param.u64 %rd1, [p];\ncvta.to.global.u64 %rd2, %rd1;\n";
  auto at = [](int i) { return std::to_string(4 * i); };
  for (int i = 0; i < 64; ++i)
    body += "ld.volatile.global.f32 %f" + std::to_string(i) + ", [%rd2+" + at(i) + "];\n";
  for (int i = 0; i < 64; ++i)
    body += "st.volatile.global.f32 [%rd2+" + at(64 + i) + "], %f" + std::to_string(63 - i) + ";\n";
  return test::ptxModule(architecture, body + "ret;\n}\n");
}

std::string output(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return text;
  std::array<char, 4096> block;
  while (size_t got = fread(block.data(), 1, block.size(), pipe))
    text.append(block.data(), got);
  pclose(pipe);
  return text;
}

} // namespace

TEST_CASE("static shared memory, registers and parameters are read from the image") {
  for (const char* architecture : {"sm_80", "sm_90a", "sm_100a", "sm_120a"}) {
    std::string cubin = cubinOf(test::rotateKernel(architecture), architecture);
    if (cubin.empty()) return; // no toolkit here
    CAPTURE(architecture);
    auto kernel = readCubin(cubin, "rotate");
    REQUIRE_MESSAGE(kernel.has_value(), kernel.error().text());
    CHECK(kernel->staticSharedBytes == 4096);
    CHECK(kernel->architecture == std::atoi(architecture + 3));
    CHECK(kernel->registers >= 8);
    CHECK(kernel->registers <= 32);
    CHECK(kernel->stackBytes == 0);
    REQUIRE(kernel->parameters.size() == 2);
    CHECK(kernel->parameters[0].offset == 0);
    CHECK(kernel->parameters[0].size == 8);
    CHECK(kernel->parameters[1].offset == 8);
    CHECK(kernel->parameters[1].size == 4);
  }
}

TEST_CASE("dynamic shared memory is not in the image") {
  std::string cubin = cubinOf(test::dynamicSharedKernel("sm_90a", 65536), "sm_90a");
  if (cubin.empty()) return;
  CHECK(readCubin(cubin).value().staticSharedBytes == 0);
}

TEST_CASE("spills show as stack") {
  std::string cubin = cubinOf(crowdedKernel("sm_90a"), "sm_90a", 24);
  if (cubin.empty()) return;
  auto kernel = readCubin(cubin);
  REQUIRE(kernel.has_value());
  CHECK(kernel->registers <= 24);
  CHECK(kernel->stackBytes >= 4 * (64 - 24));
}

TEST_CASE("cuobjdump, where it is, says the same") {
  std::string cubin = cubinOf(crowdedKernel("sm_90a"), "sm_90a", 24);
  if (cubin.empty() || std::system("command -v cuobjdump > /dev/null 2>&1") != 0) return;
  std::string file = "cubin_test.cubin";
  std::ofstream(file) << cubin;
  std::string usage = output("cuobjdump -res-usage " + file + " 2>&1");
  std::remove(file.c_str());
  std::smatch match;
  REQUIRE(std::regex_search(usage, match, std::regex("REG:([0-9]+) STACK:([0-9]+)")));
  CHECK(readCubin(cubin).value().registers == std::stoi(match[1]));
  CHECK(readCubin(cubin).value().stackBytes == std::stoi(match[2]));
}

TEST_CASE("images that are wrong or cut short are refused") {
  CHECK(readCubin("").error().kind == ErrorKind::InvalidInput);
  CHECK(readCubin(std::string(200, 'x')).error().kind == ErrorKind::InvalidInput);
  std::string cubin = cubinOf(test::rotateKernel("sm_90a"), "sm_90a");
  if (cubin.empty()) return;
  CHECK(readCubin(cubin, "other").error().kind == ErrorKind::NotFound);
  CHECK(readCubin(cubin, "other").error().message.find("rotate") != std::string::npos);
  for (size_t length = 0; length < cubin.size(); length += 37)
    (void)readCubin(cubin.substr(0, length));
  // Every byte wrong in turn: an answer or an error, and never a read outside the image.
  for (size_t i = 0; i < cubin.size(); i += 3) {
    std::string damaged = cubin;
    damaged[i] = static_cast<char>(~damaged[i]);
    (void)readCubin(damaged);
  }
}
