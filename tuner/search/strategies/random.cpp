#include "tuner/search/strategies/listed.h"
#include "tuner/search/strategies/strategies.h"

#include <numeric>
#include <random>
#include <utility>

namespace tuned {

std::unique_ptr<Strategy> makeRandom(const Study& study) {
  std::vector<uint32_t> order(study.space.size());
  std::iota(order.begin(), order.end(), 0);
  // Fisher and Yates by hand: std::shuffle may differ between standard libraries, and equal seeds are to
  // agree.
  std::mt19937_64 generator(study.seed);
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[generator() % i]);
  return std::make_unique<Listed>(study.space.size(), std::move(order));
}

} // namespace tuned
