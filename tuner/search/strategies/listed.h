// What exhaustive and random share: walking a list of positions, leaving out those that are already known.
#pragma once

#include "tuner/search/strategy.h"

namespace tuned {

class Listed : public Strategy {
public:
  /// `order` holds positions of `space`.
  Listed(const Space& space, std::vector<size_t> order)
      : space_(space), order_(std::move(order)), known_(space.size(), false) {}

  std::vector<Configuration> propose(size_t count) override {
    std::vector<Configuration> out;
    for (; next_ < order_.size() && out.size() < count; ++next_)
      if (!known_[order_[next_]]) out.push_back(space_.configurations()[order_[next_]]);
    return out;
  }

  void observe(const Trial& trial) override {
    size_t position = space_.find(trial.configuration);
    if (position < space_.size()) known_[position] = true;
  }

private:
  const Space& space_;
  std::vector<size_t> order_;
  std::vector<bool> known_;
  size_t next_ = 0;
};

} // namespace tuned
