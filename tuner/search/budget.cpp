#include "tuner/search/budget.h"

#include <cstdio>

namespace tuned {

std::optional<std::string> Budget::exhausted(const Spent& spent) const {
  char text[96];
  if (seconds && spent.seconds >= *seconds) {
    std::snprintf(text, sizeof text, "time budget of %g s spent", *seconds);
    return text;
  }
  if (mostSeconds && spent.clock >= *mostSeconds) {
    std::snprintf(text, sizeof text, "time limit of %g s reached", *mostSeconds);
    return text;
  }
  if (trials && spent.trials >= *trials) {
    std::snprintf(text, sizeof text, "budget of %lld trials spent", static_cast<long long>(*trials));
    return text;
  }
  if (withoutGain && spent.withoutGain >= *withoutGain) {
    std::snprintf(text, sizeof text, "no gain in %lld trials", static_cast<long long>(*withoutGain));
    return text;
  }
  return std::nullopt;
}

} // namespace tuned
