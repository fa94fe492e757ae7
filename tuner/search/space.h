// The configurations of a kernel that satisfy its constraints at given sizes, as a matrix of indices into the
// parameters' values: two bytes a cell, so that a space of a million points takes some tens of megabytes.
#pragma once

#include "base/error.h"
#include "ir/kernel/kernel.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace tuned {

class Configurations;

/// Holds what can be tried, in bounded memory and after bounded work, whatever the kernel's document says: a
/// space that is too large to list is sampled.
class Space {
public:
  /// An index into a parameter's values.
  using Index = uint16_t;
  /// One configuration: an index for each of parameters(), in their order.
  using Row = std::span<const Index>;

  /// Lists the space, or samples it when listing would take more than 2^25 cells or 2^23 steps. A sample is
  /// the same each time, holds the default where it satisfies the constraints, and favours no value of a
  /// parameter, but is uniform only where no constraint binds. InvalidInput: no configuration satisfies the
  /// constraints, or none was found in a space that cannot be walked, or bad sizes. `ignored` names
  /// parameters that the device's compilers do not see (num_warps on the CPU): of configurations that differ
  /// in these only, the one nearest the kernel's default stands for all. `compilers` are the device's
  /// (DeviceInfo::compilers): with several, every configuration is there for each that takes the kernel, less
  /// what that one ignores (compilers.h).
  static Result<Space> enumerate(const Kernel& kernel, const Sizes& sizes,
                                 const std::set<std::string>& ignored = {},
                                 const std::vector<std::string>& compilers = {});
  /// A space that was listed by others (recorded spaces): rows one behind the other in the order given, each
  /// index below the number of its parameter's values. Rows may not repeat.
  static Space of(std::vector<KernelParameter> parameters, std::vector<Index> cells);

  size_t size() const { return size_; }
  /// Whether size() is a part of the space only.
  bool sampled() const { return total_ > static_cast<int64_t>(listed_); }
  /// Configurations of the whole space: size(), or of a sample the product of its values, which is an upper
  /// bound where constraints exclude some. At most 2^62.
  int64_t total() const { return total_; }
  const std::vector<KernelParameter>& parameters() const { return parameters_; }

  Row row(size_t position) const {
    return {cells_.data() + position * parameters_.size(), parameters_.size()};
  }
  Configuration configuration(size_t position) const;
  /// In a stable order: parameters by name, the last varies fastest, values as the document lists them.
  Configurations configurations() const;
  /// Position, or size() when it is not in the space.
  size_t find(const Configuration& configuration) const;
  size_t find(Row row) const;
  /// Positions of the configurations that differ from this one in exactly one parameter; the nearest values
  /// first.
  std::vector<size_t> neighbours(size_t position) const;
  /// The same; in a sampled space those that satisfy the constraints and are not in the sample are added to
  /// it, up to 2^17 in all. Positions that were given before stay.
  std::vector<size_t> explore(size_t position);

private:
  /// What a configuration has to satisfy.
  struct Rules {
    Bindings bindings; ///< sizes and constants
    std::vector<Expression> constraints;
  };
  std::vector<size_t> around(size_t position, Space* grown) const;
  /// `bindings` holds the rules' own and is given the row's.
  bool satisfies(Row row, Bindings& bindings) const;
  void append(Row row);
  void index();
  size_t slotOf(Row row) const;

  std::vector<KernelParameter> parameters_;
  Configuration fixed_;          ///< launch options that the default fixes without making them parameters
  std::vector<Index> cells_;     ///< size_ rows
  std::vector<uint32_t> slots_;  ///< open addressing: position + 1 by hash of the row; 0: free
  size_t size_ = 0, listed_ = 0; ///< listed_: without what explore() added
  int64_t total_ = 0;
  std::set<size_t> unread_; ///< parameters that explore() leaves alone: no compiler reads them, or `compiler`
  bool ownCompilerNamed_ = true; ///< configurations say compiler=0 instead of leaving it out
  std::shared_ptr<const Rules> rules_;
};

/// The configurations of a space, made when they are looked at.
class Configurations {
public:
  explicit Configurations(const Space& space) : space_(&space) {}
  class Iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Configuration;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = Configuration;
    Iterator() = default;
    Iterator(const Space* space, size_t at) : space_(space), at_(at) {}
    Configuration operator*() const { return space_->configuration(at_); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return {space_, at_++}; }
    bool operator==(const Iterator&) const = default;

  private:
    const Space* space_ = nullptr;
    size_t at_ = 0;
  };
  Iterator begin() const { return {space_, 0}; }
  Iterator end() const { return {space_, space_->size()}; }
  size_t size() const { return space_->size(); }
  Configuration operator[](size_t position) const { return space_->configuration(position); }
  operator std::vector<Configuration>() const { return {begin(), end()}; }

private:
  const Space* space_;
};

inline Configurations Space::configurations() const {
  return Configurations(*this);
}

} // namespace tuned
