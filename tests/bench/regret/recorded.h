// Times of a whole space on the CPU: every build launched once a round, for many rounds.
#pragma once

#include "tests/bench/bench_problem.h"

#include <map>
#include <vector>

namespace tuned::bench {

struct Recorded {
  /// Which of `seconds` a configuration's are: some are compiled to the same code.
  std::map<Configuration, size_t> codes;
  std::vector<std::vector<double>> seconds; ///< of each code, one a round
};

/// Compiles the space and launches it with cold caches, as tunings do, for so many seconds.
Recorded record(const Problem& problem, double seconds);

/// As text: "configuration CODE JSON" and "code CODE SECONDS …" lines.
void keep(const Recorded& recorded, const std::string& path);
Recorded recall(const std::string& path);

} // namespace tuned::bench
