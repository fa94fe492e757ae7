// Builds that are not worth waiting for. What compiles for much longer than everything that fits into its
// registers is a tile too big for them: it spills, and is slow. Where a search is in a hurry and nothing but
// such builds is left, it ends without them.
#pragma once

#include "backend/artefact.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tuned {

/// Whether a build is going to spill so much that it is not worth compiling in a hurry, by the registers that
/// a thread needs (Lowered). `tests/bench/spill_bench.cpp` says what comes of such builds.
bool spillsMuch(int64_t registers);

class Stragglers {
public:
  /// `slots`: builds that are compiled at a time.
  explicit Stragglers(size_t slots) : slots_(slots) {}

  /// A build that took so many seconds; failures say nothing.
  void ended(double seconds, const Resources& resources);
  /// Whether the `underWay` builds that are left are late at this time (seconds from any fixed point): all of
  /// them have been compiled for twice as long as the longest of those that spill no more than the least, and
  /// no more are left than have ended. To be asked again and again once nothing more is proposed.
  bool late(size_t underWay, double now);

private:
  struct Build {
    double seconds;
    int64_t spillBytes;
  };
  size_t slots_;
  std::vector<Build> builds_;
  std::optional<double> allBegan_; ///< when what was under way was no more than the slots
};

} // namespace tuned
