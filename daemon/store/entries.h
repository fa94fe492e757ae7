// Small answers that clients keep for each other, such as which configuration a kernel of Triton runs best
// with: JSON objects by space and key. The daemon does not read them. One file each beside the database, so
// that what is damaged costs one entry; written whole or not at all, durable when a call returns. Calls are
// safe from any thread.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tuned::store {

class Entries {
public:
  static constexpr size_t largestValue = size_t{1} << 20;
  static constexpr size_t mostInSpace = 100'000;
  /// With this begin the names of spaces that belong to users (service/studies), who have limits of their
  /// own.
  static constexpr const char* ofUsers = "study-";

  /// `folder` is made with the first entry. All entries but those of users' spaces together have `mostBytes`,
  /// a file counting as 4 KiB at least: beyond that the oldest go.
  explicit Entries(std::string folder, uint64_t mostBytes = uint64_t{2} << 30)
      : folder_(std::move(folder)), mostBytes_(mostBytes) {}

  /// The value's text. NotFound: there is none, or its file was damaged (it is removed then). InvalidInput: a
  /// name that is not made of up to 128 letters, digits, '-', '_' and '.', or begins with a dot.
  Result<std::string> get(const std::string& space, const std::string& key);
  /// Whether there is one, sound or not.
  bool has(const std::string& space, const std::string& key) const;
  /// Keeps the value if there is none yet, or if `replace`; gives the one that is kept. OutOfResources: too
  /// large, too many in the space, or no room on the disk.
  Result<std::string> put(const std::string& space, const std::string& key, const std::string& value,
                          bool replace);
  /// Keys of a space in their order; none of a space that is not there.
  Result<std::vector<std::string>> keys(const std::string& space);
  /// Removes what was written longest ago from the spaces whose names begin with `prefix`, until no more than
  /// `files` entries of `bytes` bytes together are left. Gives how many went.
  size_t trim(const std::string& prefix, size_t files, uint64_t bytes);

private:
  Result<std::string> path(const std::string& space, const std::string& key) const;
  Result<size_t*> counter(const std::string& space);
  struct File;
  std::vector<File> filesOf(const std::function<bool(const std::string& space)>& wanted) const;
  size_t trim(std::vector<File> files, size_t most, uint64_t bytes);
  void limitShared(uint64_t more);

  const std::string folder_;
  const uint64_t mostBytes_;
  std::mutex mutex_; ///< guards what follows, and writing
  std::map<std::string, size_t> counts_;
  std::optional<uint64_t> shared_ = {}; ///< bytes of all but users' spaces; nothing: not counted yet
};

} // namespace tuned::store
