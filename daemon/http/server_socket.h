// The listening socket as a file: locked, replaced when stale, its permissions set.
#pragma once

#include "daemon/options.h"
#include "daemon/store/folder.h"

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

/// Who is at the other end of a connection, and whether this daemon serves them: its own user, root, and with
/// a group whoever the socket's permissions let through.
struct Peer {
  int pid = 0;
  unsigned uid = 0;
};
Result<Peer> admit(int connection, const Options& options);

} // namespace tuned
