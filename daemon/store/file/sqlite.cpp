#include "daemon/store/file/sqlite.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

namespace tuned::store {

namespace {
bool outOfSpace(int systemError) {
  // EFBIG is a limit on the file's size: to the daemon it is a full disk.
  return systemError == ENOSPC || systemError == EDQUOT || systemError == EFBIG;
}

/// errno of the log's last failure: where a commit fails SQLite keeps none for the connection.
int logErrno(sqlite3* handle) {
  sqlite3_file* log = nullptr;
  int error = 0;
  if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log)) ==
          SQLITE_OK &&
      log && log->pMethods)
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  return error;
}

bool mayWrite(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0 || errno == ENOENT;
}
} // namespace

Error meaning(int code, int systemError, const std::string& path, const std::string& detail) {
  const std::string where = "the cache " + path + ": ";
  const int primary = code & 0xff;
  if (primary == SQLITE_FULL || outOfSpace(systemError))
    return {ErrorKind::OutOfResources,
            where + "no space left on the disk, or no room for another file (" + detail + ")", std::nullopt,
            "free space (df) or inodes (df -i) there, or choose another folder with --cache"};
  if (!mayWrite(path))
    return {ErrorKind::Denied, where + "cannot be written (" + detail + ")", std::nullopt,
            "make file and folder writable for this user, or choose another folder with --cache"};
  switch (primary) {
  case SQLITE_IOERR:
    return {ErrorKind::Internal,
            where + "the disk failed" +
                (systemError ? std::string(": ") + std::strerror(systemError) : std::string()) + " (" +
                detail + ")",
            std::nullopt, "look at the kernel's log (dmesg), or choose another folder with --cache"};
  case SQLITE_READONLY:
  case SQLITE_PERM:
  case SQLITE_CANTOPEN:
    return {ErrorKind::Denied, where + "cannot be written (" + detail + ")", std::nullopt,
            "make the folder writable for this user, or choose another one with --cache"};
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return {ErrorKind::Unavailable, where + "another process holds it", std::nullopt,
            "stop the other process: only the daemon may open the file"};
  case SQLITE_NOMEM:
    return {ErrorKind::OutOfResources, where + "out of memory"};
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return {ErrorKind::Internal, where + "the file is damaged (" + detail + ")", std::nullopt,
            "what can be read is saved into a new file where this one may be written"};
  default:
    return {ErrorKind::Internal, where + detail};
  }
}

DatabaseError failureOf(const std::exception& thrown, SQLite::Database* database, const std::string& path) {
  if (const auto* known = dynamic_cast<const DatabaseError*>(&thrown)) return *known;
  const auto* sqlite = dynamic_cast<const SQLite::Exception*>(&thrown);
  if (!sqlite) throw;
  const SQLite::Exception& exception = *sqlite;
  sqlite3* handle = database ? database->getHandle() : nullptr;
  int code = exception.getExtendedErrorCode();
  if (code <= 0) code = exception.getErrorCode();
  int systemError = handle ? sqlite3_system_errno(handle) : 0;
  if (handle && systemError == 0 && (code & 0xff) == SQLITE_IOERR) systemError = logErrno(handle);
  // A write that comes up short leaves no errno; what it came from is a limit or a full disk.
  if (code == SQLITE_IOERR_WRITE && systemError == 0) code = SQLITE_FULL;
  const int primary = code & 0xff;
  // The errno is the last one of any call: it counts only where the operating system had a part in it.
  if (primary != SQLITE_IOERR && primary != SQLITE_CANTOPEN && primary != SQLITE_FULL) systemError = 0;
  return {meaning(code, systemError, path, exception.what()),
          primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB};
}

std::unique_ptr<SQLite::Statement> Database::take(std::string_view sql) {
  if (const auto found = idle_.find(sql); found != idle_.end() && !found->second.empty()) {
    auto statement = std::move(found->second.back());
    found->second.pop_back();
    return statement;
  }
  return std::make_unique<SQLite::Statement>(*this, std::string(sql));
}

void Database::giveBack(std::unique_ptr<SQLite::Statement> statement) noexcept {
  if (statement->tryReset() != SQLITE_OK) return;
  try {
    statement->clearBindings();
    auto found = idle_.find(statement->getQuery());
    if (found == idle_.end() && idle_.size() < textsKept)
      found = idle_.try_emplace(statement->getQuery()).first;
    if (found != idle_.end() && found->second.size() < keptOfEach)
      found->second.push_back(std::move(statement));
  } catch (const std::exception&) {
    statement.reset(); // whoever needs it prepares it again
  }
}

} // namespace tuned::store
