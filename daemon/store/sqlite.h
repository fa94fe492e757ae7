// The thin layer over SQLite's C interface: a connection, a statement, a transaction. Failures are thrown as
// DatabaseError inside the store and become Errors at its boundary.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace tuned::store {

struct DatabaseError : std::exception {
  DatabaseError(Error e, bool isCorrupt) : error(std::move(e)), corrupt(isCorrupt) {}
  const char* what() const noexcept override { return error.message.c_str(); }
  Error error;
  bool corrupt; ///< the file is not a sound database
};

class Database {
public:
  /// Opens or creates the file for this process alone; throws DatabaseError.
  explicit Database(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs statements that give no rows and take no values.
  void run(const char* sql);
  /// The first column of the only row, as an integer.
  int64_t number(const char* sql);
  std::string text(const char* sql);
  /// Throws what the connection's last failure means.
  [[noreturn]] void raise(const char* doing) const;
  int64_t lastRow() const;
  sqlite3* handle() const { return handle_; }

private:
  sqlite3* handle_ = nullptr;
  std::string path_;
};

/// One prepared statement; bind in order, then step. The SQL must be a literal.
class Statement {
public:
  Statement(Database& database, const char* sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(std::string_view text);
  Statement& bind(int64_t number);
  Statement& bind(double number);
  Statement& bind(const std::optional<double>& number);
  Statement& bindBlob(std::string_view bytes);
  Statement& bindNull();
  /// True when there is a row; false at the end.
  bool step();
  void run() { step(); }

  std::string text(int column) const; ///< text or blob
  int64_t number(int column) const;
  double real(int column) const;
  std::optional<double> optionalReal(int column) const;

private:
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
  int next_ = 1;
};

/// Rolled back unless committed.
class Transaction {
public:
  explicit Transaction(Database& database);
  ~Transaction();
  void commit();

private:
  Database& database_;
  bool open_ = true;
};

} // namespace tuned::store
