#include "tuner/search.h"
#include "base/sha256.h"

#include <algorithm>

namespace tuned {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(100); // between looks at the stop token and the budget
constexpr double kGain =
    0.99; // a new best counts as a gain when it takes at most this share of the old one's time
constexpr double kNear = 1.1; // only variants this near the best meet in the duel
constexpr size_t kArtefactsKept = 32;

double steadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

} // namespace

Search::Search(const TuneRequest& request, Space space, std::unique_ptr<Strategy> strategy,
               Executor& executor, std::stop_token stop)
    : request_(request), space_(std::move(space)), strategy_(std::move(strategy)), executor_(executor),
      stop_(std::move(stop)), now_(request.now ? request.now : steadySeconds), start_(now_()) {}

void Search::recall() {
  for (const Trial& trial : request_.known) {
    if (space_.find(trial.configuration) == space_.size() || !claimed_.insert(trial.configuration).second)
      continue;
    strategy_->observe(trial);
    trials_.push_back(trial);
    if (trial.eligible() && (!best_ || trial.timed()->median < best()->timed()->median))
      best_ = trials_.size() - 1;
  }
}

std::optional<std::string> Search::stopReason() const {
  if (stop_.stop_requested()) return "cancelled";
  Budget::Spent spent = spent_;
  spent.seconds = seconds();
  return request_.budget.exhausted(spent);
}

bool Search::refill(size_t count) {
  while (compiling_ < count) {
    std::vector<Configuration> batch;
    // The default goes first: it is what the winner is compared with, and a fair bar for racing.
    if (space_.find(request_.kernel.defaults) < space_.size() && !claimed_.contains(request_.kernel.defaults))
      batch.push_back(request_.kernel.defaults);
    else
      batch = strategy_->propose(count - compiling_);
    if (batch.empty()) return false;
    std::erase_if(batch, [&](const Configuration& each) { return !claimed_.insert(each).second; });
    compiling_ += batch.size();
    if (!batch.empty()) executor_.compile(batch);
  }
  return true;
}

void Search::collect(bool wait) {
  auto patience = wait ? kPatience : std::chrono::milliseconds(0);
  while (compiling_ > 0) {
    auto compiled = executor_.nextCompiled(patience);
    if (!compiled) return;
    --compiling_;
    patience = std::chrono::milliseconds(0);
    if (compiled->artefact) {
      ready_.push_back(std::move(*compiled));
      continue;
    }
    Trial trial;
    trial.configuration = compiled->configuration;
    trial.outcome = compiled->failure;
    trial.compileSeconds = compiled->seconds;
    finish(std::move(trial), nullptr);
  }
}

void Search::measureNext() {
  if (ready_.empty()) return;
  Compiled compiled = std::move(ready_.front());
  ready_.pop_front();
  Trial trial;
  trial.configuration = compiled.configuration;
  trial.resources = compiled.artefact->resources;
  trial.artefact = sha256(compiled.artefact->bytes);
  trial.compileSeconds = compiled.seconds;
  auto [same, fresh] =
      sameCode_.try_emplace(codeKey(trial.configuration, trial.artefact, *compiled.artefact), trials_.size());
  if (!fresh) {
    // The parameters that differ left no trace in the code: it is the same program on the same grid.
    trial.outcome = trials_[same->second].outcome;
    trial.verdict = trials_[same->second].verdict;
  } else {
    std::optional<double> bar;
    if (best()) bar = best()->timed()->median;
    Measured measured = executor_.measure({trial.configuration, compiled.artefact, bar});
    trial.outcome = std::move(measured.outcome);
    trial.verdict = std::move(measured.verdict);
    trial.measureSeconds = measured.seconds;
  }
  finish(std::move(trial), compiled.artefact);
}

std::string Search::codeKey(const Configuration& configuration, const std::string& artefact,
                            const Artefact& code) const {
  std::string key = artefact + " " + std::to_string(code.launch.threadsPerCta) + " " +
                    std::to_string(code.launch.dynamicSharedBytes) + " " +
                    std::to_string(code.launch.clusterSize);
  auto instance = instantiate(request_.kernel, configuration, request_.sizes);
  for (int64_t extent : instance ? instance->grid : std::array<int64_t, 3>{})
    key += " " + std::to_string(extent);
  return key;
}

