// A disk that fails at the Nth call, once or from then on: what is known is answered, the cause is named, and
// the same store goes on when the disk does. Between SQLite and its file system stand three functions that
// may fail.
#include "tests/daemon/store/store_support.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sqlite3.h>

using namespace tuned;
using namespace tuned::store;
using namespace tuned::test;

namespace {

struct Fault {
  int systemError = 0;  ///< 0: none
  long callsBefore = 0; ///< which still do what they should
  bool once = false;
  long met = 0; ///< calls that failed
  int last = 0; ///< what the last of them left

  bool strikes() {
    if (systemError == 0 || callsBefore-- > 0) return false;
    ++met;
    callsBefore = 0;
    errno = last = systemError;
    if (once) systemError = 0;
    return true;
  }
} fault;

sqlite3_vfs* below = nullptr;

/// The database's file has other functions than its log has: those of each kind, and what fails in their
/// place.
struct Kind {
  const sqlite3_io_methods* real = nullptr;
  sqlite3_io_methods failing = {};
};
std::array<Kind, 4> kinds;

const sqlite3_io_methods& realOf(sqlite3_file* file) {
  return *std::ranges::find_if(kinds, [&](const Kind& kind) {
            return &kind.failing == file->pMethods;
          })->real;
}

int codeOf(int ifBroken) {
  return errno == ENOSPC ? SQLITE_FULL : ifBroken;
}
int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  return fault.strikes() ? codeOf(SQLITE_IOERR_WRITE) : realOf(file).xWrite(file, data, size, offset);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  return fault.strikes() ? codeOf(SQLITE_IOERR_TRUNCATE) : realOf(file).xTruncate(file, size);
}
int sync(sqlite3_file* file, int flags) {
  return fault.strikes() ? codeOf(SQLITE_IOERR_FSYNC) : realOf(file).xSync(file, flags);
}
int control(sqlite3_file* file, int what, void* out) {
  if (what == SQLITE_FCNTL_LAST_ERRNO && fault.last != 0) {
    *static_cast<int*>(out) = fault.last;
    return SQLITE_OK;
  }
  return realOf(file).xFileControl(file, what, out);
}
int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* outFlags) {
  const int result = below->xOpen(below, name, file, flags, outFlags);
  // Temporary files are left alone.
  if (result != SQLITE_OK || !file->pMethods || (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) == 0)
    return result;
  auto kind = std::ranges::find_if(
      kinds, [&](const Kind& each) { return !each.real || each.real == file->pMethods; });
  if (!kind->real) {
    kind->real = file->pMethods;
    kind->failing = *kind->real;
    kind->failing.xWrite = write;
    kind->failing.xTruncate = truncate;
    kind->failing.xSync = sync;
    kind->failing.xFileControl = control;
  }
  file->pMethods = &kind->failing;
  return result;
}

/// While it lives stores are opened on the disk that may fail.
class Failing {
public:
  Failing() : shim_(*sqlite3_vfs_find(nullptr)) {
    below = sqlite3_vfs_find(nullptr);
    shim_.zName = "failing";
    shim_.xOpen = open;
    sqlite3_vfs_register(&shim_, 1);
    fault = {};
  }
  ~Failing() {
    sqlite3_vfs_unregister(&shim_);
    sqlite3_vfs_register(below, 1);
  }
  Failing(const Failing&) = delete;

private:
  sqlite3_vfs shim_;
};

JobRecord job(const std::string& id) {
  // Of more than a page, so that a commit takes several writes.
  return {id, "queued", std::string(9000, 'x'), "", 0};
}

/// Jobs that were acknowledged while the disk failed at some call; `met`: how many calls failed.
std::vector<std::string> commitWhileItFails(Store& store, const Fault& given, long& met) {
  std::vector<std::string> acknowledged;
  fault = given;
  for (int i = 0; i < 4; ++i) {
    const auto kept = store.putJob(job("job" + std::to_string(i)));
    if (kept) {
      acknowledged.push_back("job" + std::to_string(i));
      continue;
    }
    const Error& error = kept.error();
    INFO(error.text());
    CHECK(error.kind == (given.systemError == ENOSPC ? ErrorKind::OutOfResources : ErrorKind::Internal));
    CHECK(error.message.find(given.systemError == ENOSPC ? "no space left" : "the disk failed") !=
          std::string::npos);
    // What is known is served meanwhile, binary and all.
    const auto winner = store.choose(problem, {});
    REQUIRE_MESSAGE(winner, winner.error().text());
    CHECK(store.artefact(winner->build.build.artefact));
  }
  met = fault.met;
  fault = {};
  return acknowledged;
}

std::vector<std::string> jobsOf(Store& store) {
  std::vector<std::string> out;
  const auto jobs = store.unfinishedJobs();
  REQUIRE(jobs);
  for (const JobRecord& one : *jobs)
    out.push_back(one.id);
  return out;
}

} // namespace

TEST_CASE("a disk that fails at the Nth call costs what was not acknowledged, and nothing else") {
  const Failing disk;
  for (const int systemError : {EIO, ENOSPC})
    for (const bool once : {true, false}) {
      // Until a run is over before the failure would come.
      long met = 1, before = 0;
      for (; met > 0; ++before) {
        CAPTURE(systemError);
        CAPTURE(once);
        CAPTURE(before);
        REQUIRE(before < 500);
        Scratch folder;
        auto store = filled(folder.path());
        auto acknowledged = commitWhileItFails(*store, {systemError, before, once}, met);
        // The disk is well again: so is the store, without a restart.
        const auto after = store->putJob(job("after"));
        REQUIRE_MESSAGE(after, after.error().text());
        acknowledged.emplace_back("after");
        CHECK(jobsOf(*store) == acknowledged);
        CHECK(store->notices().empty());
        store.reset();
        store = openAt(folder.path());
        CHECK(store->notices().empty());
        CHECK(jobsOf(*store) == acknowledged);
        CHECK(store->choose(problem, {}));
      }
      CHECK(before > 4); // a commit takes several calls
    }
}
