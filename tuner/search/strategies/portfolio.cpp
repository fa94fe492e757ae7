// The default: the surrogate proposes while it gains. When it has not for a while, the model-free strategies
// get every third proposal, in shares of what they have gained so far: they find what a wrong model hides.
// All of them see all observations.
#include "tuner/search/strategies/record.h"
#include "tuner/search/strategies/strategies.h"

#include <array>
#include <limits>

namespace tuned {
namespace {

constexpr size_t kPatience = 40; ///< observations without a gain before others than the surrogate are asked
constexpr size_t kTurn = 3;
constexpr size_t kTries =
    8; ///< proposals that another strategy has made, before a fresh point is taken instead

class Portfolio : public Strategy {
public:
  explicit Portfolio(const Study& study)
      : space_(study.space), record_(study.space, study.seed),
        surrogate_(makeSurrogate(study)), others_{{{makeLocal({study.space, study.seed + 1, {}})},
                                                   {makeEvolutionary({study.space, study.seed + 2, {}})}}} {}

  std::vector<size_t> propose(size_t count) override {
    std::vector<size_t> out;
    while (out.size() < count && !record_.exhausted()) {
      Member* by = turn();
      const size_t position = from(by ? *by->strategy : *surrogate_);
      if (position == space_.size() || !record_.take(position)) break;
      if (by) proposers_[position] = by;
      out.push_back(position);
    }
    return out;
  }

  void compiled(size_t position, const Resources& resources) override {
    surrogate_->compiled(position, resources);
  }

  void observe(const Observation& observation) override {
    const double best = bestSeconds();
    record_.observe(observation);
    surrogate_->observe(observation);
    for (Member& each : others_)
      each.strategy->observe(observation);
    const bool gained = bestSeconds() < best;
    sinceGain_ = gained ? 0 : sinceGain_ + 1;
    if (auto proposer = proposers_.find(observation.position); proposer != proposers_.end()) {
      if (gained) proposer->second->credit += 1;
      proposers_.erase(proposer);
    }
  }

  std::optional<double> expectedGain() const override { return surrogate_->expectedGain(); }

private:
  struct Member {
    std::unique_ptr<Strategy> strategy;
    double credit = 1; ///< gains, and one in advance
  };

  double bestSeconds() const {
    return record_.best() ? *record_.best()->seconds : std::numeric_limits<double>::infinity();
  }

  /// Whose turn it is; null: the surrogate's.
  Member* turn() {
    if (sinceGain_ < kPatience || ++turns_ % kTurn != 0) return nullptr;
    double all = 0;
    for (const Member& each : others_)
      all += each.credit;
    double drawn = all * static_cast<double>(record_.below(1 << 20)) / (1 << 20);
    for (Member& each : others_)
      if ((drawn -= each.credit) < 0) return &each;
    return &others_.back();
  }

  /// What a strategy proposes that no other has; size() when there is nothing left.
  size_t from(Strategy& strategy) {
    for (size_t tries = 0; tries < kTries; ++tries) {
      const auto proposed = strategy.propose(1);
      if (proposed.empty()) break;
      if (!record_.taken(proposed.front())) return proposed.front();
    }
    return record_.fresh();
  }

  Space& space_;
  Record record_;
  std::unique_ptr<Strategy> surrogate_;
  std::array<Member, 2> others_;
  std::unordered_map<size_t, Member*> proposers_; ///< of what is under way
  size_t sinceGain_ = 0, turns_ = 0;
};

} // namespace

std::unique_ptr<Strategy> makePortfolio(const Study& study) {
  return std::make_unique<Portfolio>(study);
}

} // namespace tuned
