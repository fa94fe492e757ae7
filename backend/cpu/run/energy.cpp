#include "backend/cpu/run/energy.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <unistd.h>

namespace tuned::cpu {
namespace {

std::optional<double> readCounter(int file) {
  char text[32] = {};
  if (::pread(file, text, sizeof text - 1, 0) <= 0) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  return end == text ? std::nullopt : std::optional(value);
}

/// "intel-rapl:0", on AMD processors too: a package. Parts of one have two colons.
bool isPackage(const std::string& name) {
  return name.starts_with("intel-rapl:") && name.find(':', sizeof "intel-rapl:" - 1) == std::string::npos;
}

} // namespace

PackageEnergy::PackageEnergy(const std::string& folder) : missing_("there is no counter under " + folder) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (!isPackage(entry.path().filename())) continue;
    const std::string path = entry.path() / "energy_uj";
    Counter counter{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    std::ifstream(entry.path() / "max_energy_range_uj") >> counter.range;
    auto now = counter.file >= 0 ? readCounter(counter.file) : std::nullopt;
    if (!now) {
      missing_ = path + ": " + std::strerror(errno);
      if (counter.file >= 0) ::close(counter.file);
      continue;
    }
    counter.last = *now;
    counters_.push_back(counter);
  }
}

PackageEnergy::~PackageEnergy() {
  for (const Counter& counter : counters_)
    ::close(counter.file);
}

Result<double> PackageEnergy::joules() {
  if (counters_.empty())
    return fail(ErrorKind::Unsupported, "the energy that the processor takes is not counted: " + missing_,
                "the counters are root's to read as a rule, and virtual machines have none; tune for time");
  for (Counter& counter : counters_) {
    auto now = readCounter(counter.file);
    if (!now)
      return fail(ErrorKind::Unsupported, "a counter of the processor's energy cannot be read any more");
    microjoules_ += *now >= counter.last ? *now - counter.last : *now + counter.range - counter.last;
    counter.last = *now;
  }
  return 1e-6 * microjoules_;
}

} // namespace tuned::cpu
