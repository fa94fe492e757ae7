// Who meets in the duel.
#include "tuner/search/search.h"

#include <algorithm>

namespace tuned {
namespace {

// How many times slower than the best the default may be to be timed in the duel, unless a launch of it takes
// less than so many seconds: the race sends it away after a few.
constexpr double kSparring = 3, kBrief = 0.02;

} // namespace

std::vector<size_t> Search::finalists() const {
  std::vector<size_t> order;
  for (size_t i = 0; i < trials_.size(); ++i)
    if (inPlay(trials_[i]) && mayBeBest(trials_[i])) order.push_back(i);
  std::ranges::stable_sort(order, {}, [&](size_t i) { return valueOf(trials_[i]); });
  // Of trials with the same code one is enough.
  std::set<std::string> codes;
  std::erase_if(order, [&](size_t i) {
    auto artefact = artefacts_.find(identity(trials_[i]));
    return artefact != artefacts_.end() &&
           !codes.insert(codeKey(trials_[i].configuration, trials_[i].artefact, *artefact->second)).second;
  });
  if (order.size() > static_cast<size_t>(std::max(1, request_.finalists)))
    order.resize(std::max(1, request_.finalists));
  return order;
}

/// The default fights along, so that the gain is measured under the same conditions (and no winner is slower
/// than it), even where it was far behind, which may have been a disturbance; unless it is so slow that it
/// would take the finalists' time.
std::optional<size_t> Search::sparringPartner(const std::vector<size_t>& finalists) const {
  auto standard = findDefault();
  if (standard == trials_.end() || !standard->promising()) return std::nullopt;
  size_t at = standard - trials_.begin();
  if (std::ranges::find(finalists, at) != finalists.end()) return std::nullopt;
  if (valueOf(*standard) > kSparring * valueOf(*best()) && standard->timed()->median > kBrief)
    return std::nullopt;
  return at;
}

void Search::findBest() {
  best_.reset();
  for (size_t i = 0; i < trials_.size(); ++i)
    if (inPlay(trials_[i]) && (!best_ || valueOf(trials_[i]) < valueOf(*best()))) best_ = i;
}

} // namespace tuned
