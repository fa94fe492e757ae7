// An executor for tests: outcomes come from a function, time from a clock that it turns itself.
#pragma once

#include "tuner/measure/measure.h"
#include "tuner/search/executor.h"

#include <algorithm>
#include <deque>
#include <functional>

namespace tuned::test {

class FakeExecutor : public Executor {
public:
  /// Seconds a variant takes, or how it fails.
  std::function<Outcome(const Configuration&)> behaviour;
  /// The code a configuration compiles to; by default each its own.
  std::function<std::string(const Configuration&)> code = [](const Configuration& c) { return toString(c); };
  std::function<int64_t(const Configuration&)> spills = [](const Configuration&) { return 0; };
  /// That a thread needs by what is live.
  std::function<int64_t(const Configuration&)> registers = [](const Configuration&) { return 0; };
  bool isExclusive = false;
  /// Which of so many compilations that are under way ends first.
  std::function<size_t(size_t)> endsFirst = [](size_t) { return 0; };
  /// Of these no compilation ends: whoever waits for one waits in vain.
  std::function<bool(const Configuration&)> neverEnds = [](const Configuration&) { return false; };
  bool readyAtOnce = false; ///< all that was started is compiled when it is looked for
  double clock = 0;
  double compileCost = 1, measureCost = 0.5;
  PhaseSeconds measurePhases; ///< what a measurement says of its time

  std::vector<Configuration> compiledOrder, measuredOrder, dueled;
  std::vector<std::optional<double>> bars;
  size_t mostInFlight = 0;
  int measuredWhileCompiling = 0, cancels = 0;

  bool exclusive() const override { return isExclusive; }
  int compileSlots() const override { return 2; }
  void compile(std::span<const Configuration> configurations) override {
    queue_.insert(queue_.end(), configurations.begin(), configurations.end());
    mostInFlight = std::max(mostInFlight, queue_.size());
  }
  /// Compiling takes time: nothing is ready for those who do not wait.
  std::optional<Compiled> nextCompiled(std::chrono::milliseconds patience) override {
    if (queue_.empty() || (patience.count() == 0 && !readyAtOnce)) return std::nullopt;
    Compiled out;
    auto ended = queue_.begin() + static_cast<long>(endsFirst(queue_.size()));
    if (neverEnds(*ended)) ended = std::ranges::find_if_not(queue_, neverEnds);
    if (ended == queue_.end()) {
      clock += 1e-3 * static_cast<double>(patience.count());
      return std::nullopt;
    }
    out.configuration = *ended;
    out.seconds = compileCost;
    queue_.erase(ended);
    if (passOver_ && passOver_(out.configuration, registers(out.configuration))) {
      out.passedOver = true;
      return out;
    }
    clock += compileCost;
    compiledOrder.push_back(out.configuration);
    Outcome outcome = behaviour(out.configuration);
    if (std::holds_alternative<CompileFailed>(outcome)) {
      out.failure = outcome;
      return out;
    }
    Artefact artefact;
    artefact.bytes = code(out.configuration);
    artefact.resources.spillBytes = spills(out.configuration);
    out.artefact = std::make_shared<Artefact>(std::move(artefact));
    return out;
  }
  void passOver(PassOver which) override { passOver_ = std::move(which); }
  Measured measure(const MeasureRequest& request) override {
    measuredWhileCompiling += !queue_.empty();
    measuredOrder.push_back(request.configuration);
    bars.push_back(request.best);
    clock += measureCost;
    Measured measured;
    measured.outcome = behaviour(request.configuration);
    if (auto* timed = std::get_if<Timed>(&measured.outcome); timed && request.best)
      timed->abandoned = clearlySlower(timed->samples, *request.best);
    measured.verdict = {"reference", 10, 10, 0.5, true};
    measured.phases = measurePhases;
    measured.outputs = outputs ? outputs(request.configuration) : std::nullopt;
    measured.canJudge = measuredOrder.size() > static_cast<size_t>(judgeBehind);
    if (!measured.canJudge && std::holds_alternative<Timed>(measured.outcome))
      measured.verdict.state = "pending";
    else if (isWrong(request.configuration))
      measured.outcome = WrongResult{"element 7"};
    return measured;
  }
  /// The expected outputs are there behind so many measurements.
  int judgeBehind = 0;
  /// Checksums of what is computed; empty: the device computes none.
  std::function<std::optional<uint64_t>(const Configuration&)> outputs;
  /// Timed like any other, and wrong.
  std::function<bool(const Configuration&)> isWrong = [](const Configuration&) { return false; };
  std::vector<Configuration> judged;
  Measured judge(const MeasureRequest& request) override {
    judged.push_back(request.configuration);
    Measured out;
    out.outcome = Timed{};
    out.verdict = {"reference", 10, 10, 0.5, true, std::nullopt, "passed"};
    out.outputs = outputs ? outputs(request.configuration) : std::nullopt;
    if (isWrong(request.configuration)) {
      out.outcome = WrongResult{"element 7"};
      out.verdict.state = "failed";
    }
    return out;
  }
  std::function<Outcome(const Configuration&)> inDuel;
  std::vector<Measured> duel(std::span<const MeasureRequest> requests) override {
    std::vector<Measured> out;
    for (const MeasureRequest& request : requests) {
      dueled.push_back(request.configuration);
      out.push_back({inDuel ? inDuel(request.configuration) : behaviour(request.configuration), {}, 0});
    }
    return out;
  }
  void cancel() override {
    ++cancels;
    queue_.clear();
  }

private:
  std::deque<Configuration> queue_;
  PassOver passOver_;
};

/// Eight samples around `median`.
inline Timed timed(double median) {
  return summarize(
      {median * 0.998, median * 0.999, median, median, median, median, median * 1.001, median * 1.002});
}

} // namespace tuned::test
