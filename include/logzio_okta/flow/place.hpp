// Place: a stream's cursor in Okta's log, and everything that must survive a crash with it.
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

/// Events that may have been in flight when the daemon stopped uncleanly: they are delivered marked.
struct InDoubt {
  /// Counted down by events handed on, except on pages with recognised ones; `up_to_the_tail`: to the tail.
  std::uint32_t events_left = 0;
  static constexpr std::uint32_t up_to_the_tail = UINT32_MAX;
  WallTime before;  ///< The restart, by Okta's clock. Nothing published after it is marked.
  friend bool operator==(const InDoubt&, const InDoubt&) = default;
};

struct Place {
  std::string next;            ///< Okta's next link as a target, byte for byte; empty before the first page.
  WallTime since;              ///< Where the stream began (or begins). Resolved once, by Okta's clock.
  WallTime first_start;        ///< By Okta's clock: when the stream began; events before it are backfill.
  std::uint64_t pages = 0;     ///< Pages settled; also the number of the window's last row.
  std::uint32_t limit = 1000;  ///< Events per page under `next`.
  bool repeated = false;       ///< The page before this place had events, but its link did not move.
  std::optional<WallTime> watermark;  ///< Greatest `published` settled, never later than that answer's Date.
  std::optional<WallTime> window_from;  ///< Events published up to here may have left the window.
  /// With limit < 1000: the watermark from which 1000 is tried again.
  std::optional<WallTime> restore_limit;
  /// Re-reading from before this watermark: the window filters until past it.
  std::optional<WallTime> recovering;
  /// When the tail was last seen, by Okta's clock (saved daily at least).
  std::optional<WallTime> caught_up;
  std::optional<InDoubt> in_doubt;
  std::optional<WallTime> quiet_until;  ///< The end of a 429, by Okta's clock.
  std::int64_t okta_offset_ms = 0;      ///< Okta's clock minus ours, 0 if they agree.
  std::optional<WallTime> gap_from;     ///< Okta forgot events from here ...
  std::optional<WallTime> gap_until;    ///< ... to here before we could ask (90 days).
  friend bool operator==(const Place&, const Place&) = default;
};

/// The hashes of one settled page, for recognising its events.
struct WindowRow {
  std::uint64_t page = 0;
  std::optional<WallTime> newest;  ///< Greatest `published` in it.
  std::vector<EventHash> events;
  friend bool operator==(const WindowRow&, const WindowRow&) = default;
};

/// A row of the window without its events: enough to know when it may be dropped.
struct RowInfo {
  std::uint64_t page = 0;
  std::optional<WallTime> newest;
  std::uint32_t events = 0;
  friend bool operator==(const RowInfo&, const RowInfo&) = default;
};

/// Something that was not delivered (or only in part), kept on disk with its reason.
struct SetAside {
  std::string reason;        ///< For people: "not JSON (the listener refused it)".
  std::string answer;        ///< The listener's answer, if any.
  std::uint32_t events = 0;  ///< How many of the events in `bytes` count as set aside (0: delivered reduced).
  std::string bytes;         ///< Okta's bytes; of several events, one per line.
  friend bool operator==(const SetAside&, const SetAside&) = default;
};

/// What it counts against the limits, in memory and packed on disk: even an item of one byte costs a row.
[[nodiscard]] inline std::uint64_t bytes_charged(const SetAside& item) {
  return item.bytes.size() + item.reason.size() + item.answer.size() + limits::set_aside_item_bytes;
}
/// What it counts against limits::set_aside_bytes_max once its bytes are packed on disk.
[[nodiscard]] std::uint64_t cost_of(const SetAside& item);

/// One record of a stream for the store, written whole or not at all. The saves of one stream are written in
/// order; there is no order between streams.
struct Save {
  StreamId stream;
  std::uint64_t number = 0;  ///< Counts the saves of this stream in this run.
  Place place;
  bool overtaken = false;       ///< Another stream of its org continues under another filter.
  std::vector<WindowRow> rows;  ///< To add.
  std::uint64_t rows_from = 0;  ///< Rows of pages before this one may be dropped.
  /// In-flight notes for pages before this one are settled; 0: none is.
  std::uint64_t in_flight_from = 0;
  std::vector<SetAside> set_aside;  ///< To add.
  std::uint64_t spool_settled = 0;  ///< For a hook stream: rows up to this one are settled and are deleted.
  std::uint64_t spool_doubted = 0;  ///< Also: rows up to this one may have been taken and are marked.
};

}  // namespace logzio_okta
