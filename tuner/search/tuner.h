// The search: propose, compile, measure, observe, decide.
#pragma once

#include "tuner/search/budget.h"
#include "tuner/search/executor.h"
#include "tuner/search/strategy.h"
#include "tuner/trial.h"

#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace tuned {

/// Where a search stands; given to the callback after every trial and at each change of phase.
struct Progress {
  std::string phase;           ///< "searching", "judging" (what was timed before), "duel", "done"
  int64_t tried = 0;           ///< trials of this search and known ones
  int64_t total = 0;           ///< configurations in the space
  double seconds = 0;          ///< since the search began
  const Trial* last = nullptr; ///< the trial that has just ended; null at a change of phase
  const Trial* best = nullptr; ///< the best so far; null: none that is known to be right
  /// What the time went into so far, of the clock that the search was given.
  const PhaseClock* phases = nullptr;
};

struct TuneRequest {
  Kernel kernel;
  Sizes sizes;
  std::string strategy = "exhaustive";
  uint64_t seed = 1;
  Budget budget;
  /// The search stops by itself when the strategy expects its next proposal to gain less than this share of
  /// the best time; 0: it does not.
  double worth = 0;
  /// Builds that take much longer than those that spill nothing are not waited for in the end
  /// (stragglers.h), and what is going to spill much is passed over as long as anything else works, unless
  /// everything goes in order.
  bool hurried = false;
  Objective objective = {}; ///< what is made small
  /// What is known of the kernel at other sizes and on other devices.
  std::vector<History> history = {};
  /// A history that is made up where there is none, once the space is known; asked only by strategies that
  /// look at it.
  std::function<std::optional<History>(const Space&)> guess = {};
  /// Everything is proposed, measured and told in one order, whatever is compiled first: with equal times the
  /// search is the same again. A build that takes long holds up those behind it. Devices that measure nothing
  /// while something compiles are always searched so.
  bool ordered = false;
  int finalists = 6; ///< the best few that meet again in the duel; 1: no duel
  /// Parameters the device's compiler does not see (Space::enumerate): the CPU ignores the launch options.
  std::set<std::string> ignored;
  /// The device's compilers: with several, which of them is searched too.
  std::vector<std::string> compilers;
  /// Trials kept from earlier: observed and not repeated.
  std::vector<Trial> known;
  /// Builds made elsewhere or earlier: measured and judged before the configurations, in the order given.
  std::vector<Compiled> contenders = {};
  bool contendersOnly = false; ///< nothing else is tried
  /// Called on the caller's thread. Every finished trial is to be kept here (it is what resuming starts
  /// from). One that was timed before it could be judged is told when it is.
  std::function<void(const Progress&)> onProgress = {};
  /// Seconds from any fixed point; a steady clock when empty.
  std::function<double()> now = {};
  /// Counts where the time goes; null: one of the search's own. It keeps the time of `now`.
  PhaseClock* phases = nullptr;
};

struct Winner {
  Trial trial; ///< its outcome is Timed, as the duel saw it
  std::shared_ptr<const Artefact> artefact;
};

struct TuneResult {
  std::optional<Winner>
      winner; ///< nothing: no configuration ran and computed the right thing (see failures())
  std::optional<Trial> standard; ///< the default configuration's trial, when it was tried
  double gain = 1;               ///< time of the default configuration / time of the winner; 1 when unknown
  int64_t spaceSize = 0;
  int64_t tried = 0; ///< distinct configurations with an outcome, known ones included, contenders not
  /// Why the search ended: "space exhausted", "cancelled", or the budget's words; and what was passed over.
  std::string stopped;
  double seconds = 0;
  PhaseSeconds phases;          ///< what these went into; the sum is the whole
  std::vector<Trial> finalists; ///< as they were timed last: against each other, or the only one
  std::vector<Trial> trials;    ///< known ones first, then this search's in the order they ended

  double coverage() const {
    return spaceSize > 0 ? static_cast<double>(tried) / static_cast<double>(spaceSize) : 0;
  }
  /// "12 compile_failed, 3 wrong_result; first: …": why there is no winner.
  std::string failures() const;
};

/// Runs the search to its end; blocks. Errors only when it cannot begin: empty space, bad sizes, unknown
/// strategy.
Result<TuneResult> tune(const TuneRequest& request, Executor& executor, std::stop_token stop = {});

} // namespace tuned
