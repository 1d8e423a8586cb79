// The statements on a shared state's tables (schema.hpp), and what their answers mean.
//
// Every save is one statement, fenced: it writes only while its org's lease is still held by us in this
// epoch, and locks the lease's row until it is committed, so that a replica that takes the org over reads
// what it wrote. A save that was committed already, and is sent again because the answer was lost, writes
// nothing and counts as written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/place.hpp"

#include "shell/postgres/rows.hpp"
#include "shell/state/spool_summary.hpp"

namespace logzio_okta {

/// The lease that a save needs.
struct Fence {
  std::string owner;  ///< The uuid of our instance.
  std::int64_t epoch = 0;
};

/// Goes before what is committed: a server that acknowledges before its disk has it breaks every promise.
[[nodiscard]] PgStatement commit_for_good();
/// `number` grows with every save of this instance. What is set aside is packed already.
[[nodiscard]] PgStatement write_save(const std::string& key, const Fence& fence, std::uint64_t number,
                                     const Save& save, WallTime at);
/// Whether we no longer hold the lease; then nothing was written.
[[nodiscard]] bool is_fenced_off(const PgRows& answer);
/// The replica that holds it; empty if none does.
[[nodiscard]] std::string holder_of(const PgRows& answer);

/// Three statements: the stream's row, its window's list, its newest rows.
void read_stream(std::vector<PgStatement>& statements, const std::string& key);
[[nodiscard]] Opened opened_of(StreamId stream, const std::vector<PgRows>& answers);

[[nodiscard]] PgStatement read_window_rows(const std::string& key, std::size_t events_max);
[[nodiscard]] std::vector<WindowRow> window_rows_of(const PgRows& answer);

/// Lets deliveries to the same stream from several replicas wait for each other, so that their rows are
/// committed in the order of their numbers.
[[nodiscard]] PgStatement lock_spool(const std::string& key);
/// Mostly one statement; each is answered by a row for spooled_of.
[[nodiscard]] std::vector<PgStatement> write_spool(const std::string& key, const SpoolEvents& spool);
struct SpoolWritten {
  Spooled answer;
  std::vector<std::int64_t> rows{};  ///< The numbers of the rows.
};
[[nodiscard]] SpoolWritten spooled_of(const SpoolEvents& spool, std::span<const PgRows> answers);
[[nodiscard]] PgStatement forget_seen(std::size_t came, WallTime at);
[[nodiscard]] PgStatement read_spool_rows(const std::string& key, const ReadSpool& request);
[[nodiscard]] std::vector<SpoolRow> spool_rows_of(const PgRows& answer);
/// The streams that have something in the spool.
[[nodiscard]] PgStatement list_spool();
/// Each stream with the last number given.
[[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> spool_list_of(const PgRows& answer);
/// What waits in a stream after this row, except the rows in `but`.
[[nodiscard]] PgStatement sum_spool(const std::string& key, std::uint64_t after,
                                    const std::vector<std::int64_t>& but);
[[nodiscard]] std::vector<SpoolSummary> spool_sums_of(const PgRows& answer);

[[nodiscard]] PgStatement sum_set_aside();
/// Bytes as charged.
[[nodiscard]] std::uint64_t set_aside_bytes_of(const PgRows& answer);
/// What waits in the whole spool, from the same answer.
[[nodiscard]] std::uint64_t spooled_bytes_of(const PgRows& answer);

/// Whether a failover of the database can lose what it has acknowledged.
[[nodiscard]] PgStatement find_replication();
[[nodiscard]] bool loses_commits(const PgRows& answer);

}  // namespace logzio_okta
