#include "daemon/service/jobs/watch.h"

#include "base/clock.h"

namespace tuned {

void DeviceWatch::pause(bool paused) {
  std::lock_guard guard(mutex_);
  if (paused == paused_) return;
  if (paused)
    pausedAt_ = std::chrono::steady_clock::now();
  else
    pausedSeconds_ += secondsSince(pausedAt_);
  paused_ = paused;
  resumed_.notify_all();
}

bool DeviceWatch::paused() const {
  std::lock_guard guard(mutex_);
  return paused_;
}

void DeviceWatch::waitWhilePaused(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  resumed_.wait(lock, stop, [this] { return !paused_; });
}

double DeviceWatch::pausedSeconds() const {
  std::lock_guard guard(mutex_);
  return pausedSeconds_ + (paused_ ? secondsSince(pausedAt_) : 0);
}

void DeviceWatch::saw(const std::string& device, DeviceState state) {
  std::lock_guard guard(mutex_);
  seen_[device] = {std::move(state), std::chrono::steady_clock::now()};
}

std::optional<DeviceWatch::Seen> DeviceWatch::last(const std::string& device) const {
  std::lock_guard guard(mutex_);
  auto found = seen_.find(device);
  return found == seen_.end() ? std::nullopt : std::optional(found->second);
}

bool DeviceWatch::takeOut(const std::string& device, const std::string& why) {
  std::lock_guard guard(mutex_);
  return out_.insert_or_assign(device, Out{why, std::chrono::steady_clock::now()}).second;
}

bool DeviceWatch::bringBack(const std::string& device) {
  std::lock_guard guard(mutex_);
  return out_.erase(device) > 0;
}

std::optional<std::string> DeviceWatch::out(const std::string& device) const {
  std::lock_guard guard(mutex_);
  auto found = out_.find(device);
  if (found == out_.end() || std::chrono::steady_clock::now() - found->second.at > outFor)
    return std::nullopt;
  return found->second.why;
}

} // namespace tuned
