// How every call of the store runs: under its lock, with a failure of the database as its result.
#pragma once

#include "daemon/store/sqlite.h"
#include "daemon/store/store.h"

#include <chrono>
#include <type_traits>

namespace tuned::store {

template <typename Work> auto Store::attempt(Work&& work) -> Result<decltype(work())> {
  std::lock_guard guard(mutex_);
  try {
    if constexpr (std::is_void_v<decltype(work())>) {
      work();
      return {};
    } else {
      return work();
    }
  } catch (const DatabaseError& error) {
    return fail(error.error);
  }
}

/// Unix time in seconds.
inline double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace tuned::store
