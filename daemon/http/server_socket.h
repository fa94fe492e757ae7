// The listening socket as a file: locked, replaced when stale, its permissions set.
#pragma once

#include "daemon/options.h"
#include "daemon/store/file/folder.h"

#include <optional>
#include <string>

namespace tuned {

/// The socket's name in the file system, removed when this ends.
class SocketFile {
public:
  SocketFile() = default;
  SocketFile(std::string path, store::FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  SocketFile(SocketFile&& other) noexcept { *this = std::move(other); }
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile();

private:
  std::string path_;                    ///< empty: nothing to remove
  std::optional<store::FileLock> lock_; ///< on "<socket>.lock": whoever has it may remove the file
};

struct ListeningSocket {
  int descriptor = -1; ///< bound and listening
  SocketFile file;
};

Result<ListeningSocket> listenOn(const Options& options);

} // namespace tuned
