// Threads for work that may block, shared fairly: users take turns, and none holds all threads.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace tuned {

/// Calls are safe from any thread.
class Turns {
public:
  /// `perUser`: threads that one user's work may hold at a time.
  Turns(size_t threads, size_t perUser);
  ~Turns();
  /// Runs `work` on a thread, after what the same user has added before and in turn with other users'.
  void add(unsigned user, std::function<void()> work);
  /// Waits for what runs; what waits is dropped.
  void join();

private:
  struct Lane {
    std::deque<std::function<void()>> waiting;
    size_t running = 0;
  };
  void serve();
  /// The lane whose turn it is, or the end. Under the lock.
  std::map<unsigned, Lane>::iterator next();

  const size_t perUser_;
  std::mutex mutex_; ///< guards all below
  std::condition_variable changed_;
  std::map<unsigned, Lane> lanes_; ///< of users with work
  unsigned last_ = 0;              ///< whose turn it was
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

} // namespace tuned
