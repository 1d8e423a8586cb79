#include "shell/postgres/postgres_view.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"

#include "shell/postgres/session.hpp"
#include "shell/postgres/tables.hpp"
#include "shell/state/columns.hpp"

namespace logzio_okta {
namespace {

SetAsideRow row_of(const PgRows& rows, int i) {
  return {.id = rows.number(i, 0),
          .stream = rows.text(i, 1),
          .at = time_of(rows.number(i, 2)),
          .reason = rows.text(i, 3),
          .answer = rows.text(i, 4),
          .events = rows.number(i, 5),
          .bytes = {}};
}

class PostgresView final : public StateView {
 public:
  explicit PostgresView(PgSession session) : session_(std::move(session)) {}

  Result<std::vector<CursorRow>> cursors() override {
    auto rows = session_.run(PgStatement(
        "select key, next, since_ms, watermark_ms, caught_up_ms from logzio_okta.stream order by key"));
    if (!rows) return std::unexpected(std::move(rows.error()));
    std::vector<CursorRow> cursors;
    for (int i = 0; i < rows->count(); ++i) {
      cursors.push_back({.key = rows->text(i, 0),
                         .next = rows->text(i, 1),
                         .since = time_of(rows->number(i, 2)),
                         .watermark = time_of(rows->maybe_number(i, 3)),
                         .caught_up = time_of(rows->maybe_number(i, 4))});
    }
    return cursors;
  }

  Result<std::vector<SetAsideRow>> set_aside() override {
    auto rows = session_.run(
        PgStatement("select id, key, at_ms, reason, answer, events from logzio_okta.set_aside order by id"));
    if (!rows) return std::unexpected(std::move(rows.error()));
    std::vector<SetAsideRow> listed;
    for (int i = 0; i < rows->count(); ++i) listed.push_back(row_of(*rows, i));
    return listed;
  }

  Result<SetAsideTotal> set_aside_total() override {
    auto rows = session_.run(sum_set_aside());
    if (!rows) return std::unexpected(std::move(rows.error()));
    return SetAsideTotal{.events = count_of(rows->number(0, 2)), .bytes = set_aside_bytes_of(*rows)};
  }

  Result<std::optional<SetAsideRow>> set_aside(std::int64_t id) override {
    auto rows = session_.run(PgStatement("select id, key, at_ms, reason, answer, events, bytes from "
                                         "logzio_okta.set_aside where id = $1::bigint")
                                 .number(id));
    if (!rows) return std::unexpected(std::move(rows.error()));
    if (rows->count() == 0) return std::nullopt;
    SetAsideRow row = row_of(*rows, 0);
    auto plain = gunzip(rows->bytes(0, 6), limits::page_bytes_max);
    if (!plain) return fail("what was set aside under " + std::to_string(id) + " is damaged");
    row.bytes = std::move(*plain);
    return row;
  }

  Result<void> drop(std::int64_t id) override {
    return done(PgStatement("delete from logzio_okta.set_aside where id = $1::bigint").number(id));
  }

  Result<void> shrink(std::int64_t id, std::int64_t events, const std::string& bytes) override {
    return done(
        PgStatement(
            "update logzio_okta.set_aside set events = $2::bigint, bytes = $3::bytea where id = $1::bigint")
            .number(id)
            .number(events)
            .bytes(gzip(bytes)));
  }

 private:
  Result<void> done(const PgStatement& statement) {
    if (auto rows = session_.run(statement); !rows) return std::unexpected(std::move(rows.error()));
    return {};
  }

  PgSession session_;
};

}  // namespace

Result<std::unique_ptr<StateView>> view_store(const StoreAccess& access) {
  auto session = PgSession::open(access);
  if (!session) return std::unexpected(std::move(session.error()));
  auto there = session->has_state();
  if (!there) return std::unexpected(std::move(there.error()));
  if (!*there) return fail("there is no state in " + session->place());
  return std::make_unique<PostgresView>(std::move(*session));
}

}  // namespace logzio_okta
