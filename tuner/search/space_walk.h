// Going through the values of a kernel's parameters under its constraints.
#pragma once

#include "tuner/search/space.h"

#include <optional>
#include <random>

namespace tuned {

/// Goes through the parameters in order. A constraint is looked at as soon as all it names is chosen, so that
/// spaces much smaller than the product of their values are listed without walking the product. Holds its own
/// stack: a document may bring as many parameters as the reader of documents lets through.
class SpaceWalk {
public:
  SpaceWalk(const Kernel& kernel, const Sizes& sizes);

  struct Found {
    std::vector<Space::Index> cells; ///< rows one behind the other
    size_t count = 0;                ///< rows
    bool sampled = false;
  };
  /// Lists the space, or samples it. InvalidInput: it cannot be listed, and nothing was found by chance.
  Result<Found> run();

private:
  Result<std::optional<Found>> list();
  Result<Found> sample();
  std::optional<std::vector<Space::Index>> defaultRow() const;
  void choose(size_t depth, size_t index);
  Result<bool> constraintsHold(size_t depth);
  Result<bool> draw(std::mt19937_64& generator);

  const Kernel& kernel_;
  Bindings bindings_;
  std::vector<int64_t*> values_; ///< in bindings_, by parameter
  std::vector<Space::Index> chosen_;
  std::vector<std::vector<const Expression*>> due_; ///< by how many parameters must be chosen
  size_t room_ = 0;                                 ///< rows that may be kept
  int64_t work_ = 0;
};

} // namespace tuned
