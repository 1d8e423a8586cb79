#include "shell/postgres/state_copy.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "shell/postgres/schema.hpp"
#include "shell/state/columns.hpp"
#include "shell/state/place_columns.hpp"

namespace logzio_okta {
namespace {

/// One table in both stores: what is read here is written there, column by column.
struct Table {
  enum class Kind : std::uint8_t {
    number,
    text,     ///< Ours: a stream's key.
    foreign,  ///< Text in the file, bytes in the store.
    blob,
    flag,  ///< A number in the file.
  };
  std::string name;
  std::string from_file;  ///< Its rows in the state file.
  std::string into_file;  ///< An insert of one.
  std::string from_store;
  std::string into_store;
  std::vector<Kind> kinds;
};
using Kind = Table::Kind;

Kind kind_of(const PlaceColumn& column) {
  return column.type == PlaceColumn::Type::bytes ? Kind::foreign : Kind::number;
}

const char* store_type(Kind kind) {
  switch (kind) {
    case Kind::number:
      return "::bigint";
    case Kind::text:
      return "::text";
    case Kind::foreign:
    case Kind::blob:
      return "::bytea";
    case Kind::flag:
      return "::bigint::int::boolean";
  }
  return "";
}

/// "$4::bigint, $5::bytea, ..."
std::string store_parameters(std::size_t first, const std::vector<Kind>& kinds) {
  std::string list;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    list.append(list.empty() ? "$" : ", $").append(std::to_string(first + i)).append(store_type(kinds[i]));
  }
  return list;
}

std::string file_parameters(std::size_t count) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) list.append(list.empty() ? "?" : ", ?");
  return list;
}

Table streams() {
  Table table{.name = "stream", .kinds = {Kind::text, Kind::number}};
  for (const PlaceColumn& column : place_columns()) table.kinds.push_back(kind_of(column));
  const std::string columns = "key, unclean, " + place_names();
  table.from_file = "SELECT " + columns + " FROM stream ORDER BY key";
  table.into_file =
      "INSERT INTO stream(" + columns + ") VALUES (" + file_parameters(table.kinds.size()) + ")";
  // An org that was not given back left what was on its way.
  table.from_store =
      "select key, case when unclean = 0 and exists (select 1 from logzio_okta.org o "
      "where o.domain = s.domain and not o.clean) then 1 else unclean end, " +
      place_names() + " from logzio_okta.stream s order by key";
  table.into_store = "insert into logzio_okta.stream (" + columns + ", domain, epoch, number) values (" +
                     store_parameters(1, table.kinds) + ", split_part($1::text, '?', 1), 0, 0)";
  return table;
}

/// A table of rows that belong to a stream: `columns` have the same names in both.
Table of_streams(const std::string& name, const std::string& in_file, const std::string& columns,
                 std::vector<Kind> kinds, const std::string& order) {
  kinds.insert(kinds.begin(), Kind::text);
  Table table{.name = name, .kinds = std::move(kinds)};
  table.from_file = "SELECT key, " + columns + " FROM " + in_file +
                    " JOIN (SELECT id AS number, key FROM stream) ON number = " + in_file +
                    ".stream ORDER BY " + in_file + "." + order;
  table.into_file = "INSERT INTO " + in_file + "(stream, " + columns +
                    ") VALUES ((SELECT id FROM stream WHERE key = ?), " +
                    file_parameters(table.kinds.size() - 1) + ")";
  table.from_store = "select key, " + columns + " from logzio_okta." + name + " order by key, " + order;
  table.into_store = "insert into logzio_okta." + name + " (key, " + columns + ") values (" +
                     store_parameters(1, table.kinds) + ")";
  return table;
}

/// No row after this number is settled in any stream.
constexpr const char* last_number_sql =
    "(select coalesce(max(n), 0) from (select max(last) as n from logzio_okta.spool_stream union all "
    "select max(pages) from logzio_okta.stream where key like 'hooks %') as numbers)";

