// What the builds of each problem of a plan share: code that several configurations have is made once.
#pragma once

#include "daemon/service/jobs/same_code.h"

#include <cstddef>
#include <map>

namespace tuned {
struct Problem;
}

namespace tuned::prewarm {

/// Binaries wait here for other configurations with the same code: those of a problem until its last build is
/// there, and no more than 256 MiB in all; beyond that some code is made again. The caller locks.
class Codes {
public:
  explicit Codes(size_t mostBytes = size_t{256} << 20) : mostBytes_(mostBytes) {}
  /// One more of its builds is to be made.
  void expect(const tuned::Problem& problem) { ++problems_[&problem].left; }
  /// Lives until the last expected build of the problem has ended.
  SameCode& of(const tuned::Problem& problem) { return problems_[&problem].same; }
  /// One of its expected builds.
  void ended(const tuned::Problem& problem);
  size_t bytes() const { return bytes_; }

private:
  struct Shared {
    SameCode same;
    size_t left = 0;
    size_t counted = 0; ///< of its bytes, in the sum
  };
  const size_t mostBytes_;
  size_t bytes_ = 0; ///< the sum over all problems, of which each was told when a build of it ended
  std::map<const tuned::Problem*, Shared> problems_;
};

} // namespace tuned::prewarm
