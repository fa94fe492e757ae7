// Names to strategies. A new one is a file beside this and a line here.
#include "tuner/search/strategies/strategies.h"

#include <array>

namespace tuned {
namespace {

struct Entry {
  const char* name;
  std::unique_ptr<Strategy> (*make)(const Space& space, uint64_t seed);
};
constexpr std::array<Entry, 2> kTable = {{{"exhaustive", makeExhaustive}, {"random", makeRandom}}};

} // namespace

Result<std::unique_ptr<Strategy>> makeStrategy(const std::string& name, const Space& space, uint64_t seed) {
  std::string names;
  for (const Entry& entry : kTable) {
    if (name == entry.name) return entry.make(space, seed);
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  }
  return fail(ErrorKind::NotFound, "unknown strategy '" + name + "'", "there are " + names);
}

std::vector<std::string> strategyNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kTable)
    names.emplace_back(entry.name);
  return names;
}

} // namespace tuned
