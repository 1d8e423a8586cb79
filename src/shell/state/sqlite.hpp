// A thin wrapper of SQLite: a connection, prepared statements and their executions, which cannot leak.
//
// Functions that can fail return false (or nothing) and leave the reason in `Database::failure()`, which
// keeps the first failure until it is cleared, so that a chain of steps and its rollback can be checked once
// at the end:
//
//     const bool done = db.run("BEGIN IMMEDIATE") && write(row) && db.run("COMMIT");
//     if (!done) complain(db.failure().explain(dir));
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace logzio_okta {

struct SqliteFailure {
  int code = 0;       ///< SQLite's extended result code; 0 is none.
  int error = 0;      ///< The errno that caused it, if the system refused something; else 0.
  std::string words;  ///< SQLite's own.

  [[nodiscard]] explicit operator bool() const { return code != 0; }
  /// The content is wrong, as opposed to the system refusing access.
  [[nodiscard]] bool content_is_wrong() const;
  /// What happened in the state directory `dir`, and the cure.
  [[nodiscard]] std::string explain(const std::string& dir) const;
};

class Database {
 public:
  Database() = default;
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Opens an existing file for reading and writing; `create`: a new one. Nothing in it is run, whoever wrote
  /// it: no triggers, no views, no unsafe functions.
  [[nodiscard]] bool open(const std::string& path, bool create = false);
  /// By default, closing moves the write-ahead log's contents into the main file and removes the log.
  void keep_log_when_closed(bool keep);
  void close();
  [[nodiscard]] bool is_open() const { return handle_ != nullptr; }
  [[nodiscard]] bool in_transaction() const;

  /// Statements without parameters; rows are ignored.
  [[nodiscard]] bool run(const char* sql);
  /// The first column of the first row; nothing after a failure or without a row.
  [[nodiscard]] std::optional<std::int64_t> number(const char* sql);
  [[nodiscard]] std::optional<std::string> text(const char* sql);

  [[nodiscard]] const SqliteFailure& failure() const { return failure_; }
  /// The errno of a disk read failure since the last clearing, even if SQLite took it for damage and went on;
  /// else 0.
  [[nodiscard]] int disk_error() const { return disk_error_; }
  void clear_failure() {
    failure_ = {};
    disk_error_ = 0;
  }

 private:
  friend class Statement;
  friend class Query;
  void distrust_content();
  /// Keeps the first failure; returns whether `code` means success.
  bool note(int code);

  sqlite3* handle_ = nullptr;
  SqliteFailure failure_;
  int disk_error_ = 0;
};

/// Prepared once, executed through Query. The database must outlive it.
class Statement {
 public:
  Statement() = default;
  Statement(Database& database, const char* sql);
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  [[nodiscard]] bool ready() const { return handle_ != nullptr; }

 private:
  friend class Query;

  Database* database_ = nullptr;
  sqlite3_stmt* handle_ = nullptr;
};

/// One execution, from the first parameter to the last row. Parameters and columns go from left to right.
/// Views that are bound must outlive the query; a column's view is valid until the next row.
class Query {
 public:
  explicit Query(Statement& statement) : statement_(&statement) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Query& bind(std::int64_t value);
  Query& bind(std::optional<std::int64_t> value);
  Query& bind_text(std::string_view value);
  Query& bind_blob(std::string_view value);

  /// Steps; true if there is a row. False is the end or a failure: see `failed()`.
  [[nodiscard]] bool row();
  /// Steps to the end; false after a failure.
  [[nodiscard]] bool finish();
  [[nodiscard]] bool failed() const { return failed_; }

  [[nodiscard]] std::int64_t number();
  [[nodiscard]] std::optional<std::int64_t> maybe_number();
  [[nodiscard]] std::string_view bytes();

 private:
  void check_bound(int code);

  Statement* statement_;
  int parameter_ = 0;
  int column_ = 0;
  bool failed_ = false;
};

}  // namespace logzio_okta
