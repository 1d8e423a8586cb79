// Progress: how far a stream is delivered. Owns its Place, its unsettled pages, and the doubt after an
// unclean end.
//
// The place moves to the newest page with nothing unsettled before it, and every move is one Save.
//
//     progress.push(std::move(page));  // Handed on.
//     if (progress.settle(settlement)) keep(progress.pop_settled(org, full_pages));
//     progress.saved(number);
//
// Promises
// - The place never moves past an event that is not settled, and a Save never carries such a place.
// - No more is read and unsaved than a crash may leave in doubt: callers check unsaved() before they ask.
// - After an unclean end, the events that may have been in flight are in doubt: those noted before they were
//   sent, or, if the machine went down too, all that could have been. Events published after it, by Okta's
//   clock, are not.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/flow/in_flight.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/org_facts.hpp"
#include "logzio_okta/flow/place.hpp"
#include "logzio_okta/flow/saves.hpp"
#include "logzio_okta/flow/tail.hpp"
#include "logzio_okta/flow/unsettled.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

/// A page in flight, and what holds once all of it is settled.
struct LogPage : UnsettledPage {
  std::uint32_t asked = 0;   ///< The limit it was asked with.
  std::uint32_t counts = 0;  ///< Share of limits::events_unsaved_max.
  std::uint32_t passes = 0;  ///< Events in doubt that it counts down; 0 if some may be settled.
  std::string next;          ///< Where the place moves: Okta's link, or the same target again.
  bool repeated = false;
  bool ends_recovery = false;
  bool ends_doubt = false;            ///< No event after it was in flight before the doubt began.
  std::optional<WallTime> tail_at;    ///< When the tail was seen, by Okta's clock.
  std::optional<WallTime> newest;     ///< Greatest `published` in it.
  std::optional<WallTime> watermark;  ///< `newest`, never later than the answer's Date.
  std::vector<EventHash> hashes;
};

class Progress {
 public:
  explicit Progress(StreamId stream) : saves_(stream) {}

  /// A new stream has none until its start is resolved.
  [[nodiscard]] bool has_place() const { return has_place_; }
  [[nodiscard]] const Place& place() const { return place_; }
  /// Continues from where the last run ended.
  void open(const Opened& opened);
  /// From now on the events that may have been in flight when the last run ended are in doubt. Returns the
  /// reason, for a log line.
  [[nodiscard]] std::string take_doubt(Now now, const Opened& opened, Instant began);
  [[nodiscard]] Save begin(Place&& place);
  /// Replaces the saved link by the one to follow; empty: none.
  void replace_link(std::string next) { place_.next = std::move(next); }

  /// Where to ask next, and with which limit.
  [[nodiscard]] const std::string& next() const { return pages_.empty() ? place_.next : pages_.back().next; }
  [[nodiscard]] std::uint32_t asked() const { return pages_.empty() ? place_.limit : pages_.back().asked; }
  /// Events read but not yet settled and saved, as counted against limits::events_unsaved_max.
  [[nodiscard]] std::uint32_t unsaved() const;
  /// Greatest watermark of the pages read, settled or not.
  [[nodiscard]] WallTime reached() const;
  /// Greatest watermark of the settled pages.
  [[nodiscard]] WallTime settled_up_to() const { return place_.watermark.value_or(place_.since); }

  [[nodiscard]] const Unsettled<LogPage>& pages() const { return pages_; }
  /// Returns the page's number.
  std::uint64_t push(LogPage&& page);
  /// An empty page is passed with the one before it.
  void fold(LogPage&& empty);
  /// An empty page with none before it; nothing if it changes nothing.
  [[nodiscard]] std::optional<Save> pass(const LogPage& empty);
  /// The tail was seen, by Okta's clock.
  void saw_tail(WallTime at) { tail_at_ = at; }

  /// False if its page is gone.
  [[nodiscard]] bool settle(const Settlement& settlement) { return pages_.settle(settlement); }
  void may_have_arrived(std::uint64_t page);
  [[nodiscard]] bool partly_settled() const { return pages_.touched(); }
  /// Moves the place past the settled pages. `full_pages`: no small ones are asked for at the moment.
  [[nodiscard]] std::optional<Save> pop_settled(const OrgFacts& org, bool full_pages);
  /// Nothing will settle them.
  void forget_pages() { pages_.clear(); }

  /// The place as it is now.
  [[nodiscard]] Save save(const std::vector<SetAside>& kept = {});
  /// The same, if it has changes that no Save has carried yet and that may be saved.
  [[nodiscard]] std::optional<Save> save_if_dirty();
  void saved(std::uint64_t number) { saves_.saved(number); }
  [[nodiscard]] bool saves_pending() const { return saves_.pending(); }
  [[nodiscard]] bool drained() const { return pages_.empty() && !saves_pending(); }

  /// Asks again from before this watermark, until past it.
  void recover_from(WallTime watermark);
  /// Full pages are not tried again before the watermark is reached.
  void small_pages_until(WallTime watermark) { place_.restore_limit = watermark; }
  void keep_quiet(std::optional<WallTime> until);
  /// A span that Okta no longer has; true if the gap is a new one.
  bool lost(WallTime from, WallTime until);

  void learn_clock(Now now, const OrgFacts& org);
  /// Okta's time now, from its last answer: our own clock may have jumped since.
  [[nodiscard]] WallTime okta_time(Now now) const;

  /// Events published up to `since` may have been delivered before; `events` of them are in doubt.
  void doubt(Now now, Instant since, std::uint32_t events);
  /// Another stream of its org continues under another filter, until it is resumed.
  void overtaken() { overtaken_ = true; }
  void resume(Now now);
  /// An answer came, given at this moment by Okta's clock at the latest.
  void answered(WallTime at_most);
  /// An event was read, in order.
  void pass(const EventSlice& event, bool known) { after_doubt_.pass(event.published_at, known); }
  /// How many of the coming events are in doubt.
  [[nodiscard]] std::uint32_t doubt_left() const;
  [[nodiscard]] bool may_have_been_in_flight(const EventSlice& event, WallTime date);
  /// No event that was in flight comes after the page just read. `end`: it ended Okta's log.
  [[nodiscard]] bool doubt_ends(bool end, WallTime okta_now) const;

  [[nodiscard]] StreamId stream() const { return saves_.stream(); }

 private:
  void move_place(const OrgFacts& org, LogPage& page, bool full_pages, Save& save);
  void trim_window();
  [[nodiscard]] std::uint64_t rows_from() const { return rows_.empty() ? 0 : rows_.front().page; }
  [[nodiscard]] Save next_save(std::uint32_t counts);
  [[nodiscard]] bool undated() const;

  Place place_;
  bool has_place_ = false;
  bool place_dirty_ = false;  ///< Has changes that no Save has carried yet.
  Unsettled<LogPage> pages_;
  std::uint64_t pages_made_ = 0;
  Saves saves_;
  std::deque<RowInfo> rows_;         ///< The window on disk.
  std::size_t row_events_ = 0;       ///< In all of them.
  std::optional<WallTime> tail_at_;  ///< When the tail was last seen, by Okta's clock.
  std::optional<Now> okta_clock_;    ///< Okta's time and ours at its last answer.
  bool overtaken_ = false;

  std::optional<InFlight> in_flight_;          ///< If known, only these are in doubt.
  std::optional<Instant> doubt_since_;         ///< The start of this run, if the last one ended uncleanly.
  WallTime doubted_before_ = WallTime::min();  ///< InDoubt::before of an earlier doubt, which continues.
  LaterEvents after_doubt_;                    ///< After the restart that left events in doubt.
};

}  // namespace logzio_okta
