// What the processor has taken, from the counters that the kernel shows under powercap (RAPL).
#pragma once

#include "base/error.h"

#include <string>
#include <vector>

namespace tuned::cpu {

class PackageEnergy {
public:
  /// Opens the counters of all packages below `folder`: later reads need no right to open files.
  explicit PackageEnergy(const std::string& folder = "/sys/class/powercap");
  ~PackageEnergy();
  PackageEnergy(const PackageEnergy&) = delete;

  /// Of all packages together since this was made, joules; other processes' work is in it. The counters'
  /// wrapping is seen when less than one round has passed since the last call. Unsupported says why nothing
  /// is counted.
  Result<double> joules();

private:
  struct Counter {
    int file = -1;
    double range = 0; ///< microjoules at which it starts again
    double last = 0;
  };
  std::vector<Counter> counters_;
  double microjoules_ = 0;
  std::string missing_; ///< why there are none
};

} // namespace tuned::cpu
