#include "shell/postgres/tables.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "shell/state/columns.hpp"
#include "shell/state/place_columns.hpp"
#include "shell/state/schema.hpp"

namespace logzio_okta {
namespace {

/// Many pieces of bytes as one parameter, and where each of them is in it.
class Pieces {
 public:
  struct List {
    std::vector<std::int64_t> at;
    std::vector<std::int64_t> length;
  };
  void add(List& list, std::string_view piece) {
    list.at.push_back(static_cast<std::int64_t>(bytes_.size()) + 1);  // substring() counts from 1.
    list.length.push_back(static_cast<std::int64_t>(piece.size()));
    bytes_.append(piece);
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

std::string write_save_sql() {
  std::string names;
  std::string values;
  std::string updates;
  int parameter = 22;
  for (const PlaceColumn& column : place_columns()) {
    const char* type = column.type == PlaceColumn::Type::bytes ? "::bytea" : "::bigint";
    names.append(", ").append(column.name);
    values.append(", $").append(std::to_string(++parameter)).append(type);
    updates.append(", ").append(column.name).append(" = excluded.").append(column.name);
  }
  return R"(
with held as materialized (
  select 1 from logzio_okta.org where domain = $2::text and owner = $3::uuid and epoch = $4::bigint for share),
saved as (
  insert into logzio_okta.stream as s (key, domain, epoch, number, unclean)" +
         names + R"() select $1::text, $2::text, $4::bigint, $5::bigint, $6::bigint)" + values + R"( from held
  on conflict (key) do update set domain = excluded.domain, epoch = excluded.epoch, number = excluded.number,
    unclean = excluded.unclean)" +
         updates + R"(
  where (s.epoch, s.number) < (excluded.epoch, excluded.number)
  returning key),
overtaken as (
  update logzio_okta.stream s set unclean = 2 from saved
  where $6::bigint <> 2 and s.domain = $2::text and s.key <> $1::text and s.unclean <> 2),
dropped as (
  delete from logzio_okta.window_row w using saved
  where w.key = saved.key and w.page < $7::bigint and w.page <> all($8::bigint[])),
added as (
  insert into logzio_okta.window_row (key, page, newest_ms, events)
  select saved.key, r.page, r.newest, substring($12::bytea from r.at::int for r.length::int) from saved,
    unnest($8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[]) as r(page, newest, at, length)
  on conflict (key, page) do update set newest_ms = excluded.newest_ms, events = excluded.events),
aside as (
  insert into logzio_okta.set_aside (key, at_ms, reason, answer, events, bytes)
  select saved.key, $13::bigint, substring($12::bytea from i.reason_at::int for i.reason_length::int),
    substring($12::bytea from i.answer_at::int for i.answer_length::int), i.events,
    substring($12::bytea from i.at::int for i.length::int)
  from saved, unnest($14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[],
    $20::bigint[]) with ordinality
    as i(events, reason_at, reason_length, answer_at, answer_length, at, length, place) order by i.place),
settled as (
  delete from logzio_okta.spool p using saved
  where $21::bigint > 0 and p.key = saved.key and p.id <= $21::bigint),
doubted as (
  update logzio_okta.spool p set marked = true from saved
  where $22::bigint > $21::bigint and p.key = saved.key and p.id <= $22::bigint and p.id > $21::bigint and not p.marked)
select (select count(*) from held),
  (select i.name from logzio_okta.org o join logzio_okta.instance i on i.id = o.owner where o.domain = $2::text))";
}

constexpr const char* read_rows_sql = R"(
select page, newest_ms, events from (
  select *, sum(length(events) / 16) over (order by page desc) as total
  from logzio_okta.window_row where key = $1::text) as newest
where total <= $2::bigint order by page)";

// Events that were not seen within a day are new ones; those seen with other bytes go out marked. A replica
// that takes the same delivery at the same moment waits for the row in spool_seen.
constexpr const char* write_spool_sql = R"(
with input as materialized (
  select i.place, i.uuid, i.hash, substring($9::bytea from i.at::int for i.length::int) as bytes
  from unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) with ordinality
    as i(uuid, hash, at, length, place)),
seen as (
  insert into logzio_okta.spool_seen as s (key, uuid, hash, at_ms)
  select $1::text, uuid, hash, $2::bigint from input order by uuid
  on conflict (key, uuid) do update set hash = excluded.hash where s.hash <> excluded.hash
  returning uuid, xmax <> 0 as changed),
