#include "tuner/search/distance.h"

#include <cmath>

namespace tuned {

double distanceBetween(const Sizes& a, const Sizes& b, bool otherDevice) {
  double distance = otherDevice ? 1 : 0;
  for (const auto& [name, value] : a)
    if (auto other = b.find(name); other != b.end() && value > 0 && other->second > 0)
      distance += std::abs(std::log(static_cast<double>(value) / static_cast<double>(other->second)));
  return distance;
}

} // namespace tuned
