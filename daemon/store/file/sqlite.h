// What the store adds to SQLiteCpp: what a failure means to whoever runs the daemon, and short forms.
#pragma once

#include "base/error.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tuned::store {

/// A refusal or a failure inside the store; an Error at its boundary.
struct DatabaseError : std::exception {
  DatabaseError(Error e, bool isCorrupt) : error(std::move(e)), corrupt(isCorrupt) {}
  const char* what() const noexcept override { return error.message.c_str(); }
  Error error;
  bool corrupt; ///< the file is not a sound database
};

/// What a failure of SQLite means. `systemError`: errno of the call that failed, 0 when there was none.
Error meaning(int code, int systemError, const std::string& path, const std::string& detail);
/// The same for what SQLiteCpp threw while `database` (may be null) did something with `path`; a
/// DatabaseError stays what it is, any other exception is thrown again.
DatabaseError failureOf(const std::exception& exception, SQLite::Database* database, const std::string& path);

inline std::string_view textAt(const SQLite::Statement& row, int column) {
  const auto value = const_cast<SQLite::Statement&>(row).getColumn(column);
  return {static_cast<const char*>(value.getBlob()), static_cast<size_t>(value.getBytes())};
}
inline std::string text(const SQLite::Statement& row, int column) {
  return std::string(textAt(row, column));
}
inline int64_t number(const SQLite::Statement& row, int column) {
  return const_cast<SQLite::Statement&>(row).getColumn(column).getInt64();
}
inline double real(const SQLite::Statement& row, int column) {
  return const_cast<SQLite::Statement&>(row).getColumn(column).getDouble();
}
inline std::optional<double> optionalReal(const SQLite::Statement& row, int column) {
  const auto value = const_cast<SQLite::Statement&>(row).getColumn(column);
  return value.isNull() ? std::nullopt : std::optional(value.getDouble());
}

struct Blob {
  std::string_view bytes;
};

inline void bindOne(SQLite::Statement& statement, int at, const std::string& value) {
  statement.bind(at, value);
}
inline void bindOne(SQLite::Statement& statement, int at, const char* value) {
  statement.bind(at, value);
}
inline void bindOne(SQLite::Statement& statement, int at, int64_t value) {
  statement.bind(at, value);
}
inline void bindOne(SQLite::Statement& statement, int at, double value) {
  statement.bind(at, value);
}
inline void bindOne(SQLite::Statement& statement, int at, const std::optional<double>& value) {
  if (value)
    statement.bind(at, *value);
  else
    statement.bind(at);
}
inline void bindOne(SQLite::Statement& statement, int at, const Blob& value) {
  statement.bind(at, value.bytes.data(), static_cast<int>(value.bytes.size()));
}

/// A connection that keeps its statements: to prepare one of the store's joins takes longer than to run it.
/// Not for two threads at once.
class Database : public SQLite::Database {
public:
  using SQLite::Database::Database;
  /// A statement that nobody uses, without values.
  std::unique_ptr<SQLite::Statement> take(std::string_view sql);
  /// For the next who takes it. One that failed is not kept.
  void giveBack(std::unique_ptr<SQLite::Statement> statement) noexcept;

private:
  static constexpr size_t textsKept = 128, keptOfEach = 4;
  std::map<std::string, std::vector<std::unique_ptr<SQLite::Statement>>, std::less<>> idle_;
};

/// A statement that is given back when this goes, and reads no more then.
class Cursor {
public:
  Cursor(Database& database, std::string_view sql) : database_(&database), statement_(database.take(sql)) {}
  ~Cursor() {
    if (statement_) database_->giveBack(std::move(statement_));
  }
  Cursor(Cursor&&) = default;
  operator SQLite::Statement&() { return *statement_; }
  operator const SQLite::Statement&() const { return *statement_; }
  bool executeStep() { return statement_->executeStep(); }
  int exec() { return statement_->exec(); }
  void reset() { statement_->reset(); }

private:
  Database* database_;
  std::unique_ptr<SQLite::Statement> statement_;
};

/// A statement with its values bound in order.
template <typename... Values>
Cursor query(Database& database, std::string_view sql, const Values&... values) {
  Cursor cursor(database, sql);
  int at = 0;
  (bindOne(cursor, ++at, values), ...);
  return cursor;
}

/// Runs it; gives how many rows it changed.
template <typename... Values> int64_t run(Database& database, std::string_view sql, const Values&... values) {
  return query(database, sql, values...).exec();
}

/// The first column of the first row; 0 without a row.
template <typename... Values>
int64_t numberOf(Database& database, std::string_view sql, const Values&... values) {
  auto row = query(database, sql, values...);
  return row.executeStep() ? number(row, 0) : 0;
}
template <typename... Values>
std::string textOf(Database& database, std::string_view sql, const Values&... values) {
  auto row = query(database, sql, values...);
  return row.executeStep() ? text(row, 0) : std::string();
}

} // namespace tuned::store