list as materialized (
  select seen.changed, count(*) as events,
    '\x5b'::bytea || string_agg(input.bytes, '\x2c'::bytea order by input.place) || '\x5d'::bytea as bytes
  from input join seen using (uuid) group by seen.changed),
number as (
  update logzio_okta.spool_stream set last = last + (select count(*) from list) where key = $1::text
  returning last),
added as (
  insert into logzio_okta.spool (key, id, at_ms, source, event_id, event_time, marked, count, events)
  select $1::text, number.last + 1 - row_number() over (order by list.changed desc), $2::bigint, $7::bytea,
    $8::bytea, $10::bytea, list.changed, list.events, list.bytes
  from list, number
  returning id, count, length(source) + length(event_id) + length(event_time) + length(events) as bytes)
select coalesce(max(id), 0)::bigint, coalesce(sum(count), 0)::bigint, coalesce(sum(bytes), 0)::bigint,
  count(*)::bigint from added)";

constexpr const char* read_spool_sql = R"(
select id, at_ms, source, event_id, event_time, marked, events from (
  select *, sum(length(events)) over (order by id) - length(events) as before from (
    select * from logzio_okta.spool where key = $1::text and id > $2::bigint order by id limit $3::bigint) as first
) as counted where before < $4::bigint order by id)";

constexpr const char* sum_spool_sql = R"(
select p.key, max(p.id)::bigint, sum(p.count)::bigint,
  sum(length(p.events) + length(p.source) + length(p.event_id) + length(p.event_time))::bigint,
  count(*)::bigint, min(p.at_ms)::bigint
from unnest($1::text[], $2::bigint[]) as told(key, id)
join logzio_okta.spool p on p.key = told.key and p.id > told.id
where p.id <> all($3::bigint[]) group by p.key)";

}  // namespace

PgStatement commit_for_good() {
  return PgStatement(
      "select set_config('synchronous_commit', 'on', true) "
      "where current_setting('synchronous_commit') = 'off'");
}

PgStatement write_save(const std::string& key, const Fence& fence, std::uint64_t number, const Save& save,
                       WallTime at) {
  static const std::string sql = write_save_sql();
  Pieces pieces;
  std::vector<std::int64_t> pages;
  std::vector<std::optional<std::int64_t>> newest;
  Pieces::List rows;
  for (const WindowRow& row : save.rows) {
    pages.push_back(to_sql(row.page));
    newest.push_back(to_sql(row.newest));
    pieces.add(rows, pack(row.events));
  }
  std::vector<std::int64_t> events;
  Pieces::List reasons;
  Pieces::List answers;
  Pieces::List bytes;
  for (const SetAside& item : save.set_aside) {
    events.push_back(item.events);
    pieces.add(reasons, item.reason);
    pieces.add(answers, item.answer);
    pieces.add(bytes, item.bytes);
  }
  PgStatement statement(sql);
  statement.text(key)
      .text(org_of_stream_key(key))
      .text(fence.owner)
      .number(fence.epoch)
      .number(to_sql(number));
  statement.number(save.overtaken ? was_overtaken : ended_clean).number(to_sql(save.rows_from));
  statement.numbers(pages).numbers(newest).numbers(rows.at).numbers(rows.length).bytes(pieces.bytes());
  statement.number(to_sql(at)).numbers(events).numbers(reasons.at).numbers(reasons.length);
  statement.numbers(answers.at).numbers(answers.length).numbers(bytes.at).numbers(bytes.length);
  statement.number(to_sql(save.spool_settled)).number(to_sql(save.spool_doubted));
  for (const PlaceColumn& column : place_columns()) {
    const PlaceValue value = column.write(save.place);
    if (column.type == PlaceColumn::Type::bytes) {
      statement.bytes(value.bytes);
    } else {
      statement.number(value.number);
    }
  }
  return statement;
}

bool is_fenced_off(const PgRows& answer) {
  return answer.number(0, 0) == 0;
}

std::string holder_of(const PgRows& answer) {
  return answer.is_null(0, 1) ? std::string() : answer.text(0, 1);
}

