// Schema: the tables of the state file, and the upgrade from older versions.
//
// Format (application_id 0x4C7A4F6B, user_version 2; strict tables; times are milliseconds since 1970 UTC)
//     run        one row: clean (0 while a daemon runs and after an unclean end; 2: `clean-end` beside it
//                records the file's attributes, see clean_end.hpp), started_ms
//     stream     one row per stream: key (the domain, and after a question mark its filter), unclean, then
//                the fields of Place, one column each
//     window     one row per settled page: stream, page, newest_ms, events: 16 bytes per event, the hash of
//                its uuid and the hash of its bytes, each 8 bytes little endian
//     spool      one row per hook delivery: id, stream, at_ms, then source, event_id, event_time of its
//                envelope as JSON, marked (it may have been delivered before), count, events (a JSON array of
//                Okta's bytes)
//     spool_seen events spooled in the last day: id, stream, at_ms, the hashes of an event's uuid and bytes
//     set_aside  id, stream, at_ms, reason, answer, events, bytes (one gzip member)
//     in_flight  events sent but not settled: stream, page, events (as in window). Written before they are
//                sent, without waiting for the disk, so it survives a kill -9 but perhaps not a power
//                failure. A row with page -1 means that some may be missing.
//     in_flight_run  one row: the machine's boot and the run (its started_ms) in which in_flight was written.
//                Both tables are created if missing; earlier versions do not know them.
// For example
//     sqlite3 state.sqlite "select key, next, datetime(watermark_ms/1000, 'unixepoch') from stream"
//     acme.okta.com|/api/v1/logs?after=1698&limit=1000|2026-11-23 12:00:00
// `stream.unclean` is 2 if another stream of the org has continued since, because a filter was changed. The
// first opening after an unclean end sets it to 1, and a stream's next save clears it; the saved place then
// carries the doubt itself, so a stream that is absent for some runs does not lose it. A table or an index
// may be added under the same version, because earlier versions ignore it.
#pragma once

#include <cstdint>

#include "shell/state/sqlite.hpp"

namespace logzio_okta {

constexpr std::int64_t schema_application_id = 0x4C7A4F6B;
constexpr std::int64_t schema_version = 2;
constexpr std::int64_t oldest_schema_version = 1;  ///< Without the spool of event hooks.

/// Values of `stream.unclean`.
constexpr std::int64_t ended_clean = 0;
constexpr std::int64_t ended_unclean = 1;
constexpr std::int64_t was_overtaken = 2;  ///< Another stream of its org continued, or it is an old copy.

/// Creates the tables in an empty file, within the caller's transaction.
[[nodiscard]] bool create_schema(Database& database);
/// Upgrades any version that find_damage() accepts, in its own transaction.
[[nodiscard]] bool upgrade_schema(Database& database);

}  // namespace logzio_okta
