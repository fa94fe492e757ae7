// How the next configurations are chosen. A strategy sees nothing but the space and the trials.
#pragma once

#include "tuner/search/space.h"
#include "tuner/trial.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tuned {

class Strategy {
public:
  virtual ~Strategy() = default;
  /// Up to `count` configurations not proposed before; fewer or none when there are no more (or when it has
  /// to see results first; the loop asks again after each observe()).
  virtual std::vector<Configuration> propose(size_t count) = 0;
  /// What came of a configuration: one proposed here, or one known from an earlier search (then it must not
  /// be proposed again).
  virtual void observe(const Trial& trial) = 0;
};

/// By name, from the table in strategies/table.cpp; NotFound lists the names. The space must outlive the
/// strategy. Equal seeds give equal proposals.
Result<std::unique_ptr<Strategy>> makeStrategy(const std::string& name, const Space& space, uint64_t seed);
std::vector<std::string> strategyNames();

} // namespace tuned
