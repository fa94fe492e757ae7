#include "daemon/store/sqlite.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

namespace tuned::store {

namespace {

/// What a failure of SQLite means to whoever runs the daemon.
Error meaning(int code, int systemError, const std::string& path, const std::string& detail) {
  const std::string where = "the cache " + path + ": ";
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0 && errno != ENOENT)
    return {ErrorKind::Denied, where + "cannot be written (" + detail + ")", std::nullopt,
            "make file and folder writable for this user, or choose another folder with --cache"};
  // A write that came up short has no reason of its own by the time it is told; a broken disk says EIO.
  bool full = (code & 0xff) == SQLITE_FULL || (code == SQLITE_IOERR_WRITE && systemError != EIO);
  if (full)
    return {ErrorKind::OutOfResources, where + "no space left on the disk (" + detail + ")", std::nullopt,
            "free space there, or choose another folder with --cache"};
  switch (code & 0xff) {
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
            "restart the daemon: it sets the file aside and begins a new one"};
  default:
    return {ErrorKind::Internal, where + detail};
  }
}

} // namespace

Database::Database(const std::string& path) : path_(path) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr) == SQLITE_OK) {
    sqlite3_busy_timeout(handle_, 2000);
    return;
  }
  DatabaseError error(meaning(handle_ ? sqlite3_errcode(handle_) : SQLITE_NOMEM,
                              handle_ ? sqlite3_system_errno(handle_) : 0, path,
                              handle_ ? sqlite3_errmsg(handle_) : "out of memory"),
                      false);
  sqlite3_close_v2(handle_);
  throw error;
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

void Database::raise(const char* doing) const {
  int code = sqlite3_extended_errcode(handle_);
  int primary = code & 0xff;
  throw DatabaseError(meaning(code, sqlite3_system_errno(handle_), path_,
                              std::string(sqlite3_errmsg(handle_)) + " while " + doing),
                      primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB);
}

void Database::run(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) raise(sql);
}

int64_t Database::number(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.number(0) : 0;
}

std::string Database::text(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.text(0) : std::string();
}

int64_t Database::lastRow() const {
  return sqlite3_last_insert_rowid(handle_);
}

Statement::Statement(Database& database, const char* sql) : database_(database) {
  if (sqlite3_prepare_v2(database.handle(), sql, -1, &handle_, nullptr) != SQLITE_OK) database.raise(sql);
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

Statement& Statement::bind(std::string_view text) {
  sqlite3_bind_text64(handle_, next_++, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int64_t number) {
  sqlite3_bind_int64(handle_, next_++, number);
  return *this;
}

Statement& Statement::bind(double number) {
  sqlite3_bind_double(handle_, next_++, number);
  return *this;
}

Statement& Statement::bind(const std::optional<double>& number) {
  return number ? bind(*number) : bindNull();
}

Statement& Statement::bindBlob(std::string_view bytes) {
  sqlite3_bind_blob64(handle_, next_++, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bindNull() {
  sqlite3_bind_null(handle_, next_++);
  return *this;
}

bool Statement::step() {
  int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.raise(sqlite3_sql(handle_));
  return false;
}

std::string Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(handle_, column);
  return bytes ? std::string(static_cast<const char*>(bytes), sqlite3_column_bytes(handle_, column))
               : std::string();
}

int64_t Statement::number(int column) const {
  return sqlite3_column_int64(handle_, column);
}
double Statement::real(int column) const {
  return sqlite3_column_double(handle_, column);
}

std::optional<double> Statement::optionalReal(int column) const {
  if (sqlite3_column_type(handle_, column) == SQLITE_NULL) return std::nullopt;
  return real(column);
}

Transaction::Transaction(Database& database) : database_(database) {
  database_.run("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  // A failed statement may have rolled back already: the error it raised is the one that matters.
  if (open_ && !sqlite3_get_autocommit(database_.handle()))
    sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

} // namespace tuned::store
