#include "shell/state/stream_tables.hpp"

#include <algorithm>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "shell/os/clock.hpp"
#include "shell/state/columns.hpp"
#include "shell/state/place_columns.hpp"
#include "shell/state/schema.hpp"

namespace logzio_okta {
namespace {

std::string write_place_sql() {
  return "INSERT INTO stream(unclean, key, " + place_names() + ") VALUES (?, ?, " + place_parameters() +
         ") ON CONFLICT(key) DO UPDATE SET unclean = excluded.unclean, " + place_updates() + " RETURNING id";
}

std::string find_place_sql() {
  return "SELECT unclean, " + place_names() + " FROM stream WHERE key = ?";
}

// The other streams of an org: their keys are its domain, or begin with it and a question mark.
constexpr const char* overtake_sql =
    "UPDATE stream SET unclean = 2 WHERE key <> ? AND (key = ? OR (key > ? AND key < ?))";

// Reading only the length does not read the pages with the events.
constexpr const char* list_rows_sql =
    "SELECT page, newest_ms, length(events) / 16 FROM window"
    " WHERE stream = (SELECT id FROM stream WHERE key = ?) AND page >= ? ORDER BY page";

constexpr const char* read_rows_sql =
    "SELECT page, newest_ms, events FROM window"
    " WHERE stream = (SELECT id FROM stream WHERE key = ?) AND page >= ? ORDER BY page DESC";

constexpr const char* read_in_flight_sql =
    "SELECT page, events FROM in_flight WHERE stream = (SELECT id FROM stream WHERE key = ?) ORDER BY page";

constexpr const char* sum_set_aside_sql = R"(
  SELECT coalesce(sum(length(bytes) + length(CAST(reason AS BLOB)) + length(CAST(answer AS BLOB))), 0)
  FROM set_aside)";

}  // namespace

std::optional<SetAsideTotal> total_set_aside(Database& database) {
  const auto bytes = database.number(sum_set_aside_sql);
  const auto items = database.number("SELECT count(*) FROM set_aside");
  const auto events = database.number("SELECT coalesce(sum(events), 0) FROM set_aside");
  if (!bytes || !items || !events) return std::nullopt;
  return SetAsideTotal{.events = count_of(*events),
                       .bytes = count_of(*bytes) + count_of(*items) * limits::set_aside_item_bytes};
}

StreamTables::StreamTables(Database& database)
    : write_place_(database, write_place_sql().c_str()),
      overtake_(database, overtake_sql),
      drop_rows_(database, "DELETE FROM window WHERE stream = ? AND page < ?"),
      add_row_(database,
               "INSERT OR REPLACE INTO window(stream, page, newest_ms, events) VALUES (?, ?, ?, ?)"),
      add_set_aside_(database,
                     "INSERT INTO set_aside(stream, at_ms, reason, answer, events, bytes)"
                     " VALUES (?, ?, ?, ?, ?, ?)"),
      find_place_(database, find_place_sql().c_str()),
      list_rows_(database, list_rows_sql),
      read_rows_(database, read_rows_sql),
      add_in_flight_(database,
                     "INSERT INTO in_flight(stream, page, events) SELECT id, ?, ? FROM stream WHERE key = ?"),
      read_in_flight_(database, read_in_flight_sql),
      drop_in_flight_(database, "DELETE FROM in_flight WHERE stream = ? AND page < ?") {}

std::optional<std::int64_t> StreamTables::write(const std::string& key, const Save& save) {
  std::optional<std::int64_t> stream;
  {
    Query query(write_place_);
    query.bind(save.overtaken ? was_overtaken : ended_clean).bind_text(key);
    bind_place(query, save.place);
    if (!query.row()) return std::nullopt;
    stream = query.number();
    if (!query.finish()) return std::nullopt;
  }
  if (!save.overtaken && !overtake_others(key)) return std::nullopt;
  if (save.in_flight_from > 0 &&
      !Query(drop_in_flight_).bind(*stream).bind(to_sql(save.in_flight_from)).finish()) {
    return std::nullopt;
  }
  return write_rows(*stream, save) && write_set_aside(*stream, save) ? stream : std::nullopt;
}

bool StreamTables::overtake_others(const std::string& key) {
  const std::string org(org_of_stream_key(key));
  const std::string from = org + "?";
  const std::string to = org + "@";  // The next character.
  return Query(overtake_).bind_text(key).bind_text(org).bind_text(from).bind_text(to).finish();
}

bool StreamTables::write_rows(std::int64_t stream, const Save& save) {
  if (!Query(drop_rows_).bind(stream).bind(to_sql(save.rows_from)).finish()) return false;
  return std::ranges::all_of(save.rows, [&](const WindowRow& row) {
    const std::string packed = pack(row.events);
    Query query(add_row_);
    query.bind(stream).bind(to_sql(row.page)).bind(to_sql(row.newest)).bind_blob(packed);
    return query.finish();
  });
}

bool StreamTables::write_set_aside(std::int64_t stream, const Save& save) {
  const std::int64_t at = to_sql(wall_now());
  return std::ranges::all_of(save.set_aside, [&](const SetAside& item) {
    Query query(add_set_aside_);
    query.bind(stream).bind(at).bind_text(item.reason).bind_text(item.answer);
    query.bind(std::int64_t{item.events}).bind_blob(item.bytes);
    return query.finish();
  });
}

bool StreamTables::note(const std::string& key, std::uint64_t page, const std::vector<EventHash>& events) {
  const std::string packed = pack(events);
  Query query(add_in_flight_);
  query.bind(to_sql(page)).bind_blob(packed).bind_text(key);
  return query.finish();
}

bool StreamTables::read(const std::string& key, std::optional<StreamRow>& row) {
  Query query(find_place_);
  query.bind_text(key);
  if (query.row()) {
    row.emplace().unclean = query.number();
    row->place = read_place(query);
  }
  return !query.failed();
}

bool StreamTables::list_rows(const std::string& key, std::uint64_t from,
                             std::map<std::uint64_t, RowInfo>& by_page) {
  Query query(list_rows_);
  query.bind_text(key).bind(to_sql(from));
  while (query.row()) {
    const std::uint64_t page = count_of(query.number());
    const std::optional<WallTime> newest = time_of(query.maybe_number());
    const std::uint32_t events = small_count_of(query.number());
    by_page.try_emplace(page, RowInfo{.page = page, .newest = newest, .events = events});
  }
  return !query.failed();
}

bool StreamTables::read_rows(const std::string& key, std::uint64_t from, std::size_t events_max,
                             std::map<std::uint64_t, WindowRow, std::greater<>>& by_page) {
  Query query(read_rows_);
  query.bind_text(key).bind(to_sql(from));
  for (std::size_t events = 0; events < events_max && query.row();) {
    const std::uint64_t page = count_of(query.number());
    const std::optional<WallTime> newest = time_of(query.maybe_number());
    WindowRow row{.page = page, .newest = newest, .events = unpack(query.bytes())};
    events += row.events.size();
    by_page.try_emplace(page, std::move(row));
  }
  return !query.failed();
}

bool StreamTables::read_notes(const std::string& key, std::optional<std::vector<EventHash>>& in_flight) {
  std::vector<EventHash> noted;
  bool all = true;
  Query query(read_in_flight_);
  query.bind_text(key);
  while (query.row()) {
    all = query.number() >= 0 && all;
    const std::vector<EventHash> events = unpack(query.bytes());
    noted.insert(noted.end(), events.begin(), events.end());
  }
  if (all) in_flight = std::move(noted);
  return !query.failed();
}

}  // namespace logzio_okta
