// The state of one search; tuner.cpp holds the loop that drives it.
#pragma once

#include "tuner/search/space.h"
#include "tuner/search/stragglers.h"
#include "tuner/search/strategy.h"
#include "tuner/search/tuner.h"

#include <deque>
#include <map>
#include <set>

namespace tuned {

class Search {
public:
  /// `space` and `phases` outlive the search; `strategy` was made for the space.
  Search(const TuneRequest& request, const Space& space, std::unique_ptr<Strategy> strategy,
         Executor& executor, PhaseClock& phases, std::stop_token stop);

  /// Takes over what is known from earlier.
  void recall();
  /// Why to stop now; nothing: go on.
  std::optional<std::string> stopReason() const;
  /// Proposes and starts compilations until `count` are under way (in order: not measured yet). False: there
  /// was nothing left to propose.
  bool refill(size_t count);
  /// Takes what has been compiled; waits a moment for it when `wait`.
  void collect(bool wait);
  /// Measures one compiled variant, if there is one.
  void measureNext();
  bool idle() const { return compiling_ == 0 && ready_.empty(); }
  size_t compiling() const { return compiling_; }
  bool anyReady() { return nextReady() != ready_.end(); }
  /// Where the request is in a hurry, and nothing more is proposed: whether all that is left is builds that
  /// are not worth waiting for.
  bool late();
  /// Compiles what was passed over after all, where nothing works without it. False: there is no need.
  bool takeUpPassedOver();
  /// The duel of the best few, and the result.
  TuneResult decide(std::string stopped);

private:
  double seconds() const { return phases_.now() - start_; }
  /// What is measured next; the end: nothing yet.
  std::deque<Compiled>::iterator nextReady();
  /// `outputs`: their checksum, where it is known.
  void finish(Trial trial, std::shared_ptr<const Artefact> artefact, std::optional<uint64_t> outputs = {});
  void finishFailed(const Compiled& compiled);
  void passOver(const Compiled& compiled);
  void report(const char* phase, const Trial* last);
  /// The executor's calls, with the time they take in its phase.
  std::optional<Compiled> nextCompiled(std::chrono::milliseconds patience);
  Measured measure(const MeasureRequest& request);
  Measured judge(const MeasureRequest& request);
  std::string codeKey(const Configuration& configuration, const std::string& artefact,
                      const Artefact& code) const;
  std::vector<size_t> finalists() const;
  /// Compiles it again when it is not at hand; null, and the trial failed, when that fails.
  std::shared_ptr<const Artefact> artefactOf(Trial& trial);
  std::optional<size_t> sparringPartner(const std::vector<size_t>& finalists) const;
  /// The winner among the best few, in trials_; nothing when all of them failed.
  std::optional<size_t> duel();
  void findBest();
  /// Whether it may win: when the search is broken off only what is known to be right.
  bool inPlay(const Trial& trial) const {
    return stop_.stop_requested() ? trial.eligible() : trial.promising();
  }
  /// Times to the end what was given up early by comparison with what has failed since: the fastest, when
  /// nothing is left, or when it was faster than what is left. False: there is no such trial.
  bool reprieve();
  /// Judges what was timed before it could be, and waits for that: one of those with equal outputs for all of
  /// them, the fastest first.
  void settle();
  /// What judging a pending trial gave; of one with equal outputs, where `inherited`.
  void conclude(size_t trial, const Measured& judged, bool inherited);
  /// What is made small; infinite where it was not measured.
  double valueOf(const Trial& trial) const;
  /// Near the best, or too uncertain to be told from it.
  bool mayBeBest(const Trial& trial) const;
  MeasureRequest requestFor(const Trial& trial, std::shared_ptr<const Artefact> artefact,
                            std::optional<double> bar = {}) const {
    return {trial.configuration, std::move(artefact), bar, !request_.objective.timeAlone()};
  }
  void observe(const Trial& trial);
  const Trial* best() const { return best_ ? &trials_[*best_] : nullptr; }

  const TuneRequest& request_;
  const Space& space_;
  std::unique_ptr<Strategy> strategy_;
  Executor& executor_;
  PhaseClock& phases_;
  std::stop_token stop_;
  double start_;

  std::set<Configuration> claimed_; ///< known, compiling, ready or tried
  size_t compiling_ = 0;
  std::deque<Compiled> ready_;
  /// How many at the front of `ready_` were made before: they have no place in the order of what is proposed.
  size_t given_;
  const bool ordered_;
  std::deque<Configuration>
      order_; ///< where ordered: what was proposed and is not measured, failures included
  std::vector<Configuration> passedOver_;
  bool nothingElse_ = false;   ///< it was taken up after all
  std::deque<Trial> trials_;   ///< a deque: progress hands out pointers into it
  std::optional<size_t> best_; ///< in trials_
  /// Who a trial is: contenders may have a configuration's name, too.
  using Identity = std::pair<Configuration, std::string>;
  static Identity identity(const Trial& trial) { return {trial.configuration, trial.origin}; }
  std::deque<Trial>::const_iterator findDefault() const;
  std::map<Identity, std::shared_ptr<const Artefact>> artefacts_; ///< of those that may still win
  std::map<std::string, size_t> sameCode_;                        ///< what runs -> the trial that ran it
  std::set<size_t> finalists_;                                    ///< in trials_: those of the duel
  /// Pending trials, in trials_, with the checksum of their outputs, where the device computes one.
  std::map<size_t, std::optional<uint64_t>> pending_;
  bool refuted_ = false; ///< one of them was wrong
  Budget::Spent spent_;
  Stragglers stragglers_;
};

} // namespace tuned
