// In which order builds are made: what takes long first, so that at the end no core waits for the last of it.
#pragma once

#include "daemon/prewarm/plan.h"

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace tuned::prewarm {

/// By a compiler that is not the target's own (tuner/search/compilers.h).
bool byOther(const Item& item);

/// How much work a build is, next to others of its kind: elements of its tiles a thread, roughly. What is
/// unrolled for them is what compilers take their time for.
double weightOf(const Item& item);

/// Builds in kinds, each of a kernel for a target by a compiler, the heaviest first. What one more of a kind
/// takes is told by those made so far and by its weight; one of each kind is begun first, those of second
/// compilers before others. (Longest processing time first, Graham 1969.)
class Queue {
public:
  /// All are added before the first is taken.
  void add(const Item& item, size_t index);
  bool empty() const { return kinds_.empty(); }
  /// The next to make; nothing: all were taken.
  std::optional<size_t> take();
  /// How long one took, in seconds.
  void took(const Item& item, double seconds);

private:
  struct Waiting {
    size_t index = 0;
    double weight = 1;
  };
  struct Kind {
    std::vector<Waiting> items; ///< the heaviest last
    bool sorted = false, begun = false;
    double seconds = 0, weight = 0; ///< of those that were made
    /// What the next is expected to take. While none is done, it may take for ever.
    double expected() const;
  };
  /// Second compilers first; kernel, target.
  using Key = std::tuple<bool, std::string, std::string>;
  static Key keyOf(const Item& item);
  std::map<Key, Kind> kinds_;
};

} // namespace tuned::prewarm
