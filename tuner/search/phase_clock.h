// Where the seconds of a tuning go. Its thread is in one phase at a time, so that all phases together are the
// wall clock; compilations that run beside it cost what it waits for them.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace tuned {

/// Seconds by phase: "enumerate" (the space), "inputs", "reference" (expected outputs), "compile" (waiting
/// for compilers), "load", "verify", "time", "energy", "search" (the strategy, and what is kept), "wait" (for
/// a worker: its start, messages).
using PhaseSeconds = std::map<std::string, double>;

/// Not thread-safe.
class PhaseClock {
public:
  /// Seconds from any fixed point; a steady clock when empty. The first phase is "search".
  explicit PhaseClock(std::function<double()> now = {});

  double now() const { return now_(); }
  /// From now on.
  void enter(const char* phase);
  /// So much of the time since enter() belongs to other phases: a worker says what it did while it was waited
  /// for. What is more than that time is scaled down to it.
  void attribute(const PhaseSeconds& parts);
  /// Up to now.
  PhaseSeconds seconds() const;

private:
  std::function<double()> now_;
  std::string phase_ = "search";
  double since_;
  double attributed_ = 0; ///< of the time since since_
  PhaseSeconds seconds_;
};

} // namespace tuned
