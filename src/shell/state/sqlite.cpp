#include "shell/state/sqlite.hpp"

#include <cerrno>
#include <utility>

#include <sqlite3.h>

#include "logzio_okta/base/check.hpp"

#include "shell/state/state_dir.hpp"

namespace logzio_okta {
namespace {

int primary_code(int code) {
  return code & 0xff;
}

/// Failures of the disk itself, not of a full or forbidden one. SQLite reports some of them as damage
/// (SQLITE_IOERR_CORRUPTFS becomes SQLITE_CORRUPT, and a check of the whole file lists them as findings).
bool is_disk_error(int error) {
  return error == EIO || error == ENXIO || error == ERANGE;
}

/// SQLite keeps an errno in some cases only, so every call below clears it first.
int errno_behind(int code) {
  switch (primary_code(code)) {
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_FULL:
    case SQLITE_READONLY:
      return errno;
    case SQLITE_CORRUPT:
      return is_disk_error(errno) ? errno : 0;
    default:
      return 0;
  }
}

}  // namespace

bool SqliteFailure::content_is_wrong() const {
  switch (primary_code(code)) {
    case SQLITE_CORRUPT:
      return error == 0;
    case SQLITE_NOTADB:
    case SQLITE_ERROR:  // For our own fixed statements: tables are missing or different.
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
      return true;
    default:
      return false;
  }
}

std::string SqliteFailure::explain(const std::string& dir) const {
  if (error != 0) return words + ": " + explain_state_errno(error, dir);
  switch (primary_code(code)) {
    case SQLITE_FULL:
      return words + "; free space for " + dir;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return words + "; check the owner, the mode and the mount of " + dir;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return words + "; another program (a sqlite3 shell, a backup) holds the file in " + dir;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return words + "; check the disk under " + dir + " and restart: the damaged file is then moved aside";
    default:
      return words;
  }
}

Database::~Database() {
  close();
}

bool Database::open(const std::string& path, bool create) {
  CHECK(handle_ == nullptr);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  errno = 0;
  const int code = sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr);
  if (!note(code)) return false;
  sqlite3_extended_result_codes(handle_, 1);
  distrust_content();
  return true;
}

/// A file from elsewhere, such as a backup, must not run its own code: nothing in it acts by itself, and its
/// statements can use only tables. Cells are checked before use, and SQLite's temporary data stays in memory:
/// a file in /tmp could be readable by others.
void Database::distrust_content() {
  struct Switch {
    int name;
    int on;
  };
  for (const Switch& each :
       {Switch{SQLITE_DBCONFIG_DEFENSIVE, 1}, Switch{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        Switch{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, Switch{SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        Switch{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}, Switch{SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
        Switch{SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0}, Switch{SQLITE_DBCONFIG_DQS_DDL, 0},
        Switch{SQLITE_DBCONFIG_DQS_DML, 0}}) {
    CHECK(sqlite3_db_config(handle_, each.name, each.on, nullptr) == SQLITE_OK);
  }
  // None of these reads the file. A memory map would turn a disk's read error into a SIGBUS.
  sqlite3_exec(handle_, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY",
               nullptr, nullptr, nullptr);
}

void Database::keep_log_when_closed(bool keep) {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, nullptr);
}

void Database::close() {
  if (handle_ == nullptr) return;
  CHECK(sqlite3_close(handle_) == SQLITE_OK);  // Anything else means that a Statement outlives us.
  handle_ = nullptr;
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

bool Database::run(const char* sql) {
  return note(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr));
}

std::optional<std::int64_t> Database::number(const char* sql) {
  Statement statement(*this, sql);
  if (!statement.ready()) return std::nullopt;
  Query query(statement);
  if (!query.row()) return std::nullopt;
  return query.number();
}

std::optional<std::string> Database::text(const char* sql) {
  Statement statement(*this, sql);
  if (!statement.ready()) return std::nullopt;
  Query query(statement);
  if (!query.row()) return std::nullopt;
  return std::string(query.bytes());
}

bool Database::note(int code) {
  if (is_disk_error(errno)) disk_error_ = errno;
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return true;
  if (failure_) return false;
  failure_.code = code;
  if (handle_ == nullptr) {
    failure_.words = sqlite3_errstr(code);
    return false;
  }
  failure_.words = sqlite3_errmsg(handle_);
  failure_.error = errno_behind(code);
  return false;
}

Statement::Statement(Database& database, const char* sql) : database_(&database) {
  errno = 0;
  database.note(sqlite3_prepare_v3(database.handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr));
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), handle_(std::exchange(other.handle_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(handle_, other.handle_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

Query::~Query() {
  // A statement left at a row would keep its read transaction open; one left bound would point to freed
  // memory.
  sqlite3_reset(statement_->handle_);
  sqlite3_clear_bindings(statement_->handle_);
}

Query& Query::bind(std::int64_t value) {
  check_bound(sqlite3_bind_int64(statement_->handle_, ++parameter_, value));
  return *this;
}

Query& Query::bind(std::optional<std::int64_t> value) {
  if (value) return bind(*value);
  check_bound(sqlite3_bind_null(statement_->handle_, ++parameter_));
  return *this;
}

// An empty view has a null pointer, which SQLite would take for NULL.
Query& Query::bind_text(std::string_view value) {
  const char* data = value.empty() ? "" : value.data();
  check_bound(
      sqlite3_bind_text64(statement_->handle_, ++parameter_, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Query& Query::bind_blob(std::string_view value) {
  const char* data = value.empty() ? "" : value.data();
  check_bound(sqlite3_bind_blob64(statement_->handle_, ++parameter_, data, value.size(), SQLITE_STATIC));
  return *this;
}

bool Query::row() {
  if (failed_) return false;
  column_ = 0;
  errno = 0;
  const int code = sqlite3_step(statement_->handle_);
  failed_ = !statement_->database_->note(code);
  return code == SQLITE_ROW;
}

bool Query::finish() {
  while (row()) {
  }
  return !failed_;
}

std::int64_t Query::number() {
  return sqlite3_column_int64(statement_->handle_, column_++);
}

std::optional<std::int64_t> Query::maybe_number() {
  if (sqlite3_column_type(statement_->handle_, column_) != SQLITE_NULL) return number();
  ++column_;
  return std::nullopt;
}

std::string_view Query::bytes() {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_->handle_, column_));
  const int size = sqlite3_column_bytes(statement_->handle_, column_++);
  return data == nullptr ? std::string_view() : std::string_view(data, static_cast<std::size_t>(size));
}

void Query::check_bound(int code) {
  if (!statement_->database_->note(code)) failed_ = true;
}

}  // namespace logzio_okta
