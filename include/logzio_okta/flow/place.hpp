// Place: where a stream is in Okta's log, and all that must survive a crash with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

/// Events that may have been in flight when the daemon stopped uncleanly: they go out marked.
struct InDoubt {
  std::uint32_t events_left = 0;  ///< Counted down by what is handed on, but for pages where something is
                                  ///< recognised; `up_to_the_tail` ends there.
  static constexpr std::uint32_t up_to_the_tail = UINT32_MAX;
  WallTime before;  ///< By Okta's clock: the restart. Nothing published after it is marked.
  friend bool operator==(const InDoubt&, const InDoubt&) = default;
};

struct Place {
  std::string next;            ///< Okta's next link as a target, byte for byte; empty before the first page.
  WallTime since;              ///< Where the stream began (or begins). Resolved once, by Okta's clock.
  WallTime first_start;        ///< By Okta's clock: when the stream began; events before it are backfill.
  std::uint64_t pages = 0;     ///< Pages settled; the number of the last row of the window.
  std::uint32_t limit = 1000;  ///< Events a page under `next`.
  bool repeated = false;       ///< The page before this place held events and its link did not move.
  std::optional<WallTime> watermark;  ///< Greatest `published` settled, never later than that answer's Date.
  std::optional<WallTime> window_from;  ///< Events published up to here may have left the window.
  /// With limit < 1000: the watermark from which 1000 is tried again.
  std::optional<WallTime> restore_limit;
  /// Asked again from before this watermark: the window filters until past it.
  std::optional<WallTime> recovering;
  /// By Okta's clock: when the tail was last seen (saved daily at least).
  std::optional<WallTime> caught_up;
  std::optional<InDoubt> in_doubt;
  std::optional<WallTime> quiet_until;  ///< By Okta's clock: the moment it named in a 429.
  std::int64_t okta_offset_ms = 0;      ///< Okta's clock minus ours, 0 when they agree.
  std::optional<WallTime> gap_from;     ///< Okta forgot events from here ...
  std::optional<WallTime> gap_until;    ///< ... to here before we could ask (90 days).
  friend bool operator==(const Place&, const Place&) = default;
};

/// The events of one settled page, as they are recognised again.
struct WindowRow {
  std::uint64_t page = 0;
  std::optional<WallTime> newest;  ///< Greatest `published` in it.
  std::vector<EventHash> events;
  friend bool operator==(const WindowRow&, const WindowRow&) = default;
};

/// A row of the window without its events: enough to know when it may go.
struct RowInfo {
  std::uint64_t page = 0;
  std::optional<WallTime> newest;
  std::uint32_t events = 0;
  friend bool operator==(const RowInfo&, const RowInfo&) = default;
};

/// Something that was not delivered (or only in part), kept on disk with its reason.
struct SetAside {
  std::string reason;        ///< For people: "not JSON (the listener refused it)".
  std::string answer;        ///< What the listener said, if it did.
  std::uint32_t events = 0;  ///< How many of the bytes' events count as set aside (0: delivered reduced).
  std::string bytes;         ///< Okta's bytes; of several events, each on a line of its own.
  friend bool operator==(const SetAside&, const SetAside&) = default;
};

/// What it takes in memory, and packed on disk, of its limits: an item of a byte costs its row as well.
[[nodiscard]] inline std::uint64_t bytes_charged(const SetAside& item) {
  return item.bytes.size() + item.reason.size() + item.answer.size() + limits::set_aside_item_bytes;
}
/// What it takes of limits::set_aside_bytes_max: as it will be charged when its bytes are packed on disk.
[[nodiscard]] std::uint64_t cost_of(const SetAside& item);

/// One record of a stream for the store, written whole or not at all. No two saves need an order between
/// streams; those of one stream are written in order.
struct Save {
  StreamId stream;
  std::uint64_t number = 0;  ///< Counts the saves of this stream in this run.
  Place place;
  bool overtaken = false;       ///< Another stream of its org goes on, under another filter.
  std::vector<WindowRow> rows;  ///< To add.
  std::uint64_t rows_from = 0;  ///< Rows of pages before this one may be dropped.
  /// What was noted in flight for pages before this one is settled; 0: nothing of it is.
  std::uint64_t in_flight_from = 0;
  std::vector<SetAside> set_aside;  ///< To add.
  std::uint64_t spool_settled = 0;  ///< Of a hook stream: its rows up to this one are settled and go.
  std::uint64_t spool_doubted = 0;  ///< Likewise: those up to this one may have been taken, and say so.
};

}  // namespace logzio_okta
