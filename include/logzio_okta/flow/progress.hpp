// Progress: how far a stream is delivered. Owns its Place, the pages that are not settled, and what is in
// doubt.
//
// The place moves to the newest page with nothing unsettled before it, and every move is one Save.
//
//     progress.push(std::move(page));  // Handed on.
//     if (progress.settle(settlement)) keep(progress.pop_settled(org, full_pages));
//     progress.saved(number);
//
// Promises
// - The place never moves past an event that is not settled, and a Save never carries such a place.
// - No more is read and not saved than a crash may leave in doubt: whoever asks looks at unsaved() before.
// - After an unclean end the events that may have been in flight are in doubt: those that were noted before
//   they were sent, or, where the machine went down with the process, those that can have been. Nothing that
//   was published after it is, by Okta's clock.
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

/// A page on its way, and what is true once all of it is settled.
struct LogPage : UnsettledPage {
  std::uint32_t asked = 0;   ///< The limit it was asked with.
  std::uint32_t counts = 0;  ///< Of limits::events_unsaved_max.
  std::uint32_t passes = 0;  ///< Of what is in doubt; nothing where it may hold what was settled before.
  std::string next;          ///< Where the place moves: Okta's link, or the same target again.
  bool repeated = false;
  bool ends_recovery = false;
  bool ends_doubt = false;            ///< Nothing after it was in flight before the doubt began.
  std::optional<WallTime> tail_at;    ///< By Okta's clock: the tail was seen then.
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
  /// Goes on from where the last run stood.
  void open(const Opened& opened);
  /// What may have been in flight when the last run ended is in doubt from now on; for a log line, why.
  [[nodiscard]] std::string take_doubt(Now now, const Opened& opened, Instant began);
  [[nodiscard]] Save begin(Place&& place);
  /// The saved link as it may be followed; empty: it may not.
  void replace_link(std::string next) { place_.next = std::move(next); }

  /// Where to ask on, and with which limit.
  [[nodiscard]] const std::string& next() const { return pages_.empty() ? place_.next : pages_.back().next; }
  [[nodiscard]] std::uint32_t asked() const { return pages_.empty() ? place_.limit : pages_.back().asked; }
  /// Events that were read and are not settled and saved, as they count of limits::events_unsaved_max.
  [[nodiscard]] std::uint32_t unsaved() const;
  /// Greatest watermark of what was read, settled or not.
  [[nodiscard]] WallTime reached() const;
  /// Greatest watermark of what is settled.
  [[nodiscard]] WallTime settled_up_to() const { return place_.watermark.value_or(place_.since); }

  [[nodiscard]] const Unsettled<LogPage>& pages() const { return pages_; }
  /// The number it has from now on.
  std::uint64_t push(LogPage&& page);
  /// A page that brought nothing is passed with the one before it.
  void fold(LogPage&& empty);
  /// Likewise, with none before it; nothing if it says nothing.
  [[nodiscard]] std::optional<Save> pass(const LogPage& empty);
  /// The tail was seen, by Okta's clock.
  void saw_tail(WallTime at) { tail_at_ = at; }

  /// False if its page is gone.
  [[nodiscard]] bool settle(const Settlement& settlement) { return pages_.settle(settlement); }
  void may_have_arrived(std::uint64_t page);
  [[nodiscard]] bool partly_settled() const { return pages_.touched(); }
  /// Moves the place over what is settled. `full_pages`: no small ones are asked for at the moment.
  [[nodiscard]] std::optional<Save> pop_settled(const OrgFacts& org, bool full_pages);
  /// Nobody will bring them to an end.
  void forget_pages() { pages_.clear(); }

  /// The place as it is now.
  [[nodiscard]] Save save(const std::vector<SetAside>& kept = {});
  /// Likewise, if it holds something that no Save has carried yet and that may be saved.
  [[nodiscard]] std::optional<Save> save_if_dirty();
  void saved(std::uint64_t number) { saves_.saved(number); }
  [[nodiscard]] bool saves_pending() const { return saves_.pending(); }
  [[nodiscard]] bool drained() const { return pages_.empty() && !saves_pending(); }

  /// Asked again from before this watermark, until past it.
  void recover_from(WallTime watermark);
  /// Full pages are not tried again before the watermark is here.
  void small_pages_until(WallTime watermark) { place_.restore_limit = watermark; }
  void keep_quiet(std::optional<WallTime> until);
  /// What Okta has forgotten; true if it is another gap than before.
  bool lost(WallTime from, WallTime until);

  void learn_clock(Now now, const OrgFacts& org);
  /// Our own clock may have jumped since Okta last answered.
  [[nodiscard]] WallTime okta_time(Now now) const;

  /// What was published up to `since` may have been delivered before; so many events are looked at.
  void doubt(Now now, Instant since, std::uint32_t events);
  /// Another stream of its org goes on under another filter; until it is resumed.
  void overtaken() { overtaken_ = true; }
  void resume(Now now);
  /// An answer came, given at this moment by Okta's clock at the latest.
  void answered(WallTime at_most);
  /// An event was read, in order.
  void pass(const EventSlice& event, bool known) { after_doubt_.pass(event.published_at, known); }
  /// How many of the events to come are in doubt.
  [[nodiscard]] std::uint32_t doubt_left() const;
  [[nodiscard]] bool may_have_been_in_flight(const EventSlice& event, WallTime date);
  /// Nothing that was in flight lies behind the page just read. `end`: it ended Okta's log.
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
  bool place_dirty_ = false;  ///< Holds something that no Save has carried yet.
  Unsettled<LogPage> pages_;
  std::uint64_t pages_made_ = 0;
  Saves saves_;
  std::deque<RowInfo> rows_;         ///< What the window on disk holds.
  std::size_t row_events_ = 0;       ///< In all of them.
  std::optional<WallTime> tail_at_;  ///< By Okta's clock: when the tail was last seen.
  std::optional<Now> okta_clock_;    ///< Okta's time in a moment of ours, at its last answer.
  bool overtaken_ = false;

  std::optional<InFlight> in_flight_;          ///< In doubt are these and no others, if it is known.
  std::optional<Instant> doubt_since_;         ///< When this run began, after an unclean end of the last.
  WallTime doubted_before_ = WallTime::min();  ///< InDoubt::before of an earlier doubt, which goes on.
  LaterEvents after_doubt_;                    ///< After the restart that left something in doubt.
};

}  // namespace logzio_okta
