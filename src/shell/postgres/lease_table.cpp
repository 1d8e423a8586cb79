#include "shell/postgres/lease_table.hpp"

#include <chrono>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

constexpr const char* beat_sql = R"(
insert into logzio_okta.instance as i (id, name, seen, lease, wanted)
values ($1::uuid, $2::text, clock_timestamp(), $3::bigint * interval '1 millisecond', $4::text[])
on conflict (id) do update set seen = clock_timestamp(), wanted = excluded.wanted)";

constexpr const char* judge_timeline_sql = R"(
with now as materialized (select left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline),
noted as materialized (select timeline from logzio_okta.meta),
changed as (
  update logzio_okta.meta m set timeline = now.timeline,
    failed_over = case when m.timeline <> '' then clock_timestamp() end
  from now where m.timeline <> now.timeline returning 1),
failed_over as materialized (select 1 from changed, noted where noted.timeline <> ''),
doubted as (update logzio_okta.stream set unclean = 2 where exists (select 1 from failed_over)),
marked as (update logzio_okta.spool set marked = true where not marked and exists (select 1 from failed_over))
select now.timeline, exists (select 1 from failed_over) from now)";

// For the length of a lease after a failover, only what was given back since then is free: the heartbeats of
// an owner that still acts may be among what was lost.
constexpr const char* take_sql = R"(
with free as materialized (
  select o.domain, o.clean from logzio_okta.org o
  where o.domain = any($2::text[]) and (o.owner is null or not exists (
    select 1 from logzio_okta.instance i where i.id = o.owner and i.seen + i.lease > clock_timestamp()))
  and not exists (
    select 1 from logzio_okta.meta m, logzio_okta.instance me
    where me.id = $1::uuid and m.failed_over + me.lease > clock_timestamp()
    and (o.owner is not null or o.since is null or o.since <= m.failed_over))
  order by o.domain for update of o skip locked),
taken as (
  update logzio_okta.org o set owner = $1::uuid, epoch = o.epoch + 1, clean = false, since = clock_timestamp()
  from free where o.domain = free.domain returning o.domain, o.epoch),
doubted as (
  update logzio_okta.stream s set unclean = greatest(s.unclean, 1) from free
  where not free.clean and s.domain = free.domain),
in_flight as materialized (
  select p.key, p.id, row_number() over (partition by p.key order by p.id) as place
  from logzio_okta.spool p join free on not free.clean and p.key = free.domain),
marked as (
  update logzio_okta.spool p set marked = true from in_flight i
  where p.key = i.key and p.id = i.id and i.place <= 2000 and not p.marked)
select domain, epoch from taken)";
static_assert(limits::spool_rows_unsettled_max == 2000);

}  // namespace

PgStatement beat(const std::string& id, const std::string& name, Duration lease,
                 const std::set<std::string>& wanted) {
  return PgStatement(beat_sql)
      .text(id)
      .text(name)
      .number(std::int64_t{std::chrono::duration_cast<std::chrono::milliseconds>(lease).count()})
      .texts({wanted.begin(), wanted.end()});
}

PgStatement judge_timeline() {
  return PgStatement(judge_timeline_sql);
}

std::string timeline_of(const PgRows& answer) {
  return answer.text(0, 0);
}

bool has_noticed_failover(const PgRows& answer) {
  return answer.flag(0, 1);
}

PgStatement hear_calls() {
  return PgStatement("listen logzio_okta");
}

PgStatement call_owner(const std::string& domain) {
  return PgStatement("select pg_notify('logzio_okta', $1::text)").text(domain);
}

PgStatement call_to_retry_keys() {
  return PgStatement("select pg_notify('logzio_okta', $1::text)").text(retry_keys);
}

void read_fleet(std::vector<PgStatement>& statements) {
  statements.emplace_back(
      "select id::text, name, seen + lease > clock_timestamp(), array_to_string(wanted, E'\\n'), "
      "(extract(epoch from seen + lease - clock_timestamp()) * 1000)::bigint from logzio_okta.instance order "
      "by started, id");
  statements.emplace_back(
      "select domain, coalesce(owner::text, ''), epoch, clean from logzio_okta.org order by domain");
}

Fleet fleet_of(const PgRows& instances, const PgRows& leases) {
  Fleet fleet;
  for (int i = 0; i < instances.count(); ++i) {
    Fleet::Instance& instance = fleet.instances.emplace_back();
    instance.id = instances.text(i, 0);
    instance.name = instances.text(i, 1);
    instance.alive = instances.flag(i, 2);
    instance.lease_left = std::chrono::milliseconds(instances.number(i, 4));
    std::string_view wanted = instances.bytes(i, 3);
    while (!wanted.empty()) {
      const std::string_view domain = wanted.substr(0, wanted.find('\n'));
      instance.wanted.emplace(domain);
      wanted.remove_prefix(std::min(domain.size() + 1, wanted.size()));
    }
  }
  for (int i = 0; i < leases.count(); ++i) {
    fleet.leases.push_back({.domain = leases.text(i, 0),
                            .owner = leases.text(i, 1),
                            .epoch = leases.number(i, 2),
                            .clean = leases.flag(i, 3)});
  }
  return fleet;
}

void take_orgs(std::vector<PgStatement>& statements, const std::string& id,
               const std::vector<std::string>& domains) {
  statements.push_back(
      PgStatement("insert into logzio_okta.org (domain) select unnest($1::text[]) on conflict do nothing")
          .texts(domains));
  statements.push_back(PgStatement(take_sql).text(id).texts(domains));
}

PgStatement give_back(const std::string& id, const std::string& domain, std::int64_t epoch) {
  return PgStatement(
             "update logzio_okta.org set owner = null, clean = true, since = clock_timestamp() "
             "where domain = $2::text and owner = $1::uuid and epoch = $3::bigint")
      .text(id)
      .text(domain)
      .number(epoch);
}

void leave(std::vector<PgStatement>& statements, const std::string& id, bool clean) {
  statements.push_back(
      PgStatement("update logzio_okta.org set owner = null, clean = $2::boolean, since = clock_timestamp() "
                  "where owner = $1::uuid")
          .text(id)
          .flag(clean));
  statements.push_back(PgStatement("delete from logzio_okta.instance where id = $1::uuid").text(id));
}

PgStatement forget_the_dead() {
  return PgStatement(
      "delete from logzio_okta.instance i where seen + lease < clock_timestamp() - interval '1 day' "
      "and not exists (select 1 from logzio_okta.org o where o.owner = i.id)");
}

}  // namespace logzio_okta
