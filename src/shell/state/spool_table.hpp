// SpoolTable: deliveries of Okta's event hooks in the state file, until a listener has taken them, and the
// events of the last day, so that a redelivery is recognised.
//
// Created once the file is open, and replaced by a new one before it is closed. Every function is a step of
// the caller's transaction: false means that it failed and the database has the reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"

#include "shell/state/spool_summary.hpp"
#include "shell/state/sqlite.hpp"

namespace logzio_okta {

/// One for each stream with rows left.
[[nodiscard]] bool sum_spool(Database& database, std::vector<SpoolSummary>& sums);
/// After an unclean end, marks the rows that may have been in flight: those of each stream that may have been
/// handed on and not settled.
[[nodiscard]] bool doubt_spool_in_flight(Database& database);
[[nodiscard]] bool doubt_whole_spool(Database& database);

class SpoolTable {
 public:
  SpoolTable() = default;
  explicit SpoolTable(Database& database);

  /// Writes the events that are not repeats as a row, or two if some are known with other bytes. Counts them
  /// in `result`. The stream must have been saved before.
  [[nodiscard]] bool write(const std::string& key, const SpoolEvents& spool, Spooled& result);
  /// Deletes events seen a day before `at`: a few of the oldest each time, twice as many as `came`, so that
  /// no commit has to delete a whole day's events.
  [[nodiscard]] bool forget_seen(std::size_t came, WallTime at);
  /// Applies the save to the spool of the stream in this row.
  [[nodiscard]] bool settle(std::int64_t stream, const Save& save);
  [[nodiscard]] bool read(const std::string& key, const ReadSpool& request, SpoolRead& reply);

 private:
  /// Whether an event came within the last day.
  struct Seen {
    bool known = false;
    bool same = false;  ///< Byte for byte.
  };
  bool look_up(std::int64_t stream, const EventHash& event, Seen& seen);
  bool remember(std::int64_t stream, WallTime at, const EventHash& event, bool known);
  bool add_row(std::int64_t stream, const SpoolEvents& spool, bool changed, const std::string& events,
               std::size_t count, Spooled& result);

  Statement find_stream_;
  Statement find_seen_;
  Statement add_seen_;
  Statement change_seen_;
  Statement forget_seen_;
  Statement add_;
  Statement read_;
  Statement drop_;
  Statement doubt_;
};

}  // namespace logzio_okta