std::vector<Table> tables() {
  using enum Table::Kind;
  std::vector<Table> all = {streams()};
  all.push_back(
      of_streams("window_row", "window", "page, newest_ms, events", {number, number, blob}, "page"));
  all.push_back(of_streams("set_aside", "set_aside", "at_ms, reason, answer, events, bytes",
                           {number, foreign, foreign, number, blob}, "id"));
  Table spool = of_streams("spool", "spool", "id, at_ms, source, event_id, event_time, marked, count, events",
                           {number, number, foreign, foreign, foreign, flag, number, blob}, "id");
  // In the file, one counter numbers the rows of all streams.
  spool.from_store = "select key, " + std::string(last_number_sql) +
                     " + row_number() over (order by at_ms, key, id), at_ms, source, event_id, event_time, "
                     "marked, count, events "
                     "from logzio_okta.spool order by 2";
  all.push_back(std::move(spool));
  Table seen = of_streams("spool_seen", "spool_seen", "at_ms, uuid, hash", {number, number, number}, "at_ms");
  seen.from_file =
      "SELECT key, at_ms, uuid, bytes FROM spool_seen JOIN stream ON stream.id = spool_seen.stream"
      " ORDER BY spool_seen.id";
  seen.into_file =
      "INSERT INTO spool_seen(stream, at_ms, uuid, bytes)"
      " VALUES ((SELECT id FROM stream WHERE key = ?), ?, ?, ?)";
  all.push_back(std::move(seen));
  return all;
}

std::uint64_t& counter_of(Copied& copied, std::string_view table) {
  static std::uint64_t others = 0;
  if (table == "stream") return copied.streams;
  if (table == "set_aside") return copied.set_aside;
  return table == "spool" ? copied.spooled : others;
}

constexpr const char* anything_sql = R"(
select exists (select 1 from logzio_okta.stream) or exists (select 1 from logzio_okta.set_aside)
  or exists (select 1 from logzio_okta.spool))";

constexpr std::array after_sql{
    "insert into logzio_okta.org (domain) select distinct domain from logzio_okta.stream on conflict do "
    "nothing",
    "insert into logzio_okta.spool_stream (key, last) select key, max(id) from logzio_okta.spool group by key"
    " on conflict (key) do update set last = greatest(logzio_okta.spool_stream.last, excluded.last)",
    // A stream whose rows are all settled goes on counting from there.
    "insert into logzio_okta.spool_stream (key, last) select key, pages from logzio_okta.stream"
    " where key like 'hooks %' on conflict (key) do update"
    " set last = greatest(logzio_okta.spool_stream.last, excluded.last)",
};

Result<void> run(PgSession& session, const char* sql) {
  if (auto done = session.run(PgStatement(sql)); !done) return std::unexpected(std::move(done.error()));
  return {};
}

Result<void> into_store(Database& from, const std::string& dir, PgSession& to, Copied& copied) {
  for (const Table& table : tables()) {
    Statement read(from, table.from_file.c_str());
    if (!read.ready()) return fail("cannot read the state in " + dir + ": " + from.failure().explain(dir));
    Query query(read);
    while (query.row()) {
      PgStatement write(table.into_store);
      for (const Kind kind : table.kinds) {
        if (kind == Kind::number || kind == Kind::flag) {
          write.number(query.maybe_number());
        } else if (kind == Kind::text) {
          write.text(query.bytes());
        } else {
          write.bytes(query.bytes());
        }
      }
      if (auto written = to.run(write); !written) return std::unexpected(std::move(written.error()));
      ++counter_of(copied, table.name);
    }
    if (query.failed()) return fail("cannot read the state in " + dir + ": " + from.failure().explain(dir));
  }
  for (const char* sql : after_sql) {
    if (auto done = run(to, sql); !done) return done;
  }
  return {};
}

