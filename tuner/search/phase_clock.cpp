#include "tuner/search/phase_clock.h"

#include "base/clock.h"

#include <algorithm>

namespace tuned {

PhaseClock::PhaseClock(std::function<double()> now)
    : now_(now ? std::move(now) : steadySeconds), since_(now_()) {}

void PhaseClock::enter(const char* phase) {
  const double now = now_();
  seconds_[phase_] += std::max(0.0, now - since_ - attributed_);
  phase_ = phase;
  since_ = now;
  attributed_ = 0;
}

void PhaseClock::attribute(const PhaseSeconds& parts) {
  double sum = 0;
  for (const auto& [phase, seconds] : parts)
    sum += std::max(0.0, seconds);
  const double room = std::max(0.0, now_() - since_ - attributed_);
  const double scale = sum > room ? room / sum : 1;
  for (const auto& [phase, seconds] : parts)
    seconds_[phase] += scale * std::max(0.0, seconds);
  attributed_ += std::min(sum, room);
}

PhaseSeconds PhaseClock::seconds() const {
  PhaseSeconds out = seconds_;
  out[phase_] += std::max(0.0, now_() - since_ - attributed_);
  return out;
}

} // namespace tuned
