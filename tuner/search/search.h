// The state of one search; tuner.cpp holds the loop that drives it.
#pragma once

#include "tuner/search/space.h"
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
  /// Proposes and starts compilations until `count` are under way. False: there was nothing left to propose.
  bool refill(size_t count);
  /// Takes what has been compiled; waits a moment for it when `wait`.
  void collect(bool wait);
  /// Measures one compiled variant, if there is one.
  void measureNext();
  bool idle() const { return compiling_ == 0 && ready_.empty(); }
  size_t compiling() const { return compiling_; }
  bool anyReady() const { return !ready_.empty(); }
  /// The duel of the best few, and the result.
  TuneResult decide(std::string stopped);

private:
  double seconds() const { return phases_.now() - start_; }
  void finish(Trial trial, std::shared_ptr<const Artefact> artefact);
  void report(const char* phase, const Trial* last);
  /// The executor's calls, with the time they take in its phase.
  std::optional<Compiled> nextCompiled(std::chrono::milliseconds patience);
  Measured measure(const MeasureRequest& request);
  std::string codeKey(const Configuration& configuration, const std::string& artefact,
                      const Artefact& code) const;
  std::vector<size_t> finalists() const;
  /// Compiles it again when it is not at hand; null, and the trial failed, when that fails.
  std::shared_ptr<const Artefact> artefactOf(Trial& trial);
  std::optional<size_t> sparringPartner(const std::vector<size_t>& finalists) const;
  /// The winner among the best few, in trials_; nothing when all of them failed.
  std::optional<size_t> duel();
  void findBest();
  /// When all that were timed to the end have failed since: times the fastest of those given up early to the
  /// end. False: there is none.
  bool reprieve();
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
  std::deque<Trial> trials_;   ///< a deque: progress hands out pointers into it
  std::optional<size_t> best_; ///< in trials_
  /// Who a trial is: contenders may have a configuration's name, too.
  using Identity = std::pair<Configuration, std::string>;
  static Identity identity(const Trial& trial) { return {trial.configuration, trial.origin}; }
  std::deque<Trial>::const_iterator findDefault() const;
  std::map<Identity, std::shared_ptr<const Artefact>> artefacts_; ///< of those that may still win
  std::map<std::string, size_t> sameCode_;                        ///< what runs -> the trial that ran it
  std::set<size_t> finalists_;                                    ///< in trials_: those of the duel
  Budget::Spent spent_;
};

} // namespace tuned
