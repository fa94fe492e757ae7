#include "daemon/store/file/open.h"

#include "daemon/store/file/aside.h"
#include "daemon/store/file/schema.h"

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace tuned::store {

namespace {

constexpr double noticeSeconds = 7 * 86400; ///< how long status tells what was lost, and the file knows it

[[noreturn]] void refuse(ErrorKind kind, const std::string& message, const std::string& remedy) {
  throw DatabaseError({kind, message, std::nullopt, remedy}, false);
}

[[noreturn]] void corrupt(const std::string& path, const std::string& detail) {
  throw DatabaseError({ErrorKind::Internal, "the cache " + path + " is damaged: " + detail}, true);
}

/// Reads only: a file that is not ours must stay as it is.
int64_t versionOf(Database& database, const std::string& path) {
  const int64_t application = numberOf(database, "PRAGMA application_id");
  const int64_t version = numberOf(database, "PRAGMA user_version");
  const bool empty = numberOf(database, "SELECT count(*) FROM sqlite_schema") == 0;
  if (application == 0 && version == 0 && empty) return 0;
  if (application != applicationId)
    refuse(ErrorKind::InvalidInput, path + " is a database of another program",
           "choose another folder with --cache");
  if (version < 1) corrupt(path, "its schema has the number " + std::to_string(version));
  if (version > schemaVersion)
    refuse(ErrorKind::Unsupported,
           "the cache " + path + " has schema " + std::to_string(version) + ", this daemon knows up to " +
               std::to_string(schemaVersion) + "; it was left untouched",
           "run the newer daemon, or choose another folder with --cache");
  return version;
}

/// quick_check looks at what is there; a table that is gone it does not miss.
void checkSchema(Database& database, const std::string& path, int64_t version) {
  Database model(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  createSchema(model, version);
  auto wanted = query(model, "SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL");
  while (wanted.executeStep())
    if (numberOf(database, "SELECT count(*) FROM sqlite_schema WHERE type = ? AND name = ?", text(wanted, 0),
                 text(wanted, 1)) == 0)
      corrupt(path, "its " + text(wanted, 0) + " " + text(wanted, 1) + " is missing");
}

void setPragmas(Database& database) {
  if (textOf(database, "PRAGMA journal_mode=WAL") != "wal")
    refuse(ErrorKind::Unsupported, "the cache's file system cannot hold a write-ahead log",
           "choose a folder on a local disk with --cache");
  database.exec("PRAGMA synchronous=FULL");
  database.exec("PRAGMA foreign_keys=ON");
  database.exec("PRAGMA cache_size=-16000"); // KiB: the inner pages of a file with millions of rows
}

using DatabasePointer = std::unique_ptr<Database>;

/// Runs `work` on the database at `path`; what SQLiteCpp throws becomes what it means.
template <typename Work> void meant(const DatabasePointer& database, const std::string& path, Work&& work) {
  try {
    work();
  } catch (const SQLite::Exception& exception) {
    throw failureOf(exception, database.get(), path);
  }
}

void openSound(DatabasePointer& database, const std::string& path) {
  meant(database, path, [&] {
    database = std::make_unique<Database>(
        path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX, 2000);
    // Before anything else: no second process may have the file open (the WAL-reset bug of SQLite
    // before 3.50).
    database->exec("PRAGMA locking_mode=EXCLUSIVE");
    const int64_t version = versionOf(*database, path);
    if (std::string found = textOf(*database, "PRAGMA quick_check(1)"); found != "ok") corrupt(path, found);
    if (version > 0) checkSchema(*database, path, version);
    if (version == 0) database->exec("PRAGMA auto_vacuum=INCREMENTAL");
    setPragmas(*database);
    if (version < schemaVersion) migrate(*database, path, version);
  });
}

std::vector<std::string> recentNotices(Database& database) {
  std::vector<std::string> out;
  auto row =
      query(database, "SELECT text FROM notices WHERE created > unixepoch() - ? ORDER BY id", noticeSeconds);
  while (row.executeStep())
    out.push_back(text(row, 0));
  return out;
}

void keepNotice(Database& database, const std::string& text) {
  run(database, "DELETE FROM notices WHERE created <= unixepoch() - ?", noticeSeconds);
  run(database, "INSERT INTO notices(text, created) VALUES(?, unixepoch())", text);
}

std::string goneNotice(const std::vector<std::string>& gone) {
  constexpr AsideLimits limits;
  std::string names;
  for (const std::string& name : gone)
    names += (names.empty() ? "" : ", ") + name;
  return "of damaged caches that were set aside the newest " + std::to_string(limits.files) +
         " are kept, and " + std::to_string(limits.bytes >> 20) + " MiB of them: " + names +
         " went. A cache that is damaged again and again is a reason to look at the disk and the memory";
}

/// The schema's number as it stands in the file's header, which may be all that can be read; 0: not there.
int64_t versionInHeader(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  unsigned char header[64] = {};
  if (!file.read(reinterpret_cast<char*>(header), sizeof header)) return 0;
  return int64_t{header[60]} << 24 | header[61] << 16 | header[62] << 8 | header[63];
}

} // namespace

Opened replaceDamaged(const std::string& path, const std::string& why) {
  // Under another name until it is whole: a daemon that dies meanwhile begins again with the damaged file.
  const std::string fresh = path + ".repaired", aside = nameAside(path);
  for (const char* suffix : {"", "-wal", "-shm"})
    ::unlink((fresh + suffix).c_str());
  Opened out;
  openSound(out.database, fresh);
  meant(out.database, path, [&] {
    out.database->exec("PRAGMA synchronous=OFF"); // or every range that is copied waits for the disk
    const std::string what = salvage(*out.database, path, path, versionInHeader(path));
    keepNotice(*out.database, why + "; it was set aside as " + aside + ". " + what);
    out.database->exec("PRAGMA synchronous=FULL");
    out.database->exec("PRAGMA wal_checkpoint(TRUNCATE)"); // the log reaches the disk, then the file
  });
  out.database.reset();
  if (auto placed = takePlace(fresh, path, aside); !placed) throw DatabaseError(placed.error(), false);
  openSound(out.database, path);
  const std::vector<std::string> gone = limitAside(path, aside);
  meant(out.database, path, [&] {
    if (!gone.empty()) keepNotice(*out.database, goneNotice(gone));
    out.notices = recentNotices(*out.database);
  });
  return out;
}

Opened openChecked(const std::string& path) {
  std::error_code ignored;
  const bool cut = std::filesystem::exists(path, ignored) && std::filesystem::file_size(path, ignored) == 0;
  Opened out;
  try {
    openSound(out.database, path);
  } catch (const DatabaseError& error) {
    if (!error.corrupt) throw;
    out.database.reset();
    return replaceDamaged(path, error.error.message);
  }
  meant(out.database, path, [&] {
    if (cut)
      keepNotice(*out.database,
                 "the cache " + path +
                     " was an empty file: something cut it off, or a daemon died before it wrote "
                     "anything; it begins anew");
    out.notices = recentNotices(*out.database);
  });
  return out;
}

Opened openReadOnly(const std::string& path) {
  Opened out;
  meant(out.database, path, [&] {
    // Immutable: without a lock and without the log's files, which could not be made.
    out.database =
        std::make_unique<Database>("file:" + path + "?immutable=1", SQLite::OPEN_READONLY | SQLite::OPEN_URI);
    const int64_t version = versionOf(*out.database, path);
    if (version != schemaVersion)
      refuse(ErrorKind::Unsupported,
             "the cache " + path + " has schema " + std::to_string(version) + " and cannot be brought to " +
                 std::to_string(schemaVersion) + " because it is read-only",
             "open it once where it can be written");
    if (std::string found = textOf(*out.database, "PRAGMA quick_check(1)"); found != "ok")
      refuse(ErrorKind::Internal, "the cache " + path + " is damaged: " + found,
             "it is read-only and cannot be repaired: restore it from where it came");
    out.notices = recentNotices(*out.database);
  });
  out.notices.push_back("the cache " + path + " is read-only: what it knows is served, nothing new is kept");
  std::error_code ignored;
  if (std::filesystem::exists(path + "-wal", ignored) &&
      std::filesystem::file_size(path + "-wal", ignored) > 0)
    out.notices.push_back("the log " + path +
                          "-wal beside it cannot be read without writing: what is only "
                          "there is not served");
  return out;
}

} // namespace tuned::store
