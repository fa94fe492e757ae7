// Names to strategies. A new one is a file beside this and a line here.
#include "tuner/search/strategies/strategies.h"

#include <array>
#include <cmath>

namespace tuned {
namespace {

struct Entry {
  const char* name;
  std::unique_ptr<Strategy> (*make)(const Study& study);
};
constexpr std::array<Entry, 6> kTable = {{{"exhaustive", makeExhaustive},
                                          {"random", makeRandom},
                                          {"local", makeLocal},
                                          {"evolutionary", makeEvolutionary},
                                          {"surrogate", makeSurrogate},
                                          {"portfolio", makePortfolio}}};

Result<const Entry*> entryOf(const std::string& name) {
  std::string names;
  for (const Entry& entry : kTable) {
    if (name == entry.name) return &entry;
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  }
  return fail(ErrorKind::NotFound, "unknown strategy '" + name + "'", "there are " + names);
}

} // namespace

Result<std::unique_ptr<Strategy>> makeStrategy(const std::string& name, const Study& study) {
  auto entry = entryOf(name);
  if (!entry) return fail(entry.error());
  return (*entry)->make(study);
}

Result<void> checkStrategy(const std::string& name) {
  auto entry = entryOf(name);
  if (!entry) return fail(entry.error());
  return {};
}

std::vector<std::string> strategyNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kTable)
    names.emplace_back(entry.name);
  return names;
}

Observation Observation::of(size_t position, const Trial& trial, const Objective& objective) {
  Observation out{position, std::nullopt, false};
  const Timed* timed = trial.timed();
  if (!timed || !std::isfinite(timed->median) || timed->median <= 0) return out;
  out.seconds = objective.of(timed->median, timed->joules);
  out.censored = timed->abandoned;
  return out;
}

} // namespace tuned
