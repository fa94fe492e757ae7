// How every call of the store runs: under its lock, with a failure of the database as its result. Damage that
// a call meets is healed and the call made again, so that nobody has to restart the daemon.
#pragma once

#include "daemon/store/file/sqlite.h"
#include "daemon/store/store.h"

#include <chrono>
#include <thread>
#include <type_traits>

namespace tuned::store {

/// Counts calls within calls.
class Depth {
public:
  explicit Depth(int& depth) : depth_(depth) { ++depth_; }
  ~Depth() { --depth_; }
  Depth(const Depth&) = delete;

private:
  int& depth_;
};

template <typename Work> auto Store::attempt(Work&& work) -> Result<decltype(work())> {
  std::lock_guard guard(mutex_);
  // Calls within calls (batch) leave healing to the outermost, which has no statement open any more.
  const bool outermost = depth_ == 0;
  for (bool healed = false;; healed = true) {
    try {
      const Depth within(depth_);
      reopen();
      if constexpr (std::is_void_v<decltype(work())>) {
        work();
        return {};
      } else {
        return work();
      }
    } catch (const std::exception& exception) {
      const DatabaseError error = failureOf(exception, database_.get(), path_);
      if (!outermost && error.corrupt) throw error;
      if (healed || !heal(error)) return fail(error.error);
    }
  }
}

/// Removes what is damaged. False: the disk takes nothing now, so that it stays, and is passed over again.
template <typename Work> bool discard(Database& database, const std::string& path, Work&& work) {
  try {
    std::forward<Work>(work)();
    return true;
  } catch (const std::exception& exception) {
    if (failureOf(exception, &database, path).corrupt) throw;
    return false;
  }
}

/// For what writes: refused where it could not last.
template <typename Work> auto Store::change(Work&& work) -> Result<decltype(work())> {
  if (readOnly_)
    return fail(
        ErrorKind::Denied, "the cache " + path_ + " is read-only",
        "make file and folder writable for this user and restart the daemon, or choose another folder "
        "with --cache");
  if (auto why = displaced()) return fail(ErrorKind::Unavailable, *why, "restart the daemon");
  return attempt(std::forward<Work>(work));
}

/// Between slices of what takes long: Unavailable once the daemon ends.
inline Result<void> goOn(const std::function<bool()>& ending, const char* what) {
  if (!ending || !ending()) return {};
  return fail(ErrorKind::Unavailable, std::string(what) + " was broken off: the daemon is stopping",
              "ask again when it is back");
}

/// Between slices that hold the lock one after the other: it is not fair, and who takes it again at once
/// would leave those behind who wait for it.
inline void letOthersIn() {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// A transaction, or a part of the one that batch() has begun. Rolled back unless committed.
class Changes {
public:
  explicit Changes(Database& database) : database_(database) { run(database_, "SAVEPOINT changes"); }
  ~Changes() {
    if (!open_) return;
    // A failed statement may have rolled back already: the error it raised is the one that matters.
    database_.tryExec("ROLLBACK TO changes");
    database_.tryExec("RELEASE changes");
  }
  Changes(const Changes&) = delete;
  void commit() {
    run(database_, "RELEASE changes");
    open_ = false;
  }

private:
  Database& database_;
  bool open_ = true;
};

} // namespace tuned::store
