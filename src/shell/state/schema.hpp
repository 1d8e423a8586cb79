// Schema: the tables of the state file, and from an older version's to ours.
//
// Format (application_id 0x4C7A4F6B, user_version 2; strict tables; times are milliseconds since 1970 UTC)
//     run        one row: clean (0 while a daemon runs and after an unclean end; 2: `clean-end` beside it
//                tells how the file looked then, see clean_end.hpp), started_ms
//     stream     one row a stream: key (the domain, and after a question mark its filter), unclean, then the
//                fields of Place, one column each
//     window     one row a settled page: stream, page, newest_ms, events: 16 bytes an event, the hash of its
//                uuid and the hash of its bytes, each 8 bytes little endian
//     spool      one row a hook delivery: id, stream, at_ms, then source, event_id, event_time of its
//                envelope as JSON, marked (it may have been delivered before), count, events (a JSON array of
//                Okta's bytes)
//     spool_seen what was spooled in the last day: id, stream, at_ms, the hashes of an event's uuid and bytes
//     set_aside  id, stream, at_ms, reason, answer, events, bytes (one gzip member)
//     in_flight  what was sent and is not settled: stream, page, events (as in window). Written before it is
//                sent and not waited for, so that it survives a kill -9 but perhaps no loss of power. A row
//                of page -1 says that some may be missing.
//     in_flight_run  one row: the boot of the machine and the run (its started_ms) that in_flight was written
//                in. Both tables are made when they are missing; earlier versions do not know them.
// For example
//     sqlite3 state.sqlite "select key, next, datetime(watermark_ms/1000, 'unixepoch') from stream"
//     acme.okta.com|/api/v1/logs?after=1698&limit=1000|2026-11-23 12:00:00
// `stream.unclean` is 2 while another stream of the org has gone on since: a filter was changed. It is 1 by
// the first opening after an unclean end and cleared by a stream's next save, whose place then carries the
// doubt itself: a stream that is away for some runs loses none of it.
// A table or an index may be added under the same version, since earlier versions pass over it.
#pragma once

#include <cstdint>

#include "shell/state/sqlite.hpp"

namespace logzio_okta {

constexpr std::int64_t schema_application_id = 0x4C7A4F6B;
constexpr std::int64_t schema_version = 2;
constexpr std::int64_t oldest_schema_version = 1;  ///< Without the spool of event hooks.

/// Of `stream.unclean`.
constexpr std::int64_t ended_clean = 0;
constexpr std::int64_t ended_unclean = 1;
constexpr std::int64_t was_overtaken = 2;  ///< Another stream of its org went on, or the file is an old copy.

/// In an empty file, within the caller's transaction.
[[nodiscard]] bool create_schema(Database& database);
/// From any version that find_damage() lets through; a transaction of its own.
[[nodiscard]] bool upgrade_schema(Database& database);

}  // namespace logzio_okta
