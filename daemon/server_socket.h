// The listening socket as a file: locked, replaced when stale, its permissions set.
#pragma once

#include "daemon/options.h"
#include "daemon/store/folder.h"

namespace tuned {

struct ListeningSocket {
  int descriptor = -1;  ///< bound and listening
  store::FileLock lock; ///< on "<socket>.lock": whoever has it may remove the file
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
