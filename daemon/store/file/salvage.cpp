// Out of a damaged file: what is on sound pages goes into a new one.
//
// Tables are read by row number. A statement that meets damage is undone as a whole, so a range of rows that
// fails is halved until what fails is single rows, and only those are lost.
#include "daemon/store/file/open.h"
#include "daemon/store/file/schema.h"
#include "daemon/store/measurement_row.h"

#include <algorithm>
#include <chrono>
#include <memory>

namespace tuned::store {

namespace {

/// Statements that may fail for one table before the rest of what fails is given up unhalved.
constexpr int failuresAllowed = 20'000;
/// Time for a table, after which what fails is halved only down to a small share of it: the daemon has to
/// start.
constexpr auto timeAllowed = std::chrono::milliseconds(200);
constexpr int64_t smallShare = 256;
/// Row numbers are looked for up to here when the last one cannot be read.
constexpr int64_t farthestRow = int64_t{1} << 24;

struct Saved {
  int64_t rows = 0;
  int64_t lostAtMost = 0; ///< rows in the ranges that could not be read
  bool unknown = false;   ///< some range had no known end
};

class Rescue {
public:
  Rescue(Database& database, std::string table) : database_(database), table_(std::move(table)) {
    auto column = query(database_, "SELECT name FROM pragma_table_info(?)", table_);
    while (column.executeStep())
      columns_ += (columns_.empty() ? "" : ", ") + text(column, 0);
  }

  Saved run() {
    try {
      insert_ = std::make_unique<SQLite::Statement>(
          database_, "INSERT OR IGNORE INTO main." + table_ + "(" + columns_ + ") SELECT " + columns_ +
                         " FROM damaged." + table_ + " NOT INDEXED WHERE rowid BETWEEN ? AND ?");
    } catch (const SQLite::Exception&) { // the table is gone
      saved_.unknown = true;
      return saved_;
    }
    int64_t first = edge("min"), last = edge("max");
    const bool bounded = last > 0;
    if (first == 0 && last == 0 && emptyTable_) return saved_;
    first = std::max<int64_t>(first, 1);
    if (!bounded) last = farthestRow, saved_.unknown = true;
    end_ = std::chrono::steady_clock::now() + timeAllowed;
    givenUp_ = (last - first) / smallShare;
    copy(first, last);
    return saved_;
  }

private:
  /// The first or last row number; 0 where it cannot be read or there is none.
  int64_t edge(const char* which) {
    try {
      SQLite::Statement row(database_, std::string("SELECT ") + which +
                                           "(rowid), count(*) FROM (SELECT rowid FROM "
                                           "damaged." +
                                           table_ + " NOT INDEXED ORDER BY rowid " +
                                           (which[1] == 'a' ? "DESC" : "ASC") + " LIMIT 1)");
      if (!row.executeStep()) return 0;
      emptyTable_ = number(row, 1) == 0;
      return number(row, 0);
    } catch (const SQLite::Exception&) {
      emptyTable_ = false;
      return 0;
    }
  }

  void copy(int64_t first, int64_t last) {
    if (first > last) return;
    try {
      insert_->tryReset(); // gives again what the last one failed with
      insert_->bind(1, first);
      insert_->bind(2, last);
      saved_.rows += insert_->exec();
    } catch (const SQLite::Exception&) {
      const bool late = last - first <= givenUp_ && std::chrono::steady_clock::now() > end_;
      if (first == last || ++failures_ > failuresAllowed || late) {
        saved_.lostAtMost += last - first + 1;
        return;
      }
      const int64_t middle = first + (last - first) / 2;
      copy(first, middle);
      copy(middle + 1, last);
    }
  }

