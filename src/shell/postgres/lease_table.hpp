// The statements on leases: who is alive, who holds which org, and how one is taken and given back.
//
// All of it is judged by the database's clock, so that no replica's own clock can be wrong about it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/time.hpp"

#include "shell/postgres/fleet.hpp"
#include "shell/postgres/rows.hpp"

namespace logzio_okta {

/// Keeps the instance alive for a lease from now on, and says what it would follow.
[[nodiscard]] PgStatement beat(const std::string& id, const std::string& name, Duration lease,
                               const std::set<std::string>& wanted);
/// Compares the write-ahead log's timeline with the one noted: another one means that a standby took over,
/// which may not have all that was committed. Then every stream and all of the spool are in doubt.
[[nodiscard]] PgStatement judge_timeline();
/// From its answer: the timeline, and whether this very statement noticed another one.
[[nodiscard]] std::string timeline_of(const PgRows& answer);
[[nodiscard]] bool has_noticed_failover(const PgRows& answer);

// Calls from replica to replica, delivered once their transaction is committed (LISTEN, NOTIFY). They only
// hasten things: behind a pooler that gives each transaction another session, no replica hears them, and that
// is not an error.

/// After it, this session hears calls.
[[nodiscard]] PgStatement hear_calls();
/// Something waits in the spool for whoever holds this org; the call is the org.
[[nodiscard]] PgStatement call_owner(const std::string& domain);
/// Keys that Okta has refused should be tried again; the call is this, which is no org's name.
inline constexpr std::string_view retry_keys = "retry keys";
[[nodiscard]] PgStatement call_to_retry_keys();

/// Reads the instances, then the leases.
void read_fleet(std::vector<PgStatement>& statements);
[[nodiscard]] Fleet fleet_of(const PgRows& instances, const PgRows& leases);

/// Takes those of these orgs that no replica holds or whose owner has died. If an org was not left cleanly,
/// its streams are in doubt, and so is what may have been in flight from its spool. Two statements; the
/// second returns domain and epoch.
void take_orgs(std::vector<PgStatement>& statements, const std::string& id,
               const std::vector<std::string>& domains);
[[nodiscard]] PgStatement give_back(const std::string& id, const std::string& domain, std::int64_t epoch);
/// Gives back all orgs, at the end.
void leave(std::vector<PgStatement>& statements, const std::string& id, bool clean);
/// Deletes instances that are long gone.
[[nodiscard]] PgStatement forget_the_dead();

}  // namespace logzio_okta
