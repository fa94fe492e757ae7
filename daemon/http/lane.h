// A line for connections that send their requests in drops: some of them are read in each round of the loop,
// so that any number of slow clients takes a small share of it. What arrives while one waits is read at once.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <functional>
#include <memory>

namespace tuned {

/// Used from the loop's thread.
class Lane {
public:
  explicit Lane(size_t inRound) : inRound_(inRound) {}
  Lane(const Lane&) = delete;

  /// Returns when its turn has come, which is in the next round of the loop at the earliest.
  boost::asio::awaitable<void> turn(const boost::asio::any_io_executor& loop) {
    auto initiate = [this, &loop](auto handler) {
      auto resume = std::make_shared<decltype(handler)>(std::move(handler));
      waiting_.push_back([resume] { (*resume)(); });
      if (!posted_) post(loop);
    };
    co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
        initiate, boost::asio::use_awaitable);
  }
  /// Whoever still waits goes, with its connection.
  void clear() { waiting_.clear(); }

private:
  void post(const boost::asio::any_io_executor& loop) {
    posted_ = true;
    // Behind what is ready now, and behind what the loop then finds ready.
    boost::asio::post(loop, [this, loop] {
      posted_ = false;
      for (size_t i = 0; i < inRound_ && !waiting_.empty(); ++i) {
        auto next = std::move(waiting_.front());
        waiting_.pop_front();
        next();
      }
      if (!waiting_.empty() && !posted_) post(loop);
    });
  }

  const size_t inRound_;
  std::deque<std::function<void()>> waiting_;
  bool posted_ = false;
};

} // namespace tuned
