// Buffers of the CPU device: whole pages between two that cannot be touched, so that a wild access faults.
#pragma once

#include "backend/device.h"

#include <functional>

namespace tuned::cpu {

/// OutOfResources when the system has no such memory. Page aligned.
Result<std::unique_ptr<Buffer>> allocateBuffer(size_t bytes);

/// Bytes of the last-level cache; 32 MiB where the system does not say.
int64_t lastLevelCacheBytes();

/// Calls work(first, last) for pieces of [0, count), on several cores, and waits.
using Spread = std::function<void(int64_t count, const std::function<void(int64_t, int64_t)>& work)>;

/// Takes every live buffer out of all caches, so that the next launch finds its arguments in memory only.
void flushCaches(const Spread& spread);

} // namespace tuned::cpu
