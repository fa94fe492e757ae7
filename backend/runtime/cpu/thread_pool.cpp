#include "backend/runtime/cpu/thread_pool.h"

#include <algorithm>

namespace tuned::cpu {
namespace {

// Launches follow each other closely while a kernel is timed: spin a little before sleeping.
template <typename T> void waitWhile(const std::atomic<T>& value, T old) {
  for (int spin = 0; spin < 2000; ++spin) {
    if (value.load(std::memory_order_acquire) != old) return;
    __builtin_ia32_pause();
  }
  while (value.load(std::memory_order_acquire) == old)
    value.wait(old, std::memory_order_acquire);
}

} // namespace

Pieces::Pieces(int64_t count, int threads, const Body& body, const std::atomic<bool>& stop)
    : body_(body), stop_(stop), count_(count), chunk_(std::max<int64_t>(1, count / (int64_t(threads) * 16))) {
}

void Pieces::take(int thread) {
  while (!stop_.load(std::memory_order_relaxed)) {
    const int64_t first = next_.fetch_add(chunk_, std::memory_order_relaxed);
    if (first >= count_) return;
    body_(thread, first, std::min(count_, first + chunk_));
  }
}

ThreadPool::ThreadPool(int threads) {
  for (int thread = 1; thread < threads; ++thread)
    threads_.emplace_back([this, thread] { work(thread); });
}

ThreadPool::~ThreadPool() {
  quit_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
}

void ThreadPool::run(int64_t count, const Pieces::Body& body, const std::atomic<bool>& stop) {
  std::lock_guard lock(oneLaunch_);
  Pieces pieces(count, size(), body, stop);
  if (count <= 1 || threads_.empty()) return pieces.take(0);
  pieces_ = &pieces;
  running_.store(int(threads_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  pieces.take(0);
  for (int left = running_.load(std::memory_order_acquire); left != 0;
       left = running_.load(std::memory_order_acquire))
    waitWhile(running_, left);
}

void ThreadPool::work(int thread) {
  for (uint32_t seen = 0;;) {
    waitWhile(generation_, seen);
    seen = generation_.load(std::memory_order_acquire);
    if (quit_) return;
    pieces_->take(thread);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
  }
}

} // namespace tuned::cpu
