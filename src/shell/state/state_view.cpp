#include "shell/state/state_view.hpp"

#include <cerrno>
#include <chrono>
#include <utility>

#include <unistd.h>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"

#include "shell/state/columns.hpp"
#include "shell/state/sqlite.hpp"
#include "shell/state/state_dir.hpp"

namespace logzio_okta {
namespace {

SetAsideRow read_row(Query& query) {
  SetAsideRow row;
  row.id = query.number();
  row.stream = query.bytes();
  row.at = time_of(query.number());
  row.reason = query.bytes();
  row.answer = query.bytes();
  row.events = query.number();
  return row;
}

constexpr const char* list_sql =
    "SELECT set_aside.id, coalesce(key, ''), at_ms, reason, answer, events FROM set_aside "
    "LEFT JOIN stream ON stream.id = set_aside.stream ORDER BY set_aside.id";
constexpr const char* one_sql =
    "SELECT set_aside.id, coalesce(key, ''), at_ms, reason, answer, events, bytes FROM set_aside "
    "LEFT JOIN stream ON stream.id = set_aside.stream WHERE set_aside.id = ?";

class FileView final : public StateView {
 public:
  FileView(std::string dir, std::unique_ptr<Database> database)
      : dir_(std::move(dir)), database_(std::move(database)) {}

  Result<std::vector<CursorRow>> cursors() override;
  Result<std::vector<SetAsideRow>> set_aside() override;
  Result<SetAsideTotal> set_aside_total() override;
  Result<std::optional<SetAsideRow>> set_aside(std::int64_t id) override;
  Result<void> drop(std::int64_t id) override;
  Result<void> shrink(std::int64_t id, std::int64_t events, const std::string& bytes) override;

 private:
  [[nodiscard]] std::unexpected<Error> failed() const;

  std::string dir_;
  std::unique_ptr<Database> database_;
};

std::unexpected<Error> FileView::failed() const {
  return fail("cannot read the state in " + dir_ + ": " + database_->failure().explain(dir_));
}

Result<std::vector<CursorRow>> FileView::cursors() {
  Statement statement(*database_,
                      "SELECT key, next, since_ms, watermark_ms, caught_up_ms FROM stream ORDER BY key");
  if (!statement.ready()) return failed();
  Query query(statement);
  std::vector<CursorRow> rows;
  while (query.row()) {
    CursorRow row;
    row.key = query.bytes();
    row.next = query.bytes();
    row.since = time_of(query.number());
    row.watermark = time_of(query.maybe_number());
    row.caught_up = time_of(query.maybe_number());
    rows.push_back(std::move(row));
  }
  if (query.failed()) return failed();
  return rows;
}

Result<std::vector<SetAsideRow>> FileView::set_aside() {
  Statement statement(*database_, list_sql);
  if (!statement.ready()) return failed();
  Query query(statement);
  std::vector<SetAsideRow> rows;
  while (query.row()) rows.push_back(read_row(query));
  if (query.failed()) return failed();
  return rows;
}

Result<SetAsideTotal> FileView::set_aside_total() {
  const auto total = total_set_aside(*database_);
  if (!total) return failed();
  return *total;
}

Result<std::optional<SetAsideRow>> FileView::set_aside(std::int64_t id) {
  Statement statement(*database_, one_sql);
  if (!statement.ready()) return failed();
  Query query(statement);
  query.bind(id);
  if (!query.row()) {
    if (query.failed()) return failed();
    return std::nullopt;
  }
  SetAsideRow row = read_row(query);
  auto plain = gunzip(query.bytes(), limits::page_bytes_max);
  if (!plain) return fail("set-aside item " + std::to_string(id) + " is damaged");
  row.bytes = std::move(*plain);
  return row;
}

Result<void> FileView::drop(std::int64_t id) {
  Statement statement(*database_, "DELETE FROM set_aside WHERE id = ?");
  if (!statement.ready()) return failed();
  if (!Query(statement).bind(id).finish()) return failed();
  return {};
}

Result<void> FileView::shrink(std::int64_t id, std::int64_t events, const std::string& bytes) {
  Statement statement(*database_, "UPDATE set_aside SET events = ?, bytes = ? WHERE id = ?");
  if (!statement.ready()) return failed();
  const std::string packed = gzip(bytes);
  if (!Query(statement).bind(events).bind_blob(packed).bind(id).finish()) return failed();
  return {};
}

}  // namespace

Result<std::unique_ptr<StateView>> StateView::open(const std::string& dir) {
  const std::string path = dir + "/" + state_file_name;
  if (::access(path.c_str(), R_OK) != 0) {
    if (errno == EACCES)
      return fail("cannot read " + path + ": Permission denied; run this as root or as the daemon's user");
    return fail("there is no state in " + dir);
  }
  auto database = std::make_unique<Database>();
  if (!database->open(path) || !database->run("PRAGMA busy_timeout = 5000"))
    return fail("cannot read " + path + ": " + database->failure().explain(dir));
  return std::make_unique<FileView>(dir, std::move(database));
}

}  // namespace logzio_okta
