#include "tuner/search/strategies/listed.h"
#include "tuner/search/strategies/strategies.h"

#include <numeric>

namespace tuned {

std::unique_ptr<Strategy> makeExhaustive(const Study& study) {
  std::vector<uint32_t> order(study.space.size());
  std::iota(order.begin(), order.end(), 0);
  return std::make_unique<Listed>(study.space.size(), std::move(order));
}

} // namespace tuned