  Database& database_;
  std::string table_, columns_;
  std::unique_ptr<SQLite::Statement> insert_; ///< copies a range of rows
  std::chrono::steady_clock::time_point end_;
  int64_t givenUp_ = 0; ///< rows of a range that is not halved once it is late
  Saved saved_;
  int failures_ = 0;
  bool emptyTable_ = false;
};

int64_t dropUnsound(Database& database) {
  std::vector<int64_t> unsound;
  {
    const std::string sql = selectMeasurements;
    auto row = query(database, sql);
    while (row.executeStep())
      if (!readMeasurement(row)) unsound.push_back(measurementId(row));
  }
  for (int64_t id : unsound)
    run(database, "DELETE FROM measurements WHERE id = ?", id);
  // What lost the row it belongs to answers nothing.
  int64_t orphans = 0;
  for (const char* sql : {"DELETE FROM builds WHERE problem NOT IN (SELECT id FROM problems)",
                          "DELETE FROM measurements WHERE build NOT IN (SELECT id FROM builds) OR problem "
                          "NOT IN (SELECT id FROM "
                          "problems) OR target NOT IN (SELECT id FROM targets)",
                          "DELETE FROM searches WHERE problem NOT IN (SELECT id FROM problems) OR target NOT "
                          "IN (SELECT id FROM "
                          "targets)",
                          "DELETE FROM names WHERE document NOT IN (SELECT sha FROM documents)"})
    orphans += run(database, sql);
  return static_cast<int64_t>(unsound.size()) + orphans;
}

std::string copyTables(Database& database) {
  std::string saved, lost;
  std::vector<std::string> tables;
  auto row = query(
      database, "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE "
                "'sqlite_%' ORDER BY name = 'artefacts', rowid"); // binaries, the largest, can be built again
  while (row.executeStep())
    tables.push_back(text(row, 0));
  for (const std::string& table : tables) {
    const Saved result = Rescue(database, table).run();
    if (result.rows > 0) saved += (saved.empty() ? "" : ", ") + std::to_string(result.rows) + " " + table;
    if (result.unknown)
      lost += (lost.empty() ? "" : ", ") + std::string("an unknown number of ") + table;
    else if (result.lostAtMost > 0)
      lost += (lost.empty() ? "" : ", ") + std::to_string(result.lostAtMost) + " " + table + " at most";
  }
  if (saved.empty()) return "Nothing of it could be read";
  return "Saved: " + saved + "; lost: " + (lost.empty() ? "no row that could be told" : lost);
}

} // namespace

std::string salvage(Database& database, const std::string& path, const std::string& damaged,
                    int64_t version) {
  if (version < 1 || version > schemaVersion) return "Nothing of it could be read: a new cache is begun";
  std::string report;
  database.exec("PRAGMA foreign_keys=OFF");
  const bool old = version < schemaVersion;
  if (old) {
    // Filled as the schema it was, then brought up to date like a sound file.
    auto tables =
        query(database, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    std::vector<std::string> names;
    while (tables.executeStep())
      names.push_back(text(tables, 0));
    tables.reset();
    for (const std::string& name : names)
      database.exec("DROP TABLE " + name);
    createSchema(database, version);
  }
  bool attached = false;
  try {
    // A file that is shorter than its header says is read as far as it goes.
    database.exec("PRAGMA writable_schema=ON");
    run(database, "ATTACH ? AS damaged", damaged);
    attached = true;
    database.exec("PRAGMA damaged.cell_size_check=ON");
    report = copyTables(database);
  } catch (const SQLite::Exception& exception) {
    report = std::string("Nothing of it could be read (") + exception.what() + ")";
  }
  database.tryExec("PRAGMA writable_schema=OFF");
  if (attached) database.tryExec("DETACH damaged");
  if (version == 1) {
    for (const char* sql :
         {"DELETE FROM winners WHERE trial NOT IN (SELECT id FROM trials) OR artefact NOT IN "
          "(SELECT sha FROM artefacts)",
          "DELETE FROM trials WHERE problem NOT IN (SELECT id FROM problems)",
          "DELETE FROM problems WHERE kernel NOT IN (SELECT id FROM kernels)"})
      run(database, sql);
  }
  if (old) migrate(database, path, version);
  if (const int64_t unsound = dropUnsound(database))
    report += "; of these " + std::to_string(unsound) +
              " did not match their checksums or had lost what they "
              "belong to and were dropped";
  database.exec("PRAGMA foreign_keys=ON");
  return report;
}

} // namespace tuned::store
