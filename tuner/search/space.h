// The configurations of a kernel that satisfy its constraints at given sizes.
#pragma once

#include "base/error.h"
#include "ir/kernel.h"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace tuned {

/// Holds what can be tried, in bounded memory and after bounded work, whatever the kernel's document says: a
/// space that is too large to list is sampled.
class Space {
public:
  /// Lists the space, or samples it when listing would take more than 2^20 stored values or 2^23 steps. A
  /// sample is the same each time, holds the default where it satisfies the constraints, and favours no value
  /// of a parameter, but is uniform only where no constraint binds. InvalidInput: no configuration satisfies
  /// the constraints, or none was found in a space that cannot be walked, or bad sizes. `ignored` names
  /// parameters that the device's compilers do not see (num_warps on the CPU): of configurations that differ
  /// in these only, the one nearest the kernel's default stands for all. `compilers` are the device's
  /// (DeviceInfo::compilers): with several, every configuration is there for each that takes the kernel, less
  /// what that one ignores (compilers.h).
  static Result<Space> enumerate(const Kernel& kernel, const Sizes& sizes,
                                 const std::set<std::string>& ignored = {},
                                 const std::vector<std::string>& compilers = {});
  /// A space that was listed by others (recorded spaces); configurations in the order given.
  static Space of(std::vector<KernelParameter> parameters, std::vector<Configuration> configurations);

  size_t size() const { return configurations_.size(); }
  /// Whether size() is a part of the space only.
  bool sampled() const { return total_ > static_cast<int64_t>(size()); }
  /// Configurations of the whole space: size(), or of a sample the product of its values, which is an upper
  /// bound where constraints exclude some. At most 2^62.
  int64_t total() const { return total_; }
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
  std::unordered_multimap<size_t, size_t> positions_; ///< by hash of the configuration
  int64_t total_ = 0;
  bool ownCompilerNamed_ = false; ///< some configuration says compiler=0 instead of leaving it out
};

} // namespace tuned
