// What workers leave behind where no cgroup holds it: a process may leave its worker's process group, but not
// the line of its ancestors. This process takes in the orphans of its descendants, and ends them.
#pragma once

#include <functional>
#include <sys/types.h>

namespace tuned::strays {

/// From now on every child of this process that is no worker is an orphan that one of them left, and is ended
/// when a worker is. For a process that starts nothing besides workers; before it starts the first.
void adopt();

/// Orphans that have ended by themselves are buried, as init would; now and then.
void reapDead();

/// Starts a worker: nobody takes it for an orphan meanwhile. `spawn` gives its number, or one below 1.
void startWorker(const std::function<pid_t()>& spawn);

/// Reaps a worker, whose end has come or is certain, and ends what it left behind; gives its status.
int reapWorker(pid_t worker);

} // namespace tuned::strays
