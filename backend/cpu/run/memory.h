// Buffers of the CPU device: whole pages between two that cannot be touched, so that a wild access faults.
#pragma once

#include "backend/device.h"

namespace tuned::cpu {

/// OutOfResources when the system has no such memory. Page aligned.
Result<std::unique_ptr<Buffer>> allocateBuffer(size_t bytes);

/// Bytes of the last-level cache; 32 MiB where the system does not say.
int64_t lastLevelCacheBytes();

/// Takes every live buffer out of all caches, so that the next launch finds its arguments in memory only.
void flushCaches();

} // namespace tuned::cpu
