// What this machine has.
#pragma once

#include <cstdint>
#include <unistd.h>

namespace tuned {

/// Bytes of memory, in use or not.
inline int64_t memoryOfMachine() {
  return int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
}

/// Bytes that a worker which runs kernels may take: the rest is for everybody else.
inline int64_t memoryForMeasuring() {
  return memoryOfMachine() / 4 * 3;
}

} // namespace tuned