void read_stream(std::vector<PgStatement>& statements, const std::string& key) {
  static const std::string find =
      "select unclean, " + place_names() + " from logzio_okta.stream where key = $1::text";
  statements.push_back(PgStatement(find).text(key));
  statements.push_back(
      PgStatement("select page, newest_ms, length(events)::bigint / 16 from logzio_okta.window_row "
                  "where key = $1::text order by page")
          .text(key));
  statements.push_back(read_window_rows(key, limits::recent_events_max));
}

Opened opened_of(StreamId stream, const std::vector<PgRows>& answers) {
  Opened opened{.stream = stream, .place = std::nullopt, .clean = true, .rows = {}};
  const PgRows& row = answers.at(0);
  if (row.count() == 1) {
    opened.clean = row.number(0, 0) == ended_clean;
    opened.overtaken = row.number(0, 0) == was_overtaken;
    opened.place.emplace();
    int column = 0;
    for (const PlaceColumn& each : place_columns()) {
      ++column;
      const bool bytes = each.type == PlaceColumn::Type::bytes;
      each.read({.number = bytes ? std::nullopt : row.maybe_number(0, column),
                 .bytes = bytes ? row.bytes(0, column) : std::string_view()},
                *opened.place);
    }
  }
  // What was in flight is not noted. It may be any of what the place, or an unclean end, leaves in doubt.
  const PgRows& list = answers.at(1);
  for (int i = 0; i < list.count(); ++i) {
    opened.rows.push_back({.page = count_of(list.number(i, 0)),
                           .newest = time_of(list.maybe_number(i, 1)),
                           .events = small_count_of(list.number(i, 2))});
  }
  opened.recent = window_rows_of(answers.at(2));
  return opened;
}

PgStatement read_window_rows(const std::string& key, std::size_t events_max) {
  return PgStatement(read_rows_sql).text(key).number(to_sql(events_max));
}

std::vector<WindowRow> window_rows_of(const PgRows& answer) {
  std::vector<WindowRow> rows;
  for (int i = 0; i < answer.count(); ++i) {
    rows.push_back({.page = count_of(answer.number(i, 0)),
                    .newest = time_of(answer.maybe_number(i, 1)),
                    .events = unpack(answer.bytes(i, 2))});
  }
  return rows;
}

PgStatement lock_spool(const std::string& key) {
  return PgStatement(
             "insert into logzio_okta.spool_stream as s (key, last) values ($1::text, 0) "
             "on conflict (key) do update set last = s.last")
      .text(key);
}

// An event that is twice in a delivery meets its first copy in the second statement.
std::vector<PgStatement> write_spool(const std::string& key, const SpoolEvents& spool) {
  std::vector<PgStatement> statements;
  std::vector<const SpoolEvents::Event*> left;
  for (const SpoolEvents::Event& event : spool.events) left.push_back(&event);
  while (!left.empty()) {
    std::vector<const SpoolEvents::Event*> again;
    std::set<std::uint64_t> taken;
    Pieces pieces;
    Pieces::List list;
    std::vector<std::int64_t> uuids;
    std::vector<std::int64_t> hashes;
    for (const SpoolEvents::Event* event : left) {
      if (!taken.insert(event->hash.uuid).second) {
        again.push_back(event);
        continue;
      }
      uuids.push_back(static_cast<std::int64_t>(event->hash.uuid));
      hashes.push_back(static_cast<std::int64_t>(event->hash.bytes));
      pieces.add(list, event->bytes);
    }
    PgStatement& statement = statements.emplace_back(write_spool_sql);
    statement.text(key).number(to_sql(spool.at)).numbers(uuids).numbers(hashes).numbers(list.at);
    statement.numbers(list.length).bytes(spool.source).bytes(spool.event_id).bytes(pieces.bytes());
    statement.bytes(spool.event_time);
    left = std::move(again);
  }
  return statements;
}

SpoolWritten spooled_of(const SpoolEvents& spool, std::span<const PgRows> answers) {
  SpoolWritten written{.answer = {.stream = spool.stream, .hook = spool.hook, .kept = true, .why_not = {}}};
  Spooled& spooled = written.answer;
  for (const PgRows& answer : answers) {
    const std::size_t rows = count_of(answer.number(0, 3));
    const std::size_t events = count_of(answer.number(0, 1));
    if (rows == 0) continue;
    spooled.newest = count_of(answer.number(0, 0));
    spooled.events += events;
    spooled.bytes +=
        spool_bytes_charged(count_of(answer.number(0, 2)), events) + (rows - 1) * limits::spool_row_bytes;
    for (std::size_t row = 0; row < rows; ++row) written.rows.push_back(to_sql(spooled.newest - row));
  }
  spooled.duplicates = spool.events.size() - spooled.events;
  return written;
}

