// What exhaustive and random share: walking a list of positions, leaving out those that are already known.
#pragma once

#include "tuner/search/strategy.h"

namespace tuned {

class Listed : public Strategy {
public:
  /// `order` holds positions of a space of `size` points.
  Listed(size_t size, std::vector<uint32_t> order) : order_(std::move(order)), known_(size, false) {}

  std::vector<size_t> propose(size_t count) override {
    std::vector<size_t> out;
    for (; next_ < order_.size() && out.size() < count; ++next_)
      if (!known_[order_[next_]]) out.push_back(order_[next_]);
    return out;
  }

  void observe(const Observation& observation) override {
    if (observation.position < known_.size()) known_[observation.position] = true;
  }

private:
  std::vector<uint32_t> order_;
  std::vector<bool> known_;
  size_t next_ = 0;
};

} // namespace tuned
