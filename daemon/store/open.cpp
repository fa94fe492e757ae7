#include "daemon/store/open.h"

#include "daemon/store/schema.h"

#include <filesystem>

namespace tuned::store {

namespace {

[[noreturn]] void refuse(ErrorKind kind, const std::string& message, const std::string& remedy) {
  throw DatabaseError({kind, message, std::nullopt, remedy}, false);
}

[[noreturn]] void corrupt(const std::string& path, const std::string& detail) {
  throw DatabaseError({ErrorKind::Internal, "the cache " + path + " is damaged: " + detail}, true);
}

/// Reads only: a file that is not ours must stay as it is.
int64_t versionOf(Database& database, const std::string& path) {
  int64_t application = database.number("PRAGMA application_id");
  int64_t version = database.number("PRAGMA user_version");
  bool empty = database.number("SELECT count(*) FROM sqlite_schema") == 0;
  if (application == 0 && version == 0 && empty) return 0;
  if (application != applicationId)
    refuse(ErrorKind::InvalidInput, path + " is a database of another program",
           "choose another folder with --cache");
  if (version > schemaVersion)
    refuse(ErrorKind::Unsupported,
           "the cache " + path + " has schema " + std::to_string(version) + ", this daemon knows up to " +
               std::to_string(schemaVersion) + "; it was left untouched",
           "run the newer daemon, or choose another folder with --cache");
  return version;
}

void setPragmas(Database& database) {
  if (database.text("PRAGMA journal_mode=WAL") != "wal")
    refuse(ErrorKind::Unsupported, "the cache's file system cannot hold a write-ahead log",
           "choose a folder on a local disk with --cache");
  database.run("PRAGMA synchronous=FULL");
  database.run("PRAGMA foreign_keys=ON");
  database.run("PRAGMA cache_size=-4000"); // KiB: the daemon stays small
}

void migrate(Database& database, const std::string& path, int64_t from) {
  if (from > 0 && from < schemaVersion) {
    std::string copy = path + ".before-schema-" + std::to_string(schemaVersion);
    std::filesystem::remove(copy);
    Statement(database, "VACUUM INTO ?").bind(copy).run();
  }
  Transaction transaction(database);
  for (int64_t step = from; step < schemaVersion; ++step)
    database.run(migrations[step]);
  // Pragmas take no bound values; both are constants of this build.
  static_assert(applicationId == 0x74756e64 && schemaVersion == 1);
  database.run("PRAGMA application_id = 0x74756e64");
  database.run("PRAGMA user_version = 1");
  transaction.commit();
}

} // namespace

std::unique_ptr<Database> openChecked(const std::string& path) {
  auto database = std::make_unique<Database>(path);
  // Before anything else: no second process may have the file open (the WAL-reset bug of SQLite before 3.50).
  database->run("PRAGMA locking_mode=EXCLUSIVE");
  int64_t version = versionOf(*database, path);
  if (std::string found = database->text("PRAGMA quick_check(1)"); found != "ok") corrupt(path, found);
  setPragmas(*database);
  if (version < schemaVersion) migrate(*database, path, version);
  return database;
}

} // namespace tuned::store
