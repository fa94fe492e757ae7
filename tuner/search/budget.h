// When to stop searching. Conditions combine: the first one that is met ends the search.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tuned {

struct Budget {
  /// Wall clock since the search began; a search in which nothing has worked yet gets five times as much.
  std::optional<double> seconds;
  std::optional<double> mostSeconds;  ///< wall clock since the search began, whatever has worked
  std::optional<int64_t> trials;      ///< configurations tried in this search (known ones do not count)
  std::optional<int64_t> withoutGain; ///< trials in a row that did not improve the best by at least 1 %

  /// What this search has spent so far.
  struct Spent {
    double seconds = 0;
    double clock = 0; ///< the wall's, of which `seconds` may be a part
    int64_t trials = 0;
    int64_t withoutGain = 0;
  };
  /// "time budget of 60 s spent", …; nothing while the search may go on.
  std::optional<std::string> exhausted(const Spent& spent) const;
};

} // namespace tuned
