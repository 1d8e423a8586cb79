// Reading: what a page of Okta's log means: where its link leads, which of its events are handed on and how
// they are marked, whether it ends the log, and what holds once all of it is settled.
//
//     reading.answered(at_most);  // A 200 came, given at this moment by Okta's clock at the latest.
//     ReadPage read = reading.read({.reply = reply, .asked = asked, .events = events, .date = date,
//                                   .okta_now = okta_now}, origin, progress, recogniser, counts);
//     if (!read.batch.events.empty()) read.batch.page = progress.push(std::move(read.page));
//
// Promises
// - A link is followed only if it stays with the org (admit_next); otherwise `why_not` says why.
// - Every event of a page is either handed on or counted as recognised.
// - An event is marked possible_duplicate if it may have been in flight when the last run ended, or if the
//   Recogniser cannot decide; and backfill if it was published before the stream began.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/flow/progress.hpp"
#include "logzio_okta/flow/question.hpp"
#include "logzio_okta/flow/recogniser.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/flow/tail.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/okta/page.hpp"
#include "logzio_okta/okta/reply.hpp"

namespace logzio_okta {

/// An answer with a page.
struct PageAnswer {
  const OktaReply& reply;
  const Question::Asked& asked;
  const std::vector<EventSlice>& events;
  std::string_view unfit{};  ///< Why none of the events can become a line.
  WallTime date;             ///< When Okta answered, by Okta's clock.
  WallTime okta_now;         ///< Okta's time now.
};

/// What the answer means.
struct ReadPage {
  LogPage page;
  Batch batch;             ///< The events to hand on; `page`, `constants` and `newest` are the caller's.
  std::size_t events = 0;  ///< In the page, known or not.
  bool full = false;       ///< As many events as were asked for.
  bool moved = false;      ///< Its link leads on.
  bool news = false;       ///< It moved, or has events that were not known.
  std::string why_not;     ///< Why the link is not followed.
  std::string other_name;  ///< The org's name in its link; empty unless this is the first one.
  Tail::Seen tail = Tail::Seen::no;
};

class Reading {
 public:
  explicit Reading(Duration poll_interval) : tail_(poll_interval) {}

  void answered(WallTime at_most) { after_start_.answered(at_most); }
  /// Ends a row of empty pages (Tail::row_ends).
  void row_ends() { tail_.row_ends(); }
  [[nodiscard]] ReadPage read(const PageAnswer& answer, const Origin& origin, Progress& progress,
                              Recogniser& recogniser, EventCounts& counts);
  /// Everything from before the first answer has been read, for --once.
  [[nodiscard]] bool all_read() const { return all_read_; }

 private:
  void follow_link(const PageAnswer& answer, const Origin& origin, ReadPage& read);
  void choose(const PageAnswer& answer, Progress& progress, Recogniser& recogniser, EventCounts& counts,
              ReadPage& read);

  Tail tail_;
  LaterEvents after_start_;  ///< After its first answer.
  bool all_read_ = false;
  bool other_name_said_ = false;
};

/// Share of limits::events_unsaved_max of a page with this many events.
[[nodiscard]] std::uint32_t counts_for(std::size_t events);

}  // namespace logzio_okta
