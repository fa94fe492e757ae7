// The folder the cache lives in: fit for a database, and ours alone while the daemon runs.
#pragma once

#include "base/error.h"

#include <string>

namespace tuned::store {

/// An exclusive lock on a file, held until destruction (or the death of the process).
class FileLock {
public:
  /// Unavailable, with the holder's process id, when another process has it.
  static Result<FileLock> take(const std::string& path, const std::string& purpose);
  FileLock(FileLock&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

/// The name of the network file system with that statfs magic number ("NFS"), or nullptr for a local one.
const char* networkFileSystem(long magic);

/// Creates the folder (mode 0700) when missing. Denied: cannot be written. Unsupported: on a network file
/// system.
Result<void> prepareFolder(const std::string& folder);

/// Whether this user may write the file; a file system mounted read-only is not written either.
bool writable(const std::string& path);

} // namespace tuned::store
