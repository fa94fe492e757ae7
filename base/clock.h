// Seconds on the clock that is never set back, and on that of the world.
#pragma once

#include <chrono>

namespace tuned {

/// Seconds since some fixed moment of the past; only differences mean something.
inline double steadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Unix time in seconds; may be set back.
inline double unixNow() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Seconds that have passed since a moment.
inline double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace tuned
