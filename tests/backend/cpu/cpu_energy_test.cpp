// The processor's energy, from a folder that looks like powercap.
#include "backend/cpu/run/energy.h"
#include "tests/daemon/scratch.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>

using tuned::cpu::PackageEnergy;

namespace {
struct Powercap : tuned::test::Scratch {
  void write(const std::string& zone, double microjoules, double range) const {
    std::filesystem::create_directories(*this / zone);
    std::ofstream(*this / zone + "/max_energy_range_uj") << static_cast<long long>(range) << "\n";
    std::ofstream(*this / zone + "/energy_uj") << static_cast<long long>(microjoules) << "\n";
  }
};
} // namespace

TEST_CASE("the energy of all packages, not of their parts, across a counter's wrapping") {
  Powercap powercap;
  powercap.write("intel-rapl:0", 9'000'000, 10'000'000);
  powercap.write("intel-rapl:1", 500'000, 10'000'000);
  powercap.write("intel-rapl:0:0", 1'000'000, 10'000'000);
  PackageEnergy energy(powercap.path());
  CHECK(energy.joules().value_or(-1) == doctest::Approx(0));
  powercap.write("intel-rapl:0", 2'000'000, 10'000'000); // 3 J further, past its end
  powercap.write("intel-rapl:1", 1'500'000, 10'000'000);
  powercap.write("intel-rapl:0:0", 9'000'000, 10'000'000);
  CHECK(energy.joules().value_or(-1) == doctest::Approx(4));
  CHECK(energy.joules().value_or(-1) == doctest::Approx(4));
}

TEST_CASE("without counters the reason is told") {
  Powercap powercap;
  PackageEnergy none(powercap.path());
  auto joules = none.joules();
  REQUIRE_FALSE(joules);
  CHECK(joules.error().kind == tuned::ErrorKind::Unsupported);
  CHECK(joules.error().message.find("there is no counter under " + powercap.path()) != std::string::npos);
  std::filesystem::create_directories(powercap / "intel-rapl:0"); // and no energy_uj in it
  CHECK(PackageEnergy(powercap.path()).joules().error().message.find("energy_uj: No such file") !=
        std::string::npos);
}
