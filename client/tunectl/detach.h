// A daemon that runs on when tunectl has ended.
#pragma once

#include "base/error.h"

#include <string>
#include <vector>

namespace tuned::tunectl {

struct Detached {
  int exitCode = 0;   ///< of a daemon that ended before it was ready; 128 + signal when it was killed
  bool ready = false; ///< it serves, and knows its devices
  std::string said;   ///< "serving on …" of one that is ready; what it wrote to the log otherwise
  pid_t process = -1;
};

/// Starts `command` in a session of its own, its output appended to the file `log` (whose folder is made when
/// missing), and waits until it says that it is ready (sd_notify(3)) or ends. NotFound: it cannot be started.
/// Denied: the log cannot be written. TimedOut: neither came within `seconds`; it runs on.
Result<Detached> startDetached(const std::vector<std::string>& command, const std::string& log,
                               double seconds);

/// /var/log/gpu-tuned/tuned.log for root, else $XDG_STATE_HOME/gpu-tuned/tuned.log, else ~/.local/state/….
std::string defaultLog();

} // namespace tuned::tunectl
