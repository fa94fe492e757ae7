// Damaged files that are kept beside the cache, for whoever wants more of them than could be read.
#pragma once

#include "base/error.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tuned::store {

/// A free name beside `path`: "<path>.corrupt-<seconds since 1970>[-n]".
std::string nameAside(const std::string& path);

/// Puts the file `fresh` (closed, without a log) in the place of `path`, which is kept with its -wal and -shm
/// as `aside`. At every moment there is a file at `path`.
Result<void> takePlace(const std::string& fresh, const std::string& path, const std::string& aside);

/// How many damaged files are kept, and how many bytes of them together, their -wal and -shm counted.
struct AsideLimits {
  size_t files = 4;
  int64_t bytes = int64_t{1} << 30;
};

/// Removes what was set aside beside `path` beyond the limits, the oldest first by the time in their names,
/// and never `newest`. Gives the names that are gone.
std::vector<std::string> limitAside(const std::string& path, const std::string& newest,
                                    const AsideLimits& limits = {});

/// How often a file is repaired under a running daemon: a disk that fails all the time is not copied all the
/// time.
class HealLimit {
public:
  static constexpr size_t most = 4;
  static constexpr std::chrono::minutes within{10};
  /// False: it was repaired `most` times in the time before `now`.
  bool take(std::chrono::steady_clock::time_point now) {
    std::erase_if(taken_, [&](auto at) { return now - at > within; });
    if (taken_.size() >= most) return false;
    taken_.push_back(now);
    return true;
  }

private:
  std::vector<std::chrono::steady_clock::time_point> taken_;
};

} // namespace tuned::store
