#include "tuner/search/tuner.h"
#include "tuner/search/search.h"

#include <map>

namespace tuned {
namespace {

/// Compiling goes on while the device measures.
std::string overlapped(Search& search, size_t inFlight) {
  while (true) {
    if (auto reason = search.stopReason()) return *reason;
    bool more = search.refill(inFlight);
    if (!more && search.late()) return "the builds that are left take too long";
    search.collect(!search.anyReady());
    search.measureNext();
    if (!more && search.idle() && !search.takeUpPassedOver()) return "space exhausted";
  }
}

/// A batch is compiled to its end before any of it is measured: the device is made of the cores that compile.
std::string alternating(Search& search, size_t batch) {
  while (true) {
    bool more = search.refill(batch);
    while (search.compiling() > 0) {
      if (auto reason = search.stopReason()) return *reason;
      search.collect(true);
    }
    while (search.anyReady()) {
      if (auto reason = search.stopReason()) return *reason;
      search.measureNext();
    }
    if (auto reason = search.stopReason()) return *reason;
    if (!more && search.idle()) return "space exhausted";
  }
}

} // namespace

Result<TuneResult> tune(const TuneRequest& request, Executor& executor, std::stop_token stop) {
  PhaseClock own(request.now);
  PhaseClock& phases = request.phases ? *request.phases : own;
  phases.enter("enumerate");
  auto space = Space::enumerate(request.kernel, request.sizes, request.ignored, request.compilers);
  if (!space) return fail(space.error());
  executor.prepare();
  std::vector<History> history = request.history;
  if (history.empty() && request.guess && request.strategy != "exhaustive")
    if (auto guess = request.guess(*space)) history.push_back(std::move(*guess));
  phases.enter("search");
  // The strategy keeps a reference to the space it was made for; both live to the end of this function.
  auto strategy = makeStrategy(request.strategy, {*space, request.seed, std::move(history)});
  if (!strategy) return fail(strategy.error());
  Search search(request, *space, std::move(*strategy), executor, phases, std::move(stop));
  search.recall();
  size_t slots = static_cast<size_t>(std::max(1, executor.compileSlots()));
  return search.decide(executor.exclusive() ? alternating(search, 4 * slots) : overlapped(search, 2 * slots));
}

std::string TuneResult::failures() const {
  std::map<std::string, int64_t> counts;
  std::string first;
  for (const Trial& trial : trials) {
    if (trial.timed()) continue;
    ++counts[name(trial.outcome)];
    if (first.empty()) first = toString(trial.configuration) + ": " + reason(trial.outcome);
  }
  std::string text;
  for (const auto& [kind, count] : counts)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
  return first.empty() ? text : text + "; first: " + first;
}

} // namespace tuned
