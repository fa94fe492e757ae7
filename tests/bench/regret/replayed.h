// A search that meets recorded times: its device launches nothing and gives what was seen.
#pragma once

#include "tests/bench/regret/recorded.h"
#include "tuner/measure/measure.h"

namespace tuned::bench {

struct Policy {
  MeasureOptions measure = {};
  int finalists = 6; ///< TuneRequest::finalists
};

struct Replayed {
  size_t winner = 0;  ///< its code
  double seconds = 0; ///< that all launches took
};

/// One tuning of the whole space. What a build is timed by when it is tried is some stretch of its rounds,
/// what the duel sees one stretch that all finalists share; the seed tells which.
Replayed replay(const Problem& problem, const Recorded& recorded, const Policy& policy, uint64_t seed);

} // namespace tuned::bench
