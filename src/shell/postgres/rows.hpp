// Rows and their parameters: values as they go to the database and come from it.
//
// Numbers go as text, bytes as they are; everything comes in binary, a number always as a bigint. Foreign
// bytes are bytea throughout: a text that is not in the database's encoding would never be taken.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <libpq-fe.h>

namespace logzio_okta {

/// One statement with the values of its $1, $2, ...
class PgStatement {
 public:
  explicit PgStatement(std::string_view sql) : sql_(sql) {}

  PgStatement& number(std::int64_t value);
  PgStatement& number(std::optional<std::int64_t> value);
  PgStatement& flag(bool value);
  /// Ours, without a zero byte.
  PgStatement& text(std::string_view value);
  PgStatement& bytes(std::string_view value);
  PgStatement& numbers(const std::vector<std::int64_t>& values);
  PgStatement& numbers(const std::vector<std::optional<std::int64_t>>& values);
  PgStatement& texts(const std::vector<std::string>& values);

  /// Queues it; false if the connection does not take it.
  [[nodiscard]] bool send(PGconn* connection) const;
  /// At once, waiting for the answer: for commands, never in the loop.
  [[nodiscard]] PGresult* run(PGconn* connection) const;

 private:
  struct Parameter {
    std::optional<std::string> value;
    bool binary = false;
  };
  struct Arrays {
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
  };
  PgStatement& add(std::optional<std::string> value, bool binary = false);
  [[nodiscard]] Arrays arrays() const;

  std::string sql_;
  std::vector<Parameter> parameters_;
};

/// What came back.
class PgRows {
 public:
  explicit PgRows(PGresult* result) : result_(result) {}

  [[nodiscard]] int count() const { return PQntuples(result_.get()); }
  [[nodiscard]] const PGresult* get() const { return result_.get(); }

  [[nodiscard]] std::int64_t number(int row, int column) const;
  [[nodiscard]] std::optional<std::int64_t> maybe_number(int row, int column) const;
  [[nodiscard]] bool flag(int row, int column) const;
  /// Text or bytea; valid while the rows live.
  [[nodiscard]] std::string_view bytes(int row, int column) const;
  [[nodiscard]] std::string text(int row, int column) const { return std::string(bytes(row, column)); }
  [[nodiscard]] bool is_null(int row, int column) const {
    return PQgetisnull(result_.get(), row, column) != 0;
  }

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

}  // namespace logzio_okta
