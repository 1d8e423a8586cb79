#include "shell/postgres/schema.hpp"

#include "shell/state/place_columns.hpp"

namespace logzio_okta {
namespace {

// Any number that nobody else takes.
constexpr const char* lock_sql = "select pg_advisory_xact_lock(7812734551273)";

constexpr const char* make_room_sql = R"(
do $$ begin
  if to_regnamespace('logzio_okta') is null then create schema logzio_okta; end if;
end $$)";

constexpr const char* tables_sql[] = {
    R"(create table if not exists logzio_okta.meta(
  one boolean primary key default true check(one), version bigint not null, timeline text not null,
  failed_over timestamptz))",
    R"(create table if not exists logzio_okta.instance(
  id uuid primary key, name text not null, started timestamptz not null default clock_timestamp(),
  seen timestamptz not null, lease interval not null, wanted text[] not null) with (fillfactor = 50))",
    R"(create table if not exists logzio_okta.org(
  domain text primary key, owner uuid, epoch bigint not null default 0, clean boolean not null default true,
  since timestamptz) with (fillfactor = 50))",
    R"(create table if not exists logzio_okta.window_row(
  key text not null, page bigint not null, newest_ms bigint, events bytea not null, primary key(key, page)))",
    // Hashes do not compress.
    "alter table logzio_okta.window_row alter column events set storage external",
    R"(create table if not exists logzio_okta.set_aside(
  id bigint generated always as identity primary key, key text not null, at_ms bigint not null,
  reason bytea not null, answer bytea not null, events bigint not null, bytes bytea not null))",
    "alter table logzio_okta.set_aside alter column bytes set storage external",
    R"(create table if not exists logzio_okta.spool_stream(key text primary key, last bigint not null))",
    R"(create table if not exists logzio_okta.spool(
  key text not null, id bigint not null, at_ms bigint not null, source bytea not null, event_id bytea not null,
  event_time bytea not null, marked boolean not null, count bigint not null, events bytea not null,
  primary key(key, id)))",
    R"(create table if not exists logzio_okta.spool_seen(
  key text not null, uuid bigint not null, hash bigint not null, at_ms bigint not null, primary key(key, uuid)))",
    "create index if not exists spool_seen_by_age on logzio_okta.spool_seen(at_ms)",
};

std::string stream_table_sql() {
  std::string sql = R"(create table if not exists logzio_okta.stream(
  key text primary key, domain text not null, epoch bigint not null, number bigint not null,
  unclean bigint not null)";
  for (const PlaceColumn& column : place_columns()) {
    sql.append(", ").append(column.name);
    sql.append(column.type == PlaceColumn::Type::bytes          ? " bytea not null"
               : column.type == PlaceColumn::Type::maybe_number ? " bigint"
                                                                : " bigint not null");
  }
  return sql + ") with (fillfactor = 50)";
}

}  // namespace

std::vector<PgStatement> find_schema() {
  return {PgStatement("select to_regclass('logzio_okta.meta') is not null")};
}

std::vector<PgStatement> make_schema() {
  std::vector<PgStatement> statements;
  statements.emplace_back(lock_sql);
  statements.emplace_back(make_room_sql);
  for (const char* table : tables_sql) statements.emplace_back(table);
  statements.emplace_back(stream_table_sql());
  statements.emplace_back("create index if not exists stream_by_org on logzio_okta.stream(domain)");
  statements.push_back(
      PgStatement(
          "insert into logzio_okta.meta(version, timeline) values ($1::bigint, '') on conflict do nothing")
          .number(postgres_schema_version));
  return statements;
}

}  // namespace logzio_okta
