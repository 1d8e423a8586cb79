#include "shell/state/schema.hpp"

#include "shell/state/place_columns.hpp"

namespace logzio_okta {
namespace {

constexpr const char* before_place_sql = R"(
  PRAGMA application_id = 0x4C7A4F6B;
  PRAGMA user_version = 1;
  CREATE TABLE run(
    one INTEGER PRIMARY KEY CHECK(one = 1),
    clean INTEGER NOT NULL,
    started_ms INTEGER NOT NULL
  ) STRICT;
  INSERT INTO run VALUES (1, 1, 0);
  CREATE TABLE stream(
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    unclean INTEGER NOT NULL,
    )";

constexpr const char* after_place_sql = R"(
  ) STRICT;
  CREATE TABLE window(
    stream INTEGER NOT NULL,
    page INTEGER NOT NULL,
    newest_ms INTEGER,
    events BLOB NOT NULL CHECK(length(events) % 16 = 0),
    PRIMARY KEY(stream, page)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE set_aside(
    id INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    answer TEXT NOT NULL,
    events INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
)";

constexpr const char* create_spool_sql = R"(
  CREATE TABLE spool(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_time TEXT NOT NULL,
    marked INTEGER NOT NULL,
    count INTEGER NOT NULL,
    events BLOB NOT NULL
  ) STRICT;
  CREATE INDEX spool_by_stream ON spool(stream, id);
  CREATE TABLE spool_seen(
    id INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    uuid INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX spool_seen_by_event ON spool_seen(stream, uuid);
  PRAGMA user_version = 2;
)";

constexpr const char* create_in_flight_sql = R"(
  CREATE TABLE IF NOT EXISTS in_flight(
    stream INTEGER NOT NULL,
    page INTEGER NOT NULL,
    events BLOB NOT NULL CHECK(length(events) % 16 = 0)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS in_flight_by_page ON in_flight(stream, page);
  CREATE TABLE IF NOT EXISTS in_flight_run(
    one INTEGER PRIMARY KEY CHECK(one = 1),
    boot TEXT NOT NULL,
    started_ms INTEGER NOT NULL
  ) STRICT;
)";

}  // namespace

bool create_schema(Database& database) {
  const std::string tables = before_place_sql + place_declarations() + after_place_sql;
  return database.run(tables.c_str()) && database.run(create_spool_sql);
}

bool upgrade_schema(Database& database) {
  const auto version = database.number("PRAGMA user_version");
  if (!version) return false;
  const bool has_spool = *version == schema_version;
  return (has_spool ||
          (database.run("BEGIN IMMEDIATE") && database.run(create_spool_sql) && database.run("COMMIT"))) &&
         database.run(create_in_flight_sql);
}

}  // namespace logzio_okta