PgStatement forget_seen(std::size_t came, WallTime at) {
  return PgStatement(
             "delete from logzio_okta.spool_seen where ctid in (select ctid from logzio_okta.spool_seen "
             "where at_ms < $1::bigint order by at_ms limit $2::bigint for update skip locked)")
      .number(to_sql(at - to_ms(limits::spool_memory)))
      .number(to_sql(std::uint64_t{2 * came}));
}

PgStatement read_spool_rows(const std::string& key, const ReadSpool& request) {
  return PgStatement(read_spool_sql)
      .text(key)
      .number(to_sql(request.after))
      .number(to_sql(std::uint64_t{request.rows_max}))
      .number(to_sql(std::uint64_t{request.bytes_max}));
}

std::vector<SpoolRow> spool_rows_of(const PgRows& answer) {
  std::vector<SpoolRow> rows;
  for (int i = 0; i < answer.count(); ++i) {
    SpoolRow& row = rows.emplace_back();
    row.number = count_of(answer.number(i, 0));
    row.at = time_of(answer.number(i, 1));
    row.source = answer.text(i, 2);
    row.event_id = answer.text(i, 3);
    row.event_time = answer.text(i, 4);
    row.marked = answer.flag(i, 5);
    row.events = answer.text(i, 6);
  }
  return rows;
}

PgStatement list_spool() {
  return PgStatement(
      "select key, last from logzio_okta.spool_stream s "
      "where exists (select 1 from logzio_okta.spool p where p.key = s.key)");
}

std::vector<std::pair<std::string, std::uint64_t>> spool_list_of(const PgRows& answer) {
  std::vector<std::pair<std::string, std::uint64_t>> list;
  for (int i = 0; i < answer.count(); ++i)
    list.emplace_back(answer.text(i, 0), count_of(answer.number(i, 1)));
  return list;
}

PgStatement sum_spool(const std::string& key, std::uint64_t after, const std::vector<std::int64_t>& but) {
  return PgStatement(sum_spool_sql)
      .texts({key})
      .numbers(std::vector<std::int64_t>{to_sql(after)})
      .numbers(but);
}

std::vector<SpoolSummary> spool_sums_of(const PgRows& answer) {
  std::vector<SpoolSummary> sums;
  for (int i = 0; i < answer.count(); ++i) {
    SpoolSummary& sum = sums.emplace_back();
    sum.key = answer.text(i, 0);
    sum.newest = count_of(answer.number(i, 1));
    sum.events = count_of(answer.number(i, 2));
    sum.bytes = spool_bytes_charged(count_of(answer.number(i, 3)), sum.events) +
                (count_of(answer.number(i, 4)) - 1) * limits::spool_row_bytes;
    sum.oldest = time_of(answer.number(i, 5));
  }
  return sums;
}

PgStatement sum_set_aside() {
  return PgStatement(
      "select a.bytes, a.items, a.events, s.bytes, s.events, s.rows from ("
      "select coalesce(sum(length(bytes) + length(reason) + length(answer)), 0)::bigint as bytes, "
      "count(*)::bigint as items, coalesce(sum(events), 0)::bigint as events from logzio_okta.set_aside) "
      "as a, ("
      "select coalesce(sum(length(events) + length(source) + length(event_id) + length(event_time)), 0)"
      "::bigint as bytes, coalesce(sum(count), 0)::bigint as events, count(*)::bigint as rows "
      "from logzio_okta.spool) as s");
}

std::uint64_t spooled_bytes_of(const PgRows& answer) {
  return spool_bytes_charged(count_of(answer.number(0, 3)), count_of(answer.number(0, 4))) +
         count_of(answer.number(0, 5)) * limits::spool_row_bytes;
}

std::uint64_t set_aside_bytes_of(const PgRows& answer) {
  return count_of(answer.number(0, 0)) + count_of(answer.number(0, 1)) * limits::set_aside_item_bytes;
}

PgStatement find_replication() {
  return PgStatement(
      "select current_setting('synchronous_standby_names') = '' and exists (select 1 from "
      "pg_stat_replication)");
}

bool loses_commits(const PgRows& answer) {
  return answer.flag(0, 0);
}

}  // namespace logzio_okta
