#include "tuner/search/search.h"
#include "base/sha256.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iterator>
#include <utility>

namespace tuned {
namespace {

constexpr double kForNothing = 5; // times the budget's seconds, while nothing has worked
constexpr auto kPatience = std::chrono::milliseconds(100); // between looks at the stop token and the budget
constexpr double kGain =
    0.99; // a new best counts as a gain when it takes at most this share of the old one's time
constexpr double kNear = 1.1; // variants this near the best meet in the duel
constexpr size_t kArtefactsKept = 32;

/// Whoever measures may be in the hands of what it runs: a time that no launch takes never wins.
void refuseAbsurd(Outcome& outcome) {
  const auto* timed = std::get_if<Timed>(&outcome);
  if (!timed || (std::isfinite(timed->median) && timed->median > 0)) return;
  char text[80];
  std::snprintf(text, sizeof text, "a launch cannot take the %g s that were measured", timed->median);
  outcome = Faulted{text};
}

} // namespace

Search::Search(const TuneRequest& request, const Space& space, std::unique_ptr<Strategy> strategy,
               Executor& executor, PhaseClock& phases, std::stop_token stop)
    : request_(request), space_(space), strategy_(std::move(strategy)), executor_(executor), phases_(phases),
      stop_(std::move(stop)), start_(phases.now()),
      ready_(request.contenders.begin(), request.contenders.end()), given_(ready_.size()),
      ordered_(request.ordered || executor.exclusive()),
      stragglers_(static_cast<size_t>(std::max(1, executor.compileSlots()))) {
  // The default is what the gain is told from.
  if (request.hurried && !ordered_)
    executor.passOver([standard = request.kernel.defaults](const Configuration& each, int64_t registers) {
      return each != standard && spillsMuch(registers);
    });
}

std::optional<Compiled> Search::nextCompiled(std::chrono::milliseconds patience) {
  phases_.enter("compile");
  auto compiled = executor_.nextCompiled(patience);
  phases_.enter("search");
  return compiled;
}

double Search::valueOf(const Trial& trial) const {
  const Timed* timed = trial.timed();
  return timed ? request_.objective.of(timed->median, timed->joules).value_or(INFINITY) : INFINITY;
}

bool Search::mayBeBest(const Trial& trial) const {
  // Intervals are those of times.
  return valueOf(trial) <= kNear * valueOf(*best()) ||
         (request_.objective.timeAlone() && trial.timed()->low <= best()->timed()->high);
}

/// A contender is no point of the space.
void Search::observe(const Trial& trial) {
  if (const size_t position = space_.find(trial.configuration);
      trial.origin.empty() && position < space_.size())
    strategy_->observe(Observation::of(position, trial, request_.objective));
}

Measured Search::measure(const MeasureRequest& request) {
  phases_.enter("wait");
  Measured measured = executor_.measure(request);
  refuseAbsurd(measured.outcome);
  phases_.attribute(measured.phases);
  phases_.enter("search");
  // In order the first waits for the expected outputs: when these come makes no difference then.
  if (ordered_ && measured.verdict.state == "pending" && std::holds_alternative<Timed>(measured.outcome)) {
    Measured judged = judge(request);
    measured.seconds += judged.seconds;
    measured.verdict = std::move(judged.verdict);
    if (!std::holds_alternative<Timed>(judged.outcome)) measured.outcome = std::move(judged.outcome);
  }
  return measured;
}

Measured Search::judge(const MeasureRequest& request) {
  phases_.enter("wait");
  Measured judged = executor_.judge(request);
  phases_.attribute(judged.phases);
  phases_.enter("search");
  return judged;
}

std::deque<Trial>::const_iterator Search::findDefault() const {
  return std::ranges::find_if(trials_, [&](const Trial& trial) {
    return trial.origin.empty() && trial.configuration == request_.kernel.defaults;
  });
}

void Search::recall() {
  for (const Trial& trial : request_.known) {
    const size_t position = space_.find(trial.configuration);
    if (position == space_.size() || !claimed_.insert(trial.configuration).second) continue;
    strategy_->observe(Observation::of(position, trial, request_.objective));
    trials_.push_back(trial);
    if (trial.eligible() && (!best_ || valueOf(trial) < valueOf(*best()))) best_ = trials_.size() - 1;
  }
}

std::optional<std::string> Search::stopReason() const {
  if (stop_.stop_requested()) return "cancelled";
  Budget::Spent spent = spent_;
  // Time runs out only when there is something to show for it: the first configuration is always tried, and
  // so is what was passed over where nothing else works. Where all so far have failed (a compiler may refuse
  // the kernel as a whole), the others get more time, but not all of it: a space may hold nothing that works.
  const bool firstOfAll = trials_.empty() || (!best_ && (nothingElse_ || !passedOver_.empty()));
  spent.clock = trials_.empty() ? 0 : seconds();
  spent.seconds = firstOfAll ? 0 : seconds() / (best_ ? 1 : kForNothing);
  if (auto reason = request_.budget.exhausted(spent)) return reason;
  // Nothing is gained by going on, as far as the strategy can tell; never before something works.
  if (request_.worth > 0 && best_)
    if (auto gain = strategy_->expectedGain(); gain && *gain < request_.worth) {
      char text[96];
      std::snprintf(text, sizeof text, "expected gain under %g %%", 100 * request_.worth);
      return text;
    }
  return std::nullopt;
}

bool Search::refill(size_t count) {
  if (request_.contendersOnly) return false;
  auto underWay = [&] { return ordered_ ? order_.size() : compiling_; };
  while (underWay() < count) {
    std::vector<Configuration> batch;
    // The default goes first: it is what the winner is compared with, and a fair bar for racing.
    if (space_.find(request_.kernel.defaults) < space_.size() && !claimed_.contains(request_.kernel.defaults))
      batch.push_back(request_.kernel.defaults);
    else
      for (size_t position : strategy_->propose(count - underWay()))
        batch.push_back(space_.configuration(position));
    if (batch.empty()) return false;
    std::erase_if(batch, [&](const Configuration& each) { return !claimed_.insert(each).second; });
    compiling_ += batch.size();
    if (ordered_) order_.insert(order_.end(), batch.begin(), batch.end());
    if (!batch.empty()) executor_.compile(batch);
  }
  return true;
}

void Search::collect(bool wait) {
  auto patience = wait ? kPatience : std::chrono::milliseconds(0);
  while (compiling_ > 0) {
    auto compiled = nextCompiled(patience);
    if (!compiled) return;
    --compiling_;
    patience = std::chrono::milliseconds(0);
    if (compiled->passedOver) {
      passOver(*compiled);
      continue;
    }
    if (ordered_) {
      ready_.push_back(std::move(*compiled)); // failures, too, wait for their turn
      continue;
    }
    if (compiled->artefact) {
      stragglers_.ended(compiled->seconds, compiled->artefact->resources);
      if (const size_t position = space_.find(compiled->configuration); position < space_.size())
        strategy_->compiled(position, compiled->artefact->resources);
      ready_.push_back(std::move(*compiled));
      continue;
    }
    finishFailed(*compiled);
  }
}

bool Search::late() {
  if (!request_.hurried || ordered_ || request_.contendersOnly) return false;
  return stragglers_.late(compiling_, phases_.now()) && best_ && ready_.empty();
}

/// No trial: it is tried when there is more time. For the strategy it is as good as a failure.
void Search::passOver(const Compiled& compiled) {
  Trial trial;
  trial.configuration = compiled.configuration;
  trial.outcome = compiled.failure;
  observe(trial);
  passedOver_.push_back(compiled.configuration);
}

bool Search::takeUpPassedOver() {
  if (best_ || passedOver_.empty()) return false;
  nothingElse_ = true;
  executor_.passOver({});
  compiling_ += passedOver_.size();
  executor_.compile(std::exchange(passedOver_, {}));
  return true;
}

void Search::finishFailed(const Compiled& compiled) {
  Trial trial;
  trial.configuration = compiled.configuration;
  trial.outcome = compiled.failure;
  trial.compileSeconds = compiled.seconds;
  finish(std::move(trial), nullptr);
}

std::deque<Compiled>::iterator Search::nextReady() {
  if (ordered_) {
    if (given_ > 0) return ready_.begin();
    return order_.empty() ? ready_.end()
                          : std::ranges::find(ready_, order_.front(), &Compiled::configuration);
  }
  // Builds of others first, as they were given, then the default; then what spills least, which is seldom the
  // slowest: a search that ends early has timed what was worth it.
  return std::ranges::min_element(ready_, {}, [&](const Compiled& each) -> int64_t {
    if (!each.origin.empty()) return -2;
    if (each.configuration == request_.kernel.defaults) return -1;
    const Resources& takes = each.artefact ? each.artefact->resources : each.resources;
    return std::max<int64_t>(0, takes.spillBytes);
  });
}

void Search::measureNext() {
  auto next = nextReady();
  if (next == ready_.end()) return;
  const bool given = static_cast<size_t>(next - ready_.begin()) < given_;
  Compiled compiled = std::move(*next);
  ready_.erase(next);
  if (given) --given_;
  if (ordered_ && !given) {
    order_.pop_front();
    if (!compiled.artefact) return finishFailed(compiled);
    if (const size_t position = space_.find(compiled.configuration); position < space_.size())
      strategy_->compiled(position, compiled.artefact->resources);
  }
  if (!compiled.artefact) compiled.artefact = compiled.fetch();
  if (!compiled.artefact) return;
  Trial trial;
  trial.configuration = compiled.configuration;
  trial.origin = compiled.origin;
  trial.resources = compiled.artefact->resources;
  trial.artefact = sha256(compiled.artefact->bytes);
  trial.compileSeconds = compiled.seconds;
  const std::string key = codeKey(trial.configuration, trial.artefact, *compiled.artefact);
  auto same = sameCode_.find(key);
  std::optional<uint64_t> outputs;
  bool canJudge = false;
  if (same != sameCode_.end()) {
    // The parameters that differ left no trace in the code: it is the same program on the same grid.
    trial.outcome = trials_[same->second].outcome;
    trial.verdict = trials_[same->second].verdict;
    if (auto waits = pending_.find(same->second); waits != pending_.end()) outputs = waits->second;
  } else {
    std::optional<double> bar;
    // The default is timed to the end: it is what the gain is measured against. A slow one may take the least
    // energy.
    if (best() && request_.objective.timeAlone() &&
        (!trial.origin.empty() || trial.configuration != request_.kernel.defaults))
      bar = best()->timed()->median;
    Measured measured = measure(requestFor(trial, compiled.artefact, bar));
    trial.outcome = std::move(measured.outcome);
    trial.verdict = std::move(measured.verdict);
    trial.measureSeconds = measured.seconds;
    outputs = measured.outputs;
    canJudge = measured.canJudge;
    // A fault or a deadline may have been the machine's: only what the code itself decides is passed on.
    if (trial.timed() || std::holds_alternative<WrongResult>(trial.outcome)) sameCode_[key] = trials_.size();
  }
  finish(std::move(trial), compiled.artefact, outputs);
  if (canJudge) settle();
}

std::string Search::codeKey(const Configuration& configuration, const std::string& artefact,
                            const Artefact& code) const {
  std::string key = artefact + " " + std::to_string(code.launch.block[0]) + "x" +
                    std::to_string(code.launch.block[1]) + "x" + std::to_string(code.launch.block[2]) + " " +
                    std::to_string(code.launch.dynamicSharedBytes) + " " +
                    std::to_string(code.launch.clusterSize) + " " + std::to_string(code.launch.scratchBytes);
  // An image of others may hold several kernels, and be launched in several ways.
  key += " " + code.launch.symbol;
  for (const ParameterSlot& slot : code.launch.parameters) {
    key += " " + std::to_string(static_cast<int>(slot.kind)) + ":" + std::to_string(slot.sizeBytes);
    if (!slot.map) continue;
    key += ":" + std::to_string(slot.map->swizzle) + ":" + std::to_string(slot.map->elementType);
    for (int64_t extent : slot.map->box)
      key += ":" + std::to_string(extent);
  }
  std::array<int64_t, 3> grid = code.launch.grid;
  if (grid[0] < 1) // the build does not say: the document does
    if (auto instance = instantiate(request_.kernel, configuration, request_.sizes)) grid = instance->grid;
  for (int64_t extent : grid)
    key += " " + std::to_string(extent);
  return key;
}

void Search::finish(Trial trial, std::shared_ptr<const Artefact> artefact, std::optional<uint64_t> outputs) {
  if (trial.pending() && !trial.timed()) trial.verdict.state = "unchecked"; // it failed later
  observe(trial);
  trials_.push_back(std::move(trial));
  const Trial& last = trials_.back();
  ++spent_.trials;
  ++spent_.withoutGain;
  if (last.pending()) pending_[trials_.size() - 1] = outputs;
  if (artefact && (last.pending() || last.promising())) artefacts_[identity(last)] = std::move(artefact);
  if (last.promising()) {
    const double value = valueOf(last);
    if (!best_ || value <= kGain * valueOf(*best())) spent_.withoutGain = 0;
    if (!best_ || value < valueOf(*best())) best_ = trials_.size() - 1;
    if (artefacts_.size() > kArtefactsKept) {
      for (const Trial& each : trials_)
        if (each.eligible() && !mayBeBest(each)) artefacts_.erase(identity(each));
    }
  }
  if (!last.pending()) report("searching", &last);
}

void Search::conclude(size_t index, const Measured& judged, bool inherited) {
  Trial& trial = trials_[index];
  pending_.erase(index);
  trial.verdict = judged.verdict;
  if (!inherited) trial.measureSeconds += judged.seconds;
  if (!std::holds_alternative<Timed>(judged.outcome)) {
    refuted_ = true;
    trial.outcome = judged.outcome;
    observe(trial);
  }
  if (!trial.promising()) artefacts_.erase(identity(trial));
  report("judging", &trial);
}

void Search::settle() {
  if (pending_.empty()) return;
  auto order = [&](const auto& each) {
    const Trial& trial = trials_[each.first];
    return std::pair(!trial.promising(), trial.timed() ? valueOf(trial) : 0);
  };
  while (!pending_.empty()) {
    const auto [index, outputs] = *std::ranges::min_element(pending_, {}, order);
    auto artefact = artefactOf(trials_[index]);
    Measured judged;
    if (artefact)
      judged = judge(requestFor(trials_[index], artefact));
    else
      judged.outcome = trials_[index].outcome; // it did not compile again
    if (stop_.stop_requested()) break;         // what a stop cut short says nothing
    conclude(index, judged, false);
    // A fault or a deadline may have been the machine's, and outputs that change say nothing about others.
    const bool telling =
        std::holds_alternative<Timed>(judged.outcome) || std::holds_alternative<WrongResult>(judged.outcome);
    if (!telling || !outputs || judged.outputs != outputs) continue;
    for (auto each = pending_.begin(); each != pending_.end();) {
      const auto [other, theirs] = *each++;
      if (theirs == outputs) conclude(other, judged, true);
    }
  }
  findBest();
}

void Search::report(const char* phase, const Trial* last) {
  if (!request_.onProgress) return;
  const Trial* known = best() && best()->eligible() ? best() : nullptr;
  request_.onProgress(
      {phase, static_cast<int64_t>(trials_.size()), space_.total(), seconds(), last, known, &phases_});
}

std::shared_ptr<const Artefact> Search::artefactOf(Trial& trial) {
  auto found = artefacts_.find(identity(trial));
  if (found != artefacts_.end()) return found->second;
  for (const Compiled& contender : request_.contenders)
    if (contender.configuration == trial.configuration && contender.origin == trial.origin)
      return contender.artefact || !contender.fetch ? contender.artefact : contender.fetch();
  // Known from an earlier search: compiled again. Others still on their way are left aside.
  executor_.compile({&trial.configuration, 1});
  while (!stop_.stop_requested()) {
    auto compiled = nextCompiled(kPatience);
    if (!compiled || compiled->configuration != trial.configuration) continue;
    if (!compiled->artefact) trial.outcome = compiled->failure;
    return artefacts_[identity(trial)] = compiled->artefact;
  }
  return nullptr;
}

std::optional<size_t> Search::duel() {
  std::vector<size_t> fighters = finalists();
  bool contested = request_.finalists > 1 && !stop_.stop_requested();
  if (contested)
    if (auto partner = sparringPartner(fighters)) fighters.push_back(*partner);

  std::vector<MeasureRequest> requests;
  std::erase_if(fighters, [&](size_t i) {
    auto artefact = artefactOf(trials_[i]);
    if (artefact) requests.push_back(requestFor(trials_[i], artefact));
    return !artefact;
  });
  // One alone needs no duel, unless its time is from an earlier search.
  if (contested && (fighters.size() > 1 || (!fighters.empty() && !request_.known.empty()))) {
    report("duel", nullptr);
    phases_.enter("wait");
    auto measured = executor_.duel(requests);
    for (Measured& one : measured) {
      refuseAbsurd(one.outcome);
      phases_.attribute(one.phases);
    }
    phases_.enter("search");
    for (size_t i = 0; i < fighters.size(); ++i) {
      trials_[fighters[i]].outcome = std::move(measured[i].outcome);
      finalists_.insert(fighters[i]);
    }
  }
  std::optional<size_t> chosen;
  for (size_t i : fighters)
    if (inPlay(trials_[i]) && (!chosen || valueOf(trials_[i]) < valueOf(trials_[*chosen]))) chosen = i;
  return chosen;
}

bool Search::reprieve() {
  if (stop_.stop_requested() || (best_ && !refuted_)) return false;
  std::optional<size_t> fastest;
  for (size_t i = 0; i < trials_.size(); ++i)
    if (trials_[i].timed() && trials_[i].timed()->abandoned &&
        (!fastest || valueOf(trials_[i]) < valueOf(trials_[*fastest])))
      fastest = i;
  if (!fastest) return false;
  Trial& trial = trials_[*fastest];
  if (best_ && valueOf(trial) >= valueOf(*best())) return false;
  if (auto artefact = artefactOf(trial)) {
    Measured measured = measure(requestFor(trial, artefact));
    trial.outcome = std::move(measured.outcome);
    trial.verdict = std::move(measured.verdict);
    if (trial.pending() && trial.timed())
      pending_[*fastest] = measured.outputs;
    else if (trial.pending())
      trial.verdict.state = "unchecked";
  }
  return true; // measured, or failed for good
}

TuneResult Search::decide(std::string stopped) {
  executor_.passOver({}); // finalists of earlier searches may have to be made again
  // What is still compiling would disturb a duel on the cores it compiles on.
  while (executor_.exclusive() && compiling_ > 0 && !stop_.stop_requested())
    collect(true);
  TuneResult result;
  // A duel in which every finalist fails leaves the matter to the next best: those that failed are eligible
  // no more.
  for (findBest(); !result.winner; findBest()) {
    if (reprieve()) continue;
    if (!best_) break;
    const bool stopping = stop_.stop_requested();
    auto chosen = duel();
    settle();
    if (chosen && trials_[*chosen].eligible()) {
      best_ = chosen;
      result.winner = Winner{trials_[*chosen], artefactOf(trials_[*chosen])};
      finalists_.insert(*chosen);
      break;
    }
    if (stopping) break;
  }
  executor_.cancel();
  result.stopped = std::move(stopped);
  if (!passedOver_.empty())
    result.stopped += "; passed over, as they would spill much: " + std::to_string(passedOver_.size()) +
                      " (a higher effort tries them)";
  result.spaceSize = space_.total();
  // What was not judged before the search was broken off was not tried.
  std::ranges::copy_if(trials_, std::back_inserter(result.trials), std::not_fn(&Trial::pending));
  result.tried = std::ranges::count_if(result.trials, &std::string::empty, &Trial::origin);
  for (size_t finalist : finalists_)
    if (!trials_[finalist].pending()) result.finalists.push_back(trials_[finalist]);
  auto standard = findDefault();
  if (standard != trials_.end() && !standard->pending()) {
    result.standard = *standard;
    if (result.winner && standard->timed()) result.gain = valueOf(*standard) / valueOf(result.winner->trial);
  }
  result.seconds = seconds();
  result.phases = phases_.seconds();
  report("done", nullptr);
  return result;
}

} // namespace tuned
