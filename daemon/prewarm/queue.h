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

/// Builds in kinds, each of a kernel for a target by a compiler. What a kind takes is told by those made so
/// far: one of each is begun first, those of second compilers before others.
class Queue {
public:
  void add(const Item& item, size_t index);
  bool empty() const { return kinds_.empty(); }
  /// The next to make; nothing: all were taken.
  std::optional<size_t> take();
  /// How long one took, in seconds.
  void took(const Item& item, double seconds);

private:
  struct Kind {
    std::vector<size_t> items;
    size_t taken = 0, made = 0;
    double seconds = 0; ///< of those that were made
    /// What one more is expected to take. One that is not done yet may take for ever.
    double expected() const;
  };
  /// Second compilers first; kernel, target.
  using Key = std::tuple<bool, std::string, std::string>;
  static Key keyOf(const Item& item);
  std::map<Key, Kind> kinds_;
};

} // namespace tuned::prewarm
