#include "shell/postgres/rows.hpp"

#include <utility>

#include "logzio_okta/base/check.hpp"

namespace logzio_okta {
namespace {

constexpr int binary_format = 1;

template <typename Values, typename Say>
std::string array_of(const Values& values, Say&& say) {
  std::string list = "{";
  for (const auto& value : values) list.append(list.size() > 1 ? "," : "").append(say(value));
  return list + "}";
}

}  // namespace

PgStatement& PgStatement::add(std::optional<std::string> value, bool binary) {
  parameters_.push_back({.value = std::move(value), .binary = binary});
  return *this;
}

PgStatement& PgStatement::number(std::int64_t value) {
  return add(std::to_string(value));
}
PgStatement& PgStatement::number(std::optional<std::int64_t> value) {
  return value ? number(*value) : add(std::nullopt);
}
PgStatement& PgStatement::flag(bool value) {
  return add(value ? "t" : "f");
}
PgStatement& PgStatement::text(std::string_view value) {
  return add(std::string(value));
}
PgStatement& PgStatement::bytes(std::string_view value) {
  return add(std::string(value), true);
}
PgStatement& PgStatement::numbers(const std::vector<std::int64_t>& values) {
  return add(array_of(values, [](std::int64_t value) { return std::to_string(value); }));
}
PgStatement& PgStatement::numbers(const std::vector<std::optional<std::int64_t>>& values) {
  return add(array_of(values, [](const auto& value) { return value ? std::to_string(*value) : "NULL"; }));
}
PgStatement& PgStatement::texts(const std::vector<std::string>& values) {
  return add(array_of(values, [](const std::string& value) {
    std::string quoted = "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    return quoted + "\"";
  }));
}

PgStatement::Arrays PgStatement::arrays() const {
  Arrays arrays;
  for (const Parameter& each : parameters_) {
    arrays.values.push_back(each.value ? each.value->c_str() : nullptr);
    arrays.lengths.push_back(each.value ? static_cast<int>(each.value->size()) : 0);
    arrays.formats.push_back(each.binary ? binary_format : 0);
  }
  return arrays;
}

bool PgStatement::send(PGconn* connection) const {
  const Arrays all = arrays();
  return PQsendQueryParams(connection, sql_.c_str(), static_cast<int>(parameters_.size()), nullptr,
                           all.values.data(), all.lengths.data(), all.formats.data(), binary_format) == 1;
}

PGresult* PgStatement::run(PGconn* connection) const {
  const Arrays all = arrays();
  return PQexecParams(connection, sql_.c_str(), static_cast<int>(parameters_.size()), nullptr,
                      all.values.data(), all.lengths.data(), all.formats.data(), binary_format);
}

std::string_view PgRows::bytes(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t PgRows::number(int row, int column) const {
  const std::string_view eight = bytes(row, column);
  CHECK(eight.size() == sizeof(std::int64_t));
  std::uint64_t value = 0;
  for (const char byte : eight) value = value << 8U | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(value);
}

std::optional<std::int64_t> PgRows::maybe_number(int row, int column) const {
  return is_null(row, column) ? std::nullopt : std::optional(number(row, column));
}

bool PgRows::flag(int row, int column) const {
  return bytes(row, column) == std::string_view("\1", 1);
}

}  // namespace logzio_okta
