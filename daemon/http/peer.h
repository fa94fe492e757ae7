// Who is at the other end of a connection, as the kernel tells it, and what they may do.
#pragma once

#include "daemon/options.h"

namespace tuned {

enum class Rights {
  Ask,    ///< for answers and states, and for tunings of kernels that are known
  Submit, ///< kernels too: they are code that this daemon compiles and runs
};

struct Peer {
  int pid = 0;
  unsigned uid = 0;
  Rights rights = Rights::Ask;
  bool maySubmit() const { return rights == Rights::Submit; }
};

/// The daemon's own user and root submit; members of `submit_group` do, too; members of `group` ask. Groups
/// are those that the peer's process had when it connected. Denied: none of these.
Result<Peer> identify(int connection, const Options& options);

} // namespace tuned
