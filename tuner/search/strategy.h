// How the next configurations are chosen. A strategy sees the space as a matrix of indices, what the tuning
// is about, what is known from elsewhere, and what came of its proposals; it never sees a kernel or a device.
#pragma once

#include "base/model/objective.h"
#include "tuner/search/space.h"
#include "tuner/trial.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tuned {

/// What came of one point of the space.
struct Observation {
  size_t position = 0;
  /// What is made small, as a rule seconds. Positive and finite; nothing: it failed (did not compile, needed
  /// too much, computed the wrong thing). Where failures lie is learnt like times are.
  std::optional<double> seconds;
  bool censored = false; ///< it takes at least this long: measuring was given up

  /// A time that is no time (0, negative, infinite, NaN) says as much as a failure.
  static Observation of(size_t position, const Trial& trial, const Objective& objective = {});
};

/// What is known of the same kernel at other sizes or on other devices. Nothing of it is taken on trust: it
/// counts as far as it ranks what is observed here.
struct History {
  struct Point {
    Configuration configuration;
    std::optional<double> seconds; ///< nothing: it failed there
  };
  std::string about;   ///< "M=4096 on cuda:0", for people
  double distance = 0; ///< from this problem: 0 is very near, 1 a factor of e in sizes, or another device
  std::vector<Point> points;
};

/// What a strategy is made for.
struct Study {
  Space& space; ///< outlives the strategy; it may explore() a sampled one
  uint64_t seed = 1;
  std::vector<History> history = {};
};

class Strategy {
public:
  virtual ~Strategy() = default;
  /// Up to `count` positions not proposed before; fewer or none when there are no more (or when it has to see
  /// results first; the loop asks again after each observe()).
  virtual std::vector<size_t> propose(size_t count) = 0;
  /// What compiling a position told, before anything of it is timed: registers, spills, shared memory.
  virtual void compiled(size_t /*position*/, const Resources& /*resources*/) {}
  /// What came of a position: one proposed here, or one known otherwise (then it is not proposed any more).
  virtual void observe(const Observation& observation) = 0;
  /// What going on for a while is expected to gain, as a share of the best time: 0.01 is 1 %. Nothing: the
  /// strategy has no opinion (yet).
  virtual std::optional<double> expectedGain() const { return std::nullopt; }
};

/// By name, from the table in strategies/table.cpp; NotFound lists the names. Equal seeds give equal
/// proposals when observations are equal.
Result<std::unique_ptr<Strategy>> makeStrategy(const std::string& name, const Study& study);
std::vector<std::string> strategyNames();
/// NotFound lists the names.
Result<void> checkStrategy(const std::string& name);

} // namespace tuned
