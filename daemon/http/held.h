// Memory that connections hold, by user, so that no user has all of it.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>

namespace tuned {

/// Bytes of one kind (requests on their way, answers that nobody has read). Calls are safe from any thread.
class Held {
public:
  Held(size_t most, size_t perUser) : most_(most), perUser_(perUser) {}

  /// A connection of the user held `before` bytes, and holds `now`.
  void change(unsigned user, size_t before, size_t now) {
    if (before == now) return;
    const std::lock_guard guard(mutex_);
    all_ += now - before;
    size_t& own = users_[user];
    own += now - before;
    if (own == 0) users_.erase(user);
  }
  /// Whether the user may have more.
  bool room(unsigned user) const {
    const std::lock_guard guard(mutex_);
    const auto own = users_.find(user);
    return all_ <= most_ && (own == users_.end() || own->second <= perUser_);
  }
  size_t all() const {
    const std::lock_guard guard(mutex_);
    return all_;
  }

private:
  const size_t most_, perUser_;
  mutable std::mutex mutex_; ///< guards all below
  size_t all_ = 0;
  std::map<unsigned, size_t> users_;
};

} // namespace tuned
