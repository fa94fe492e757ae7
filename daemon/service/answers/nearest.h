// Which of the winners of near sizes answers for sizes that were never tuned, and what that is expected to
// lose.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace tuned {

/// Sizes of one kernel that were tuned, the nearest to those that are asked for first; each has its winner.
struct NearSizes {
  std::vector<double> far;                ///< from the sizes asked for, as store::distanceOf tells
  std::vector<std::vector<double>> apart; ///< from each other
  /// Of the winner of [i] at the sizes [j]: its time over the best one's there, less 1. Nothing: not timed.
  std::vector<std::vector<std::optional<double>>> losses;
  std::vector<bool> usable; ///< the winner is a configuration of the sizes asked for
};

struct Nearest {
  size_t winner = 0;          ///< whose
  std::optional<double> loss; ///< expected; nothing: too little was measured to tell
};

/// Nothing: none is usable.
std::optional<Nearest> nearestWinner(const NearSizes& sizes);

} // namespace tuned
