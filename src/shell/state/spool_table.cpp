#include "shell/state/spool_table.hpp"

#include <array>

#include "logzio_okta/base/limits.hpp"

#include "shell/state/columns.hpp"

namespace logzio_okta {
namespace {

constexpr const char* doubt_in_flight_sql = R"(
  UPDATE spool SET marked = 1 WHERE id IN (SELECT id FROM
    (SELECT id, row_number() OVER (PARTITION BY stream ORDER BY id) AS place FROM spool) WHERE place <= 2000))";
static_assert(limits::spool_rows_unsettled_max == 2000);

// Sizes in bytes: length() would count characters.
constexpr const char* sum_sql = R"(
  SELECT key, max(spool.id), sum(count),
    sum(length(events) + length(CAST(source AS BLOB)) + length(CAST(event_id AS BLOB)) +
        length(CAST(event_time AS BLOB))), count(*), min(at_ms) FROM spool
  JOIN stream ON stream.id = spool.stream GROUP BY spool.stream)";

constexpr const char* read_sql =
    "SELECT id, at_ms, source, event_id, event_time, marked, events FROM spool"
    " WHERE stream = (SELECT id FROM stream WHERE key = ?) AND id > ? ORDER BY id LIMIT ?";

constexpr const char* forget_seen_sql =
    "DELETE FROM spool_seen WHERE id IN (SELECT id FROM spool_seen ORDER BY id LIMIT ?)"
    " AND (at_ms < ? OR id <= (SELECT max(id) FROM spool_seen) - ?)";

constexpr const char* add_sql =
    "INSERT INTO spool(stream, at_ms, source, event_id, event_time, marked, count, events)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id";

}  // namespace

bool sum_spool(Database& database, std::vector<SpoolSummary>& sums) {
  Statement sum(database, sum_sql);
  if (!sum.ready()) return false;
  Query query(sum);
  while (query.row()) {
    SpoolSummary found;
    found.key = query.bytes();
    found.newest = count_of(query.number());
    found.events = count_of(query.number());
    const std::size_t text_bytes = count_of(query.number());
    found.bytes = spool_bytes_charged(text_bytes, found.events) +
                  (count_of(query.number()) - 1) * limits::spool_row_bytes;
    found.oldest = time_of(query.number());
    sums.push_back(std::move(found));
  }
  return !query.failed();
}

bool doubt_spool_in_flight(Database& database) {
  return database.run(doubt_in_flight_sql);
}

bool doubt_whole_spool(Database& database) {
  return database.run("UPDATE spool SET marked = 1");
}

SpoolTable::SpoolTable(Database& database)
    : find_stream_(database, "SELECT id FROM stream WHERE key = ?"),
      find_seen_(database, "SELECT bytes FROM spool_seen WHERE stream = ? AND uuid = ?"),
      add_seen_(database, "INSERT INTO spool_seen(stream, at_ms, uuid, bytes) VALUES (?, ?, ?, ?)"),
      change_seen_(database, "UPDATE spool_seen SET bytes = ? WHERE stream = ? AND uuid = ?"),
      forget_seen_(database, forget_seen_sql),
      add_(database, add_sql),
      read_(database, read_sql),
      drop_(database, "DELETE FROM spool WHERE stream = ? AND id <= ?"),
      doubt_(database, "UPDATE spool SET marked = 1 WHERE stream = ? AND id <= ?") {}

bool SpoolTable::write(const std::string& key, const SpoolEvents& spool, Spooled& result) {
  Query find(find_stream_);
  find.bind_text(key);
  if (!find.row()) return false;
  const std::int64_t stream = find.number();
  std::array<std::string, 2> lists;  // New events, and known ones with other bytes.
  std::array<std::size_t, 2> counts{};
  for (const SpoolEvents::Event& event : spool.events) {
    Seen seen;
    if (!look_up(stream, event.hash, seen)) return false;
    if (seen.same) {
      ++result.duplicates;
      continue;
    }
    if (!remember(stream, spool.at, event.hash, seen.known)) return false;
    const std::size_t which = seen.known ? 1 : 0;
    lists[which].append(lists[which].empty() ? "[" : ",").append(event.bytes);
    ++counts[which];
  }
  for (const bool changed : {false, true}) {
    const std::size_t which = changed ? 1 : 0;
    if (lists[which].empty()) continue;
    if (!add_row(stream, spool, changed, lists[which].append("]"), counts[which], result)) return false;
  }
  return true;
}

bool SpoolTable::look_up(std::int64_t stream, const EventHash& event, Seen& seen) {
  Query query(find_seen_);
  query.bind(stream).bind(static_cast<std::int64_t>(event.uuid));
  seen.known = query.row();
  seen.same = seen.known && query.number() == static_cast<std::int64_t>(event.bytes);
  return !query.failed();
}

bool SpoolTable::remember(std::int64_t stream, WallTime at, const EventHash& event, bool known) {
  const auto uuid = static_cast<std::int64_t>(event.uuid);
  const auto bytes = static_cast<std::int64_t>(event.bytes);
  if (known) return Query(change_seen_).bind(bytes).bind(stream).bind(uuid).finish();
  return Query(add_seen_).bind(stream).bind(to_sql(at)).bind(uuid).bind(bytes).finish();
}

bool SpoolTable::add_row(std::int64_t stream, const SpoolEvents& spool, bool changed,
                         const std::string& events, std::size_t count, Spooled& result) {
  Query query(add_);
  query.bind(stream).bind(to_sql(spool.at)).bind_text(spool.source).bind_text(spool.event_id);
  query.bind_text(spool.event_time).bind(std::int64_t{changed}).bind(to_sql(count)).bind_blob(events);
  if (!query.row()) return false;
  result.newest = count_of(query.number());
  result.events += count;
  result.bytes += spool_bytes_charged(
      spool.source.size() + spool.event_id.size() + spool.event_time.size() + events.size(), count);
  return query.finish();
}

bool SpoolTable::forget_seen(std::size_t came, WallTime at) {
  const WallTime day_ago = at - to_ms(limits::spool_memory);
  return Query(forget_seen_)
      .bind(to_sql(2 * came))
      .bind(to_sql(day_ago))
      .bind(limits::spool_memory_events)
      .finish();
}

bool SpoolTable::settle(std::int64_t stream, const Save& save) {
  const auto apply = [&](Statement& statement, std::uint64_t up_to) {
    return up_to == 0 || Query(statement).bind(stream).bind(to_sql(up_to)).finish();
  };
  return apply(drop_, save.spool_settled) && apply(doubt_, save.spool_doubted);
}

bool SpoolTable::read(const std::string& key, const ReadSpool& request, SpoolRead& reply) {
  Query query(read_);
  query.bind_text(key).bind(to_sql(request.after)).bind(to_sql(request.rows_max));
  for (std::size_t bytes = 0; bytes < request.bytes_max && query.row();) {
    SpoolRow& row = reply.rows.emplace_back();
    row.number = count_of(query.number());
    row.at = time_of(query.number());
    row.source = query.bytes();
    row.event_id = query.bytes();
    row.event_time = query.bytes();
    row.marked = query.number() != 0;
    row.events = query.bytes();
    bytes += row.events.size();
  }
  return !query.failed();
}

}  // namespace logzio_okta
