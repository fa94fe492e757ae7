// Memory that connections hold, by user, so that no user has all of it.
#pragma once

#include <cstddef>
#include <map>

namespace tuned {

/// Bytes of one kind (requests on their way, answers that nobody has read); used from the loop's thread.
class Held {
public:
  Held(size_t most, size_t perUser) : most_(most), perUser_(perUser) {}

  /// A connection of the user held `before` bytes, and holds `now`.
  void change(unsigned user, size_t before, size_t now) {
    all_ += now - before;
    size_t& own = users_[user];
    own += now - before;
    if (own == 0) users_.erase(user);
  }
  /// Whether the user may have more.
  bool room(unsigned user) const {
    const auto own = users_.find(user);
    return all_ <= most_ && (own == users_.end() || own->second <= perUser_);
  }
  size_t all() const { return all_; }

private:
  const size_t most_, perUser_;
  size_t all_ = 0;
  std::map<unsigned, size_t> users_;
};

} // namespace tuned
