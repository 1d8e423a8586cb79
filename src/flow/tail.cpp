#include "logzio_okta/flow/tail.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

std::optional<WallTime> newest_up_to(WallTime date, const std::vector<EventSlice>& events) {
  constexpr auto date_cut = 1s;  // Date has whole seconds.
  std::optional<WallTime> newest;
  std::optional<WallTime> newest_of_all;
  for (const EventSlice& event : events) {
    newest_of_all = std::max(newest_of_all, event.published_at);
    if (event.published_at <= date + date_cut) newest = std::max(newest, event.published_at);
  }
  return newest ? newest : newest_of_all;
}

Tail::Seen Tail::look(const Look& page) {
  const Seen seen = judge(page);
  resting_ = seen != Seen::no;
  return seen;
}

Tail::Seen Tail::judge(const Look& page) {
  if (page.events == 0) {
    if (!page.moved) return Seen::end;
    empty_in_a_row_ = std::min(empty_in_a_row_ + 1, limits::empty_pages_max);
    if (empty_in_a_row_ == limits::empty_pages_max) return Seen::end;
    return resting_ ? Seen::rest : Seen::no;  // Once resting, empty pages are no reason to hurry.
  }
  empty_in_a_row_ = 0;
  if (page.events >= page.limit) return Seen::no;
  if (!page.moved) return page.new_events == 0 ? Seen::end : Seen::rest;
  return fresh(page) ? Seen::rest : Seen::no;
}

// An event may have come right after the last request, and it may be persisted a while after it was
// published.
bool Tail::fresh(const Look& page) const {
  return page.newest && *page.newest >= page.date - to_ms(poll_interval_ + limits::persisted_within);
}

void LaterEvents::begin(std::optional<WallTime> moment) {
  *this = LaterEvents();
  moment_ = moment;
}

void LaterEvents::answered(WallTime date) {
  if (std::exchange(dated_, true)) return;
  moment_ = std::min(moment_.value_or(date), date);
}

void LaterEvents::not_before(WallTime moment) {
  if (dated_) moment_ = std::max(*moment_, moment);
}

void LaterEvents::pass(std::optional<WallTime> published, bool known) {
  if (!dated_ || seen_) return;
  if (!published && !known) return;  // It proves nothing.
  const bool later = published && *published > *moment_ && !known;
  in_a_row_ = later ? in_a_row_ + 1 : 0;
  seen_ = in_a_row_ >= limits::later_events_in_a_row;
}

}  // namespace logzio_okta
