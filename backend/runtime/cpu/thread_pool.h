// Threads that run the program instances of a launch.
//
// One launch runs at a time. The calling thread works too, so a pool of n holds n - 1 threads. Instances are
// handed out in chunks, in launch order, from one counter: a slow chunk delays only the thread that took it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tuned::cpu {

/// The pieces of one launch, taken by threads until none is left.
class Pieces {
public:
  /// body(thread, first, last) for consecutive pieces of [0, count).
  using Body = std::function<void(int thread, int64_t first, int64_t last)>;
  /// For about `threads` takers, from 1 up; keeps references to `body` and `stop`.
  Pieces(int64_t count, int threads, const Body& body, const std::atomic<bool>& stop);

  /// Runs pieces as the thread of this number until none is left or `stop` is true.
  void take(int thread);

private:
  const Body& body_;
  const std::atomic<bool>& stop_;
  const int64_t count_, chunk_;
  std::atomic<int64_t> next_{0};
};

class ThreadPool {
public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  int size() const { return int(threads_.size()) + 1; }

  /// body(thread, first, last) for consecutive pieces of [0, count); thread is in [0, size()). Stops handing
  /// out pieces once `stop` is true. Returns when all that was handed out is done.
  void run(int64_t count, const Pieces::Body& body, const std::atomic<bool>& stop);

private:
  void work(int thread);

  std::vector<std::thread> threads_;
  std::mutex oneLaunch_;
  std::atomic<uint32_t> generation_{0};
  std::atomic<int> running_{0};
  bool quit_ = false; // written before a new generation is published

  Pieces* pieces_ = nullptr; ///< of the launch in progress; written before its generation is published
};

} // namespace tuned::cpu
