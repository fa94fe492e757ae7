// The configurations of a kernel that satisfy its constraints at given sizes.
#pragma once

#include "base/error.h"
#include "ir/kernel.h"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tuned {

/// All of it in memory: spaces are bounded to a million points.
class Space {
public:
  /// InvalidInput: more than a million configurations (or 2^24 looked at), none that satisfies the
  /// constraints, or bad sizes. `ignored` names parameters that the device's compilers do not see (num_warps
  /// on the CPU): of configurations that differ in these only, the one nearest the kernel's default stands
  /// for all. `compilers` are the device's (DeviceInfo::compilers): with several, every configuration is
  /// there for each that takes the kernel, less what that one ignores (compilers.h).
  static Result<Space> enumerate(const Kernel& kernel, const Sizes& sizes,
                                 const std::set<std::string>& ignored = {},
                                 const std::vector<std::string>& compilers = {});
  /// A space that was listed by others (recorded spaces); configurations in the order given.
  static Space of(std::vector<KernelParameter> parameters, std::vector<Configuration> configurations);

  size_t size() const { return configurations_.size(); }
  /// In a stable order: parameters by name, the last varies fastest, values as the document lists them.
  const std::vector<Configuration>& configurations() const { return configurations_; }
  const std::vector<KernelParameter>& parameters() const { return parameters_; }
  /// Position in configurations(), or size() when it is not in the space.
  size_t find(const Configuration& configuration) const;
  /// Positions of the configurations that differ from this one in exactly one parameter; the nearest values
  /// first.
  std::vector<size_t> neighbours(size_t position) const;

private:
  std::vector<KernelParameter> parameters_;
  std::vector<Configuration> configurations_;
  std::map<Configuration, size_t> positions_;
  bool ownCompilerNamed_ = false; ///< some configuration says compiler=0 instead of leaving it out
};

} // namespace tuned
