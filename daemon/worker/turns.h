// A lock that two threads get in turn: whoever waits is next, however soon the other asks again.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace tuned {

class Turns {
public:
  void lock() {
    std::unique_lock guard(mutex_);
    const uint64_t mine = next_++;
    changed_.wait(guard, [&] { return mine == now_; });
  }
  void unlock() {
    std::lock_guard guard(mutex_);
    ++now_;
    changed_.notify_all();
  }

private:
  std::mutex mutex_; ///< guards what follows
  std::condition_variable changed_;
  uint64_t next_ = 0, now_ = 0;
};

} // namespace tuned
