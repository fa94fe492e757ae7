// What strategies that learn have in common: which positions are taken, what was observed, and fresh
// positions by chance.
#pragma once

#include "tuner/search/strategy.h"

#include <random>
#include <unordered_map>

namespace tuned {

class Record {
public:
  Record(Space& space, uint64_t seed) : space_(space), generator_(seed) {}

  bool taken(size_t position) const { return position < taken_.size() && taken_[position]; }
  /// Marks it as proposed or known. False: it was already.
  bool take(size_t position);
  /// Up to `count` positions that `next` gives and that were not taken; fewer when there are no more.
  template <typename Next> std::vector<size_t> take(size_t count, Next next) {
    std::vector<size_t> out;
    while (out.size() < count && !exhausted()) {
      const size_t position = next();
      if (take(position)) out.push_back(position);
    }
    return out;
  }
  /// Positions that were proposed or are known.
  size_t count() const { return count_; }
  bool exhausted() const { return count_ >= space_.size(); }
  /// A position by chance that is not taken, or size() when there is none.
  size_t fresh();
  /// Below `count`, by chance.
  size_t below(size_t count) { return static_cast<size_t>(generator_() % count); }
  std::mt19937_64& generator() { return generator_; }

  /// Takes it, too. A position that is observed again has the newer time.
  void observe(const Observation& observation);
  const std::vector<Observation>& observations() const { return observations_; }
  /// Of this position; null: none.
  const Observation* find(size_t position) const {
    auto place = places_.find(position);
    return place == places_.end() ? nullptr : &observations_[place->second];
  }
  /// Of the fastest that was timed to the end; nothing: none was.
  const Observation* best() const { return best_ ? &observations_[*best_] : nullptr; }
  /// Up to `count` observations that were timed, the fastest first.
  std::vector<Observation> fastest(size_t count) const;
  /// Neighbours that are not taken; those of a sampled space are added to it.
  std::vector<size_t> untried(size_t position);

private:
  Space& space_;
  std::mt19937_64 generator_;
  std::vector<bool> taken_;
  size_t count_ = 0;
  std::vector<Observation> observations_;
  std::unordered_map<size_t, size_t> places_; ///< in observations_, by position
  std::optional<size_t> best_;
};

} // namespace tuned
