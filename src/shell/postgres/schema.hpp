// PostgresSchema: the tables of a shared state, in a schema `logzio_okta` of their own.
//
// Format (version 1; times are milliseconds since 1970 UTC except where the database itself judges them;
// bytes are those of the state file, see state/schema.hpp)
//     meta          one row: version, timeline (of the write-ahead log; another one after a failover),
//                   failed_over: when that last changed
//     instance      one row per running replica: id (random at each start), name, seen, lease (it lives until
//                   seen + lease by the database's clock), wanted: the orgs it would follow
//     org           one row an org, the lease: owner (an instance), epoch (counts owners), clean (false while
//                   it is owned and after an owner that did not give it back)
//     stream        one row a stream: key, its org, epoch and number of the last save, unclean, the fields of
//                   Place
//     window_row    one row a settled page
//     set_aside     what was not delivered
//     spool         what event hooks brought and is not settled: numbered for each stream in the order of
//                   commits
//     spool_stream  the last number given
//     spool_seen    what was spooled within a day
// For example: select domain, name, epoch, seen from logzio_okta.org left join logzio_okta.instance on owner
// = id; A table, an index or a column with a default may be added under the same version: earlier replicas
// ignore it, and a rolling update has both.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shell/postgres/rows.hpp"

namespace logzio_okta {

inline constexpr std::int64_t postgres_schema_version = 1;

/// Answers whether the tables are there.
[[nodiscard]] std::vector<PgStatement> find_schema();
/// Makes what is missing. Two replicas that start at once wait for each other.
[[nodiscard]] std::vector<PgStatement> make_schema();

}  // namespace logzio_okta
