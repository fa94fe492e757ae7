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

class ThreadPool {
public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  int size() const { return int(threads_.size()) + 1; }

  /// body(thread, first, last) for consecutive pieces of [0, count); thread is in [0, size()). Stops handing
  /// out pieces once `stop` is true. Returns when all that was handed out is done.
  using Body = std::function<void(int thread, int64_t first, int64_t last)>;
  void run(int64_t count, const Body& body, const std::atomic<bool>& stop);

private:
  void work(int thread);
  void take(int thread);

  std::vector<std::thread> threads_;
  std::mutex oneLaunch_;
  std::atomic<uint32_t> generation_{0};
  std::atomic<int> running_{0};
  bool quit_ = false; // written before a new generation is published

  // The launch in progress; written before its generation is published.
  const Body* body_ = nullptr;
  const std::atomic<bool>* stop_ = nullptr;
  int64_t count_ = 0, chunk_ = 1;
  std::atomic<int64_t> next_{0};
};

} // namespace tuned::cpu
