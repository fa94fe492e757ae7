// Iterated local search: the first better neighbour at distance one is moved to; from a point without any, a
// few parameters of the best are changed at once, and every so often it starts anew by chance. (Lourenço,
// Martin and Stützle, Iterated Local Search, 2003.)
#include "tuner/search/strategies/record.h"
#include "tuner/search/strategies/strategies.h"

namespace tuned {
namespace {

constexpr size_t kStart = 8;   ///< by chance before the first descent
constexpr size_t kKick = 3;    ///< parameters changed at most to leave a local optimum
constexpr size_t kRestart = 5; ///< local optima before it starts anew

class Local : public Strategy {
public:
  explicit Local(const Study& study) : space_(study.space), record_(study.space, study.seed) {}

  std::vector<size_t> propose(size_t count) override {
    return record_.take(count, [this] { return next(); });
  }

  void observe(const Observation& observation) override {
    record_.observe(observation);
    if (!observation.seconds || observation.censored) return;
    if (at_ && *observation.seconds < *at_->seconds) moveTo(observation);
  }

private:
  size_t next() {
    if (record_.observations().size() < kStart || !record_.best()) return record_.fresh();
    if (!at_) moveTo(*record_.best());
    while (!around_.empty()) {
      const size_t position = around_.back();
      around_.pop_back();
      if (!record_.taken(position)) return position;
    }
    // All around was tried: a local optimum.
    if (++optima_ % kRestart == 0) return restart();
    return kick();
  }

  void moveTo(const Observation& observation) {
    at_ = observation;
    around_ = space_.explore(observation.position);
    for (size_t i = around_.size(); i > 1; --i)
      std::swap(around_[i - 1], around_[record_.below(i)]);
  }

  size_t restart() {
    at_.reset();
    const size_t position = record_.fresh();
    // Whatever comes of it is where the next descent begins.
    at_ = Observation{position, 1e300, false};
    return position;
  }

  size_t kick() {
    at_ = *record_.best();
    for (int tries = 0; tries < 32; ++tries) {
      size_t position = at_->position;
      for (size_t steps = 2 + record_.below(kKick - 1); steps > 0; --steps) {
        const auto around = space_.explore(position);
        if (around.empty()) break;
        position = around[record_.below(around.size())];
      }
      if (record_.taken(position)) continue;
      // A step down from the kicked point is taken even if it is above the best.
      at_ = Observation{position, *record_.best()->seconds * 1.5, false};
      return position;
    }
    return record_.fresh();
  }

  Space& space_;
  Record record_;
  std::optional<Observation> at_;
  std::vector<size_t> around_; ///< neighbours of at_ that were not looked at
  size_t optima_ = 0;
};

} // namespace

std::unique_ptr<Strategy> makeLocal(const Study& study) {
  return std::make_unique<Local>(study);
}

} // namespace tuned
