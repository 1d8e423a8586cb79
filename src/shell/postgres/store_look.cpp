#include "shell/postgres/store_look.hpp"

#include <utility>

#include "logzio_okta/base/text.hpp"

#include "shell/os/clock.hpp"
#include "shell/postgres/lease_table.hpp"
#include "shell/postgres/session.hpp"
#include "shell/postgres/tables.hpp"
#include "shell/state/columns.hpp"

namespace logzio_okta {
namespace {

constexpr const char* facts_sql = R"(
select current_setting('server_version'), pg_is_in_recovery(), current_setting('fsync'),
  current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),
  (select count(*) from pg_stat_replication),
  current_user::text, current_database()::text, to_regnamespace('logzio_okta') is not null,
  case when to_regnamespace('logzio_okta') is null then has_database_privilege(current_database(), 'create')
    else has_schema_privilege('logzio_okta', 'create') end)";

std::string replication_of(const PgRows& facts) {
  const std::string names = facts.text(0, 4);
  if (!names.empty()) return "synchronous replication to " + printable(names);
  const std::int64_t standbys = facts.number(0, 5);
  return standbys > 0 ? "replication to " + counted(count_of(standbys), "standby") + " without waiting for it"
                      : "no standby that shows here";
}

void judge(const PgRows& facts, StoreLook& look) {
  look.server = "PostgreSQL " + printable(facts.text(0, 0)) + ", " +
                (look.server.empty() ? "without TLS" : look.server) + ", " + replication_of(facts);
  if (facts.flag(0, 1)) look.problem = look.place + " is a read-only standby; name the writable server";
  if (facts.text(0, 2) != "on") {
    look.warnings.push_back(
        look.place +
        ": fsync is off, so a crash of the server's machine loses or damages cursors; turn it on");
  }
  if (facts.text(0, 4).empty() && facts.number(0, 5) > 0) {
    look.warnings.push_back(
        look.place +
        " replicates without waiting for its standby: a failover may lose what was committed last, and with "
        "it events from hooks of orgs that are not polled (no others); set synchronous_standby_names");
  }
}

/// Why the first replica to start could not make its tables.
std::string lacking_rights(const PgRows& facts) {
  const std::string user = printable(facts.text(0, 6));
  if (facts.flag(0, 8)) {
    return "the user " + user +
           " may not create tables in the schema logzio_okta; as an administrator, run: grant create on "
           "schema logzio_okta to " +
           user;
  }
  return "the user " + user +
         " may not create a schema; as an administrator, run: grant create on database " +
         printable(facts.text(0, 7)) + " to " + user + ", or create schema logzio_okta authorization " + user;
}

}  // namespace

StoreLook look_at_store(const StoreAccess& access) {
  StoreLook look;
  look.place = place_of(access);
  const auto fail_with = [&](Error error) {
    look.problem = std::move(error.text);
    return look;
  };
  auto session = PgSession::open(access);
  if (!session) return fail_with(std::move(session.error()));
  look.server = session->tls();
  const auto facts = session->run(PgStatement(facts_sql));
  if (!facts) return fail_with(facts.error());
  judge(*facts, look);
  const Instant begun = steady_now();
  if (auto answer = session->run(PgStatement("select 1")); !answer) return fail_with(answer.error());
  look.round_trip = steady_now() - begun;
  const auto there = session->has_state();
  if (!there) return fail_with(there.error());
  look.has_state = *there;
  if (!*there) {
    if (!facts->flag(0, 9) && !look.problem) look.problem = look.place + ": " + lacking_rights(*facts);
    return look;
  }
  std::vector<PgStatement> statements;
  read_fleet(statements);
  auto instances = session->run(statements.at(0));
  auto leases = session->run(statements.at(1));
  auto set_aside = session->run(sum_set_aside());
  if (!instances) return fail_with(instances.error());
  if (!leases) return fail_with(leases.error());
  if (!set_aside) return fail_with(set_aside.error());
  look.fleet = fleet_of(*instances, *leases);
  look.set_aside =
      SetAsideTotal{.events = count_of(set_aside->number(0, 2)), .bytes = set_aside_bytes_of(*set_aside)};
  return look;
}

Result<void> nudge_replicas(const StoreAccess& access) {
  auto session = PgSession::open(access);
  if (!session) return std::unexpected(std::move(session.error()));
  if (auto told = session->run(call_to_retry_keys()); !told) return std::unexpected(std::move(told.error()));
  return {};
}

std::vector<std::string> describe_fleet(const Fleet& fleet) {
  std::vector<std::string> lines;
  const auto orgs_of = [&](const std::string& owner) {
    std::string orgs;
    for (const Fleet::Lease& lease : fleet.leases) {
      const Fleet::Instance* holder = fleet.holder_of(lease);
      if ((holder == nullptr ? "" : holder->id) != owner) continue;
      orgs.append(orgs.empty() ? "" : ", ").append(name_of_org(lease.domain));
    }
    return orgs;
  };
  for (const Fleet::Instance& each : fleet.instances) {
    if (!each.alive) continue;
    const std::string orgs = orgs_of(each.id);
    lines.push_back(printable(each.name) + (orgs.empty() ? " stands by" : " follows " + orgs));
  }
  if (const std::string orgs = orgs_of(""); !orgs.empty()) lines.push_back("no replica follows " + orgs);
  return lines;
}

}  // namespace logzio_okta
