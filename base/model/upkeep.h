// Keeping a cache in order: what checking it found, and what of its binaries is dropped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tuned {

/// What reading every row of a cache came to. Rows that do not match their checksums are dropped.
struct CacheCheck {
  int64_t builds = 0, measurements = 0;
  int64_t binaries = 0, binariesCollected = 0; ///< of the builds: here, and dropped earlier
  std::vector<std::string> notices;            ///< what was wrong, the last 64
  bool sound = true;                           ///< nothing was
};

/// Which binaries to drop. One of the two at least.
struct CollectRequest {
  std::optional<int64_t> maxBytes;     ///< what all of them may take; the oldest losers go
  std::optional<double> maxAgeSeconds; ///< what is older goes, the best excepted
};

struct Collected {
  int64_t binaries = 0, bytes = 0;
};

inline std::string inWords(const CacheCheck& check) {
  std::string out;
  for (const std::string& notice : check.notices)
    out += notice + "\n";
  return out + std::to_string(check.builds) + " builds, " + std::to_string(check.binaries) + " binaries (" +
         std::to_string(check.binariesCollected) + " collected), " + std::to_string(check.measurements) +
         " measurements";
}

inline std::string inWords(const Collected& gone) {
  return std::to_string(gone.binaries) + " binaries dropped, " + std::to_string(gone.bytes) + " bytes";
}

template <typename V> void fields(V& v, CacheCheck& m) {
  v("builds", m.builds);
  v("binaries", m.binaries);
  v("binaries_collected", m.binariesCollected);
  v("measurements", m.measurements);
  v.option("notices", m.notices);
  v("sound", m.sound);
}

template <typename V> void fields(V& v, CollectRequest& m) {
  v("max_bytes", m.maxBytes);
  v("max_age_seconds", m.maxAgeSeconds);
}

template <typename V> void fields(V& v, Collected& m) {
  v("binaries", m.binaries);
  v("bytes", m.bytes);
}

} // namespace tuned
