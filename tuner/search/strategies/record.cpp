#include "tuner/search/strategies/record.h"

#include <algorithm>

namespace tuned {

bool Record::take(size_t position) {
  if (position >= taken_.size()) taken_.resize(space_.size(), false);
  if (taken_[position]) return false;
  taken_[position] = true;
  ++count_;
  return true;
}

size_t Record::fresh() {
  constexpr int tries = 32; // enough unless nearly all are taken
  const size_t size = space_.size();
  if (exhausted()) return size;
  for (int i = 0; i < tries; ++i)
    if (const size_t position = below(size); !taken(position)) return position;
  size_t position = below(size);
  while (taken(position))
    position = (position + 1) % size;
  return position;
}

void Record::observe(const Observation& observation) {
  take(observation.position);
  auto [place, isNew] = places_.try_emplace(observation.position, observations_.size());
  if (isNew)
    observations_.push_back(observation);
  else
    observations_[place->second] = observation;
  auto counts = [](const Observation& each) { return each.seconds && !each.censored; };
  if (counts(observation) && (!best_ || *observation.seconds < *observations_[*best_].seconds))
    best_ = place->second;
  // The best has become slower: whoever is the best now.
  if (!isNew && best_ == place->second) {
    best_.reset();
    for (size_t i = 0; i < observations_.size(); ++i)
      if (counts(observations_[i]) && (!best_ || *observations_[i].seconds < *observations_[*best_].seconds))
        best_ = i;
  }
}

std::vector<Observation> Record::fastest(size_t count) const {
  std::vector<Observation> out;
  for (const Observation& each : observations_)
    if (each.seconds && !each.censored) out.push_back(each);
  count = std::min(count, out.size());
  std::ranges::partial_sort(out, out.begin() + static_cast<long>(count), {},
                            [](const Observation& each) { return *each.seconds; });
  out.resize(count);
  return out;
}

std::vector<size_t> Record::untried(size_t position) {
  std::vector<size_t> out = space_.explore(position);
  std::erase_if(out, [&](size_t each) { return taken(each); });
  return out;
}

} // namespace tuned
