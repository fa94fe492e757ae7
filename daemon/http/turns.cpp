#include "daemon/http/turns.h"

#include <algorithm>

namespace tuned {

Turns::Turns(size_t threads, size_t perUser) : perUser_(std::max<size_t>(1, perUser)) {
  for (size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this] { serve(); });
}

Turns::~Turns() {
  join();
}

void Turns::add(unsigned user, std::function<void()> work) {
  {
    std::lock_guard guard(mutex_);
    if (ending_) return;
    lanes_[user].waiting.push_back(std::move(work));
  }
  changed_.notify_one();
}

std::map<unsigned, Turns::Lane>::iterator Turns::next() {
  auto ready = [&](const auto& lane) {
    return !lane.second.waiting.empty() && lane.second.running < perUser_;
  };
  const auto after = lanes_.upper_bound(last_);
  auto found = std::find_if(after, lanes_.end(), ready);
  if (found != lanes_.end()) return found;
  found = std::find_if(lanes_.begin(), after, ready);
  return found == after ? lanes_.end() : found;
}

void Turns::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    auto lane = lanes_.end();
    changed_.wait(lock, [&] { return ending_ || (lane = next()) != lanes_.end(); });
    if (ending_) return;
    const unsigned user = last_ = lane->first;
    std::function<void()> work = std::move(lane->second.waiting.front());
    lane->second.waiting.pop_front();
    ++lane->second.running;
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
    lane = lanes_.find(user);
    --lane->second.running;
    if (lane->second.running == 0 && lane->second.waiting.empty()) lanes_.erase(lane);
    // What waited for this user's share may run now, on a thread that sleeps.
    changed_.notify_one();
  }
}

void Turns::join() {
  std::map<unsigned, Lane> dropped;
  {
    std::lock_guard guard(mutex_);
    ending_ = true;
    for (auto& [user, lane] : lanes_)
      dropped[user].waiting.swap(lane.waiting);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
  threads_.clear();
}

} // namespace tuned
