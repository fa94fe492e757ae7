// How much a tuning is worth: `--effort` as strategy, budget and the gain it stops at.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <optional>
#include <string>

namespace tuned {

/// How the space is searched when nothing else is said.
struct Effort {
  /// The largest space that is tried as a whole; a larger one is searched by the portfolio.
  int64_t exhaustive = 0;
  double worth = 0;              ///< TuneRequest::worth
  std::optional<double> seconds; ///< of the search; none: no limit
  bool hurried = false;          ///< TuneRequest::hurried
};

/// "quick", "normal" or "full"; empty is "normal". InvalidInput lists the names.
Result<Effort> effortNamed(const std::string& name);

/// The strategy for a space of this many configurations: "exhaustive" or "portfolio".
const char* strategyFor(const Effort& effort, int64_t configurations);

} // namespace tuned
