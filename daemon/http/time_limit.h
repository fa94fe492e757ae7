// A limit on how long a connection may wait for its client.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

namespace tuned {

/// Used from the loop's thread. A busy connection sets and lifts its limit several times a request, and the
/// limit is almost never met: so the timer below is moved only to an earlier time, and looks for itself, when
/// it ends, whether the limit has moved on meanwhile. The usual set() is two loads and a store.
class TimeLimit {
public:
  using Clock = std::chrono::steady_clock;
  /// `passed` is called once each time that a limit is met; not after the object's end.
  TimeLimit(const boost::asio::any_io_executor& executor, std::function<void()> passed)
      : state_(std::make_shared<State>(executor, std::move(passed))) {}

  void set(Clock::duration span) {
    state_->at = Clock::now() + span;
    state_->met = false;
    if (state_->at < state_->timerEnds) wait(state_);
  }
  void lift() { state_->at = Clock::time_point::max(); }
  /// Whether the limit last set was met.
  bool met() const { return state_->met; }

private:
  struct State {
    State(const boost::asio::any_io_executor& executor, std::function<void()> call)
        : timer(executor), passed(std::move(call)) {}
    boost::asio::steady_timer timer;
    std::function<void()> passed;
    Clock::time_point at = Clock::time_point::max(), timerEnds = Clock::time_point::max();
    bool met = false;
  };

  static void wait(const std::shared_ptr<State>& state) {
    state->timerEnds = state->at;
    state->timer.expires_at(state->at);
    state->timer.async_wait([weak = std::weak_ptr(state)](boost::system::error_code cancelled) {
      auto state = weak.lock();
      if (!state || cancelled) return;
      state->timerEnds = Clock::time_point::max();
      if (state->at == Clock::time_point::max()) return;
      if (state->at > Clock::now()) return wait(state);
      state->at = Clock::time_point::max();
      state->met = true;
      state->passed();
    });
  }

  std::shared_ptr<State> state_;
};

} // namespace tuned
