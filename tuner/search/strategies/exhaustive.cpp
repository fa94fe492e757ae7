#include "tuner/search/strategies/listed.h"
#include "tuner/search/strategies/strategies.h"

#include <numeric>

namespace tuned {

std::unique_ptr<Strategy> makeExhaustive(const Space& space, uint64_t) {
  std::vector<size_t> order(space.size());
  std::iota(order.begin(), order.end(), 0);
  return std::make_unique<Listed>(space, std::move(order));
}

} // namespace tuned
