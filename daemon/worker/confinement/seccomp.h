// Which system calls a worker may still make.
#pragma once

#include "daemon/worker/confinement/confine.h"

namespace tuned {

/// Lists for compile and measure workers apart; what is not on them fails with EPERM. `files`: whether files
/// may still be opened. Holds for all threads, now and later, and for children. Unavailable: the kernel has
/// no seccomp.
Result<void> restrictCalls(Duty duty, bool files);

} // namespace tuned
