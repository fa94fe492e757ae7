// Which bundles a cache has taken in: so that an old one cannot bring back what a newer one replaced.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <map>
#include <string>

namespace tuned::bundle {

/// A file beside the cache's database. Whoever holds the store may change it.
class History {
public:
  /// Empty where there is no file. InvalidInput: it is there and not what it should be.
  static Result<History> load(const std::string& path);

  struct Entry {
    int64_t serial = 0;
    std::string hash;
  };
  /// The last bundle of a signer (Entry() for none).
  Entry last(const std::string& signer) const;
  /// Keeps it, durably.
  Result<void> remember(const std::string& signer, const Entry& entry);

private:
  std::string path_;
  std::map<std::string, Entry> entries_;
};

} // namespace tuned::bundle
