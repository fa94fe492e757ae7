// What keeps a worker from outliving its daemon or taking the machine.
#pragma once

#include <cstdint>

namespace tuned {

/// A thread that ends the process as soon as the other end of the channel closes, also in the middle of a
/// job.
void endWithParent(int channel);
/// No more than this many bytes of address space: what asks for more fails to get it.
void limitMemory(int64_t bytes);
/// Killed by SIGXCPU once this much more processor time is used (all threads together, whole seconds).
void limitProcessorTime(double seconds);
/// Compiling gives way to everything else on the machine.
void beNice();

} // namespace tuned