Result<void> into_file(PgSession& from, Database& to, const std::string& dir, Copied& copied) {
  const auto cannot = [&] {
    return fail("cannot write the state in " + dir + ": " + to.failure().explain(dir));
  };
  for (const Table& table : tables()) {
    auto rows = from.run(PgStatement(table.from_store));
    if (!rows) return std::unexpected(std::move(rows.error()));
    Statement write(to, table.into_file.c_str());
    if (!write.ready()) return cannot();
    for (int i = 0; i < rows->count(); ++i) {
      Query query(write);
      int column = 0;
      for (const Kind kind : table.kinds) {
        if (kind == Kind::number) {
          query.bind(rows->maybe_number(i, column));
        } else if (kind == Kind::flag) {
          query.bind(std::int64_t{rows->flag(i, column)});
        } else if (kind == Kind::blob) {
          query.bind_blob(rows->bytes(i, column));
        } else {
          query.bind_text(rows->bytes(i, column));
        }
        ++column;
      }
      if (!query.finish()) return cannot();
      ++counter_of(copied, table.name);
    }
  }
  auto last = from.run(PgStatement(std::string("select ") + last_number_sql));
  if (!last) return std::unexpected(std::move(last.error()));
  const std::string keep_counting =
      "DELETE FROM sqlite_sequence WHERE name = 'spool'; INSERT INTO sqlite_sequence(name, seq) "
      "SELECT 'spool', max(" +
      std::to_string(last->number(0, 0)) + ", (SELECT coalesce(max(id), 0) FROM spool))";
  return to.run(keep_counting.c_str()) ? Result<void>() : cannot();
}

Result<void> must_be_empty(PgSession& store) {
  auto anything = store.run(PgStatement(anything_sql));
  if (!anything) return std::unexpected(std::move(anything.error()));
  if (anything->flag(0, 0)) {
    return fail(store.place() +
                " has a state already, which is kept; to replace it, drop schema logzio_okta cascade first");
  }
  return {};
}

}  // namespace

Result<Copied> copy_into_store(Database& from, const std::string& dir, PgSession& to) {
  if (auto begun = run(to, "begin"); !begun) return std::unexpected(std::move(begun.error()));
  for (const PgStatement& statement : make_schema()) {
    if (auto made = to.run(statement); !made) return std::unexpected(std::move(made.error()));
  }
  // Replicas that start meanwhile wait, and find all of it.
  if (auto locked = run(to, "lock table logzio_okta.org, logzio_okta.stream"); !locked)
    return std::unexpected(std::move(locked.error()));
  if (auto empty = must_be_empty(to); !empty) return std::unexpected(std::move(empty.error()));
  Copied copied;
  if (auto done = into_store(from, dir, to, copied); !done) return std::unexpected(std::move(done.error()));
  if (auto done = run(to, "commit"); !done) return std::unexpected(std::move(done.error()));
  return copied;
}

Result<Copied> copy_from_store(PgSession& from, Database& to, const std::string& dir) {
  if (auto begun = run(from, "begin isolation level repeatable read"); !begun)
    return std::unexpected(std::move(begun.error()));
  auto alive = from.run(PgStatement(
      "select name from logzio_okta.instance where seen + lease > clock_timestamp() order by name limit 1"));
  if (!alive) return std::unexpected(std::move(alive.error()));
  if (alive->count() > 0) {
    return fail("the replica " + alive->text(0, 0) +
                " uses this state; stop all replicas first, or wait until its lease has ended");
  }
  if (to.number("SELECT count(*) FROM stream").value_or(1) != 0)
    return fail("the state in " + dir + " is not empty; name another directory");
  Copied copied;
  if (!to.run("BEGIN IMMEDIATE"))
    return fail("cannot write the state in " + dir + ": " + to.failure().explain(dir));
  if (auto done = into_file(from, to, dir, copied); !done) return std::unexpected(std::move(done.error()));
  if (!to.run("COMMIT")) return fail("cannot write the state in " + dir + ": " + to.failure().explain(dir));
  return copied;
}

}  // namespace logzio_okta
