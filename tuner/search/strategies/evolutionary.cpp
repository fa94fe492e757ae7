// A genetic algorithm that takes one step at a time: two parents by tournament, uniform crossover, mutation
// of single values, and the child replaces the worst when it is better (steady state). (Eiben and Smith,
// Introduction to Evolutionary Computing, 2015, chapters 4 and 5.)
#include "tuner/search/strategies/record.h"
#include "tuner/search/strategies/strategies.h"

#include <algorithm>

namespace tuned {
namespace {

constexpr size_t kPopulation = 20, kTournament = 3;

class Evolutionary : public Strategy {
public:
  explicit Evolutionary(const Study& study) : space_(study.space), record_(study.space, study.seed) {}

  std::vector<size_t> propose(size_t count) override {
    return record_.take(count, [this] { return next(); });
  }

  void observe(const Observation& observation) override {
    record_.observe(observation);
    if (!observation.seconds || observation.censored) return;
    population_.push_back(observation);
    std::ranges::stable_sort(population_, {}, [](const Observation& each) { return *each.seconds; });
    if (population_.size() > kPopulation) population_.pop_back();
  }

private:
  const Observation& parent() {
    // Sorted by time: the least of several draws wins the tournament.
    size_t best = population_.size();
    for (size_t i = 0; i < kTournament; ++i)
      best = std::min(best, record_.below(population_.size()));
    return population_[best];
  }

  size_t next() {
    if (record_.observations().size() < kPopulation || population_.size() < 2) return record_.fresh();
    const auto& parameters = space_.parameters();
    for (int tries = 0; tries < 64; ++tries) {
      const Space::Row mother = space_.row(parent().position), father = space_.row(parent().position);
      std::vector<Space::Index> child(mother.begin(), mother.end());
      for (size_t i = 0; i < child.size(); ++i)
        if (record_.below(2)) child[i] = father[i];
      for (size_t i = 0; i < child.size(); ++i) {
        const size_t values = parameters[i].values.size();
        if (values > 1 && record_.below(child.size()) == 0)
          child[i] = static_cast<Space::Index>(record_.below(values));
      }
      const size_t position = space_.find(child);
      if (position < space_.size() && !record_.taken(position)) return position;
    }
    // The population has become one, or its children break the constraints.
    const auto around = record_.untried(parent().position);
    return around.empty() ? record_.fresh() : around[record_.below(around.size())];
  }

  Space& space_;
  Record record_;
  std::vector<Observation> population_; ///< the fastest first
};

} // namespace

std::unique_ptr<Strategy> makeEvolutionary(const Study& study) {
  return std::make_unique<Evolutionary>(study);
}

} // namespace tuned