void Search::finish(Trial trial, std::shared_ptr<const Artefact> artefact) {
  strategy_->observe(trial);
  trials_.push_back(std::move(trial));
  const Trial& last = trials_.back();
  ++spent_.trials;
  ++spent_.withoutGain;
  if (last.eligible()) {
    if (artefact) artefacts_[last.configuration] = std::move(artefact);
    double median = last.timed()->median;
    if (!best_ || median <= kGain * best()->timed()->median) spent_.withoutGain = 0;
    if (!best_ || median < best()->timed()->median) best_ = trials_.size() - 1;
    if (artefacts_.size() > kArtefactsKept) {
      double bar = kNear * best()->timed()->median;
      for (const Trial& each : trials_)
        if (each.eligible() && each.timed()->median > bar) artefacts_.erase(each.configuration);
    }
  }
  report("searching", &last);
}

void Search::report(const char* phase, const Trial* last) {
  if (!request_.onProgress) return;
  request_.onProgress({phase, static_cast<int64_t>(trials_.size()), static_cast<int64_t>(space_.size()),
                       seconds(), last, best()});
}

std::vector<size_t> Search::finalists() const {
  std::vector<size_t> order;
  for (size_t i = 0; i < trials_.size(); ++i)
    if (trials_[i].eligible() && trials_[i].timed()->median <= kNear * best()->timed()->median)
      order.push_back(i);
  std::ranges::stable_sort(order, {}, [&](size_t i) { return trials_[i].timed()->median; });
  // Of trials with the same code one is enough.
  std::set<std::string> codes;
  std::erase_if(order, [&](size_t i) {
    auto artefact = artefacts_.find(trials_[i].configuration);
    return artefact != artefacts_.end() &&
           !codes.insert(codeKey(trials_[i].configuration, trials_[i].artefact, *artefact->second)).second;
  });
  if (order.size() > static_cast<size_t>(std::max(1, request_.finalists)))
    order.resize(std::max(1, request_.finalists));
  return order;
}

std::shared_ptr<const Artefact> Search::artefactOf(const Trial& trial) {
  auto found = artefacts_.find(trial.configuration);
  if (found != artefacts_.end()) return found->second;
  // Known from an earlier search: compiled again. Others still on their way are left aside.
  executor_.compile({&trial.configuration, 1});
  while (!stop_.stop_requested()) {
    auto compiled = executor_.nextCompiled(kPatience);
    if (compiled && compiled->configuration == trial.configuration) return compiled->artefact;
  }
  return nullptr;
}

void Search::duel(TuneResult& result) {
  std::vector<size_t> order = finalists();
  size_t contenders = order.size();
  // The default fights along, out of competition, so that the gain is measured under the same conditions.
  auto standard = std::ranges::find(trials_, request_.kernel.defaults, &Trial::configuration);
  size_t standardAt = standard - trials_.begin();
  bool listed = std::ranges::find(order, standardAt) != order.end();
  if (!listed && standard != trials_.end() && standard->timed() &&
      standard->timed()->median < 3 * best()->timed()->median && !standard->timed()->abandoned)
    order.push_back(standardAt);

  std::vector<MeasureRequest> requests;
  std::vector<size_t> who;
  for (size_t i : order)
    if (auto artefact = artefactOf(trials_[i])) {
      requests.push_back({trials_[i].configuration, artefact, std::nullopt});
      who.push_back(i);
    }
  bool alone = requests.size() == 1 && request_.known.empty();
  std::vector<Measured> outcomes;
  if (!alone && request_.finalists > 1 && !requests.empty()) {
    report("duel", nullptr);
    outcomes = executor_.duel(requests);
  }
  std::optional<size_t> chosen;
  for (size_t i = 0; i < requests.size(); ++i) {
    Trial& trial = trials_[who[i]];
    if (i < outcomes.size()) trial.outcome = outcomes[i].outcome;
    bool contends = i < contenders || listed;
    if (!contends ||
        std::ranges::find(order.begin(), order.begin() + contenders, who[i]) == order.begin() + contenders)
      continue;
    if (trial.eligible() && (!chosen || trial.timed()->median < trials_[who[*chosen]].timed()->median))
      chosen = i;
  }
  if (!chosen) return;
  best_ = who[*chosen];
  result.winner = Winner{trials_[*best_], requests[*chosen].artefact};
}

TuneResult Search::decide(std::string stopped) {
  TuneResult result;
  result.stopped = std::move(stopped);
  result.spaceSize = static_cast<int64_t>(space_.size());
  result.tried = static_cast<int64_t>(trials_.size());
  if (best_) duel(result);
  executor_.cancel();
  auto standard = std::ranges::find(trials_, request_.kernel.defaults, &Trial::configuration);
  if (standard != trials_.end()) {
    result.standard = *standard;
    if (result.winner && standard->timed())
      result.gain = standard->timed()->median / result.winner->trial.timed()->median;
  }
  result.trials.assign(trials_.begin(), trials_.end());
  result.seconds = seconds();
  report("done", nullptr);
  return result;
}

} // namespace tuned
