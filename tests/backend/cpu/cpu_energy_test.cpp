// The processor's energy, from a folder that looks like powercap.
#include "backend/cpu/run/energy.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using tuned::cpu::PackageEnergy;

namespace {
struct Powercap {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("tuned-powercap-" + std::to_string(::getpid()));
  Powercap() { std::filesystem::create_directories(folder); }
  ~Powercap() { std::filesystem::remove_all(folder); }
  void write(const std::string& zone, double microjoules, double range) const {
    std::filesystem::create_directories(folder / zone);
    std::ofstream(folder / zone / "max_energy_range_uj") << static_cast<long long>(range) << "\n";
    std::ofstream(folder / zone / "energy_uj") << static_cast<long long>(microjoules) << "\n";
  }
};
} // namespace

TEST_CASE("the energy of all packages, not of their parts, across a counter's wrapping") {
  Powercap powercap;
  powercap.write("intel-rapl:0", 9'000'000, 10'000'000);
  powercap.write("intel-rapl:1", 500'000, 10'000'000);
  powercap.write("intel-rapl:0:0", 1'000'000, 10'000'000);
  PackageEnergy energy(powercap.folder);
  CHECK(energy.joules().value_or(-1) == doctest::Approx(0));
  powercap.write("intel-rapl:0", 2'000'000, 10'000'000); // 3 J further, past its end
  powercap.write("intel-rapl:1", 1'500'000, 10'000'000);
  powercap.write("intel-rapl:0:0", 9'000'000, 10'000'000);
  CHECK(energy.joules().value_or(-1) == doctest::Approx(4));
  CHECK(energy.joules().value_or(-1) == doctest::Approx(4));
}

TEST_CASE("without counters the reason is told") {
  Powercap powercap;
  PackageEnergy none(powercap.folder);
  auto joules = none.joules();
  REQUIRE_FALSE(joules);
  CHECK(joules.error().kind == tuned::ErrorKind::Unsupported);
  CHECK(joules.error().message.find("there is no counter under " + powercap.folder.string()) !=
        std::string::npos);
  std::filesystem::create_directories(powercap.folder / "intel-rapl:0"); // and no energy_uj in it
  CHECK(PackageEnergy(powercap.folder).joules().error().message.find("energy_uj: No such file") !=
        std::string::npos);
}
