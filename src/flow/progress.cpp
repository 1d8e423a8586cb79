#include "logzio_okta/flow/progress.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

constexpr auto full_limit = static_cast<std::uint32_t>(limits::page_events_max);
// Some events are dated ahead of Okta's clock. What is in flight is in doubt up to its own date, but no
// further ahead than this: one absurd date must not keep a stream in doubt forever.
constexpr Duration published_ahead_max = 15min;
constexpr std::uint64_t pages_max = std::uint64_t{1} << 62U;  // More were never read: the state is damaged.

std::optional<WallTime> later(std::optional<WallTime> a, std::optional<WallTime> b) {
  return std::max(a, b);
}

}  // namespace

void Progress::open(const Opened& opened) {
  CHECK(opened.place && !has_place_);
  has_place_ = true;
  place_ = *opened.place;
  place_.limit = std::clamp(place_.limit, 1U, full_limit);
  pages_made_ = place_.pages = std::min(place_.pages, pages_max);
  rows_.assign(opened.rows.begin(), opened.rows.end());
  for (const RowInfo& row : rows_) row_events_ += row.events;
}

std::string Progress::take_doubt(Now now, const Opened& opened, Instant began) {
  if (opened.overtaken) {
    doubt_since_ = now.steady + opened.others_act_for;
    doubt(now, *doubt_since_, InDoubt::up_to_the_tail);
    return "; the org has since been followed under another filter, or this state is an older copy: events "
           "up to now may be repeats and are marked possible_duplicate";
  }
  const bool by_other_filter = place_.in_doubt && place_.in_doubt->events_left == InDoubt::up_to_the_tail;
  if (opened.in_flight && !by_other_filter) in_flight_.emplace(*opened.in_flight);
  if (opened.clean) return {};
  if (in_flight_ && in_flight_->left() == 0 && !place_.in_doubt) return {};  // Nothing was in flight.
  doubt(now, began, limits::in_doubt_events);
  doubt_since_ = began;
  return in_flight_ ? "; the last run did not shut down cleanly: " + std::to_string(in_flight_->left()) +
                          " events were in flight, may be repeats and are marked possible_duplicate"
                    : "; the last run did not shut down cleanly: the next events may be repeats and are "
                      "marked possible_duplicate";
}

Save Progress::begin(Place&& place) {
  CHECK(!has_place_ && pages_.empty());
  has_place_ = true;
  place_ = std::move(place);
  return save();
}

std::uint32_t Progress::unsaved() const {
  std::uint32_t unsaved = saves_.counts();
  for (const LogPage& page : pages_) unsaved += page.counts;
  return unsaved;
}

WallTime Progress::reached() const {
  WallTime reached = settled_up_to();
  for (const LogPage& page : pages_) reached = std::max(reached, page.watermark.value_or(reached));
  return reached;
}

std::uint64_t Progress::push(LogPage&& page) {
  page.number = ++pages_made_;
  pages_.push_back(std::move(page));
  CHECK(unsaved() <= limits::in_doubt_events);  // Else a crash would leave more in doubt than allowed.
  return pages_made_;
}

void Progress::fold(LogPage&& empty) {
  LogPage& into = pages_.back();
  into.asked = empty.asked;
  into.next = std::move(empty.next);
  into.repeated = empty.repeated;
  into.ends_recovery = into.ends_recovery || empty.ends_recovery;
  into.ends_doubt = into.ends_doubt || empty.ends_doubt;
  into.tail_at = later(into.tail_at, empty.tail_at);
}

std::optional<Save> Progress::pass(const LogPage& empty) {
  if (!empty.ends_recovery && !empty.ends_doubt) return std::nullopt;
  if (empty.ends_recovery) place_.recovering.reset();
  if (empty.ends_doubt) place_.in_doubt.reset();
  place_.repeated = empty.repeated;  // The recovery knew its events; without it, the window has to.
  return save();
}

void Progress::may_have_arrived(std::uint64_t page) {
  CHECK(pages_.touch(page));
}

std::optional<Save> Progress::pop_settled(const OrgFacts& org, bool full_pages) {
  Save moved;
  std::uint32_t counts = 0;
  for (; !pages_.empty() && pages_.front().unsettled == 0; pages_.pop_front()) {
    counts += pages_.front().counts;
    move_place(org, pages_.front(), full_pages, moved);
  }
  const bool tail_is_news = pages_.empty() && tail_at_ &&
                            (!place_.caught_up || *tail_at_ - *place_.caught_up > std::chrono::hours(24));
  if (tail_is_news) place_.caught_up = tail_at_;
  if (counts == 0 && !tail_is_news) return std::nullopt;
  trim_window();
  Save save = next_save(counts);
  save.rows = std::move(moved.rows);
  save.set_aside = std::move(moved.set_aside);
  return save;
}

void Progress::move_place(const OrgFacts& org, LogPage& page, bool full_pages, Save& save) {
  CHECK(page.unsettled == 0 && page.number > place_.pages);
  place_.next = std::move(page.next);
  place_.limit = page.asked;
  if (place_.limit == full_limit && full_pages) place_.restore_limit.reset();
  place_.pages = page.number;
  place_.repeated = page.repeated;
  place_.watermark = later(place_.watermark, page.watermark);
  place_.quiet_until = org.quiet_until;
  place_.okta_offset_ms = org.offset.count();
  if (page.ends_recovery) place_.recovering.reset();
  if (page.tail_at) place_.caught_up = page.tail_at;
  if (place_.in_doubt) {
    InDoubt& doubt = *place_.in_doubt;
    if (doubt.events_left != InDoubt::up_to_the_tail)
      doubt.events_left -= std::min(page.passes, doubt.events_left);
    if (doubt.events_left == 0 || page.ends_doubt) place_.in_doubt.reset();
  }
  if (!page.hashes.empty()) {
    rows_.push_back({.page = page.number,
                     .newest = page.newest,
                     .events = static_cast<std::uint32_t>(page.hashes.size())});
    row_events_ += page.hashes.size();
    save.rows.push_back({.page = page.number, .newest = page.newest, .events = std::move(page.hashes)});
  }
  std::ranges::move(page.kept, std::back_inserter(save.set_aside));
}

void Progress::trim_window() {
  while (!rows_.empty() &&
         (row_events_ > limits::window_events_max || rows_.size() > limits::window_rows_max)) {
    place_.window_from = later(place_.window_from, rows_.front().newest.value_or(place_.since));
    row_events_ -= rows_.front().events;
    rows_.pop_front();
  }
  CHECK(!rows_.empty() || row_events_ == 0);
}

Save Progress::next_save(std::uint32_t counts) {
  if (!place_.in_doubt) in_flight_.reset();
  Save save = saves_.next(place_, counts);
  save.overtaken = overtaken_;
  save.rows_from = rows_from();
  save.in_flight_from = place_.in_doubt ? 0 : place_.pages + 1;
  place_dirty_ = false;
  return save;
}

Save Progress::save(const std::vector<SetAside>& kept) {
  Save save = next_save(0);
  save.set_aside = kept;
  return save;
}

std::optional<Save> Progress::save_if_dirty() {
  if (!place_dirty_ || undated() || !has_place_) return std::nullopt;
  return save();
}

void Progress::recover_from(WallTime watermark) {
  for (LogPage& page : pages_) page.ends_recovery = false;  // That was an earlier recovery.
  place_.recovering = watermark;
  place_dirty_ = true;
}

void Progress::keep_quiet(std::optional<WallTime> until) {
  place_.quiet_until = until;
  place_dirty_ = true;
}

bool Progress::lost(WallTime from, WallTime until) {
  const bool another = !place_.gap_until || *place_.gap_until < from;
  if (another) place_.gap_from = from;
  place_.gap_until = until;
  place_dirty_ = true;
  return another;
}

// Dates the doubt as well as Okta's answers allow by now; our own clock may have jumped since.
void Progress::learn_clock(Now now, const OrgFacts& org) {
  place_.okta_offset_ms = org.offset.count();
  if (org.date) okta_clock_ = Now{.steady = now.steady, .wall = now.wall + org.offset};
  if (okta_clock_ && doubt_since_ && place_.in_doubt) {
    place_.in_doubt->before =
        std::max(okta_clock_->wall - to_ms(now.steady - *doubt_since_), doubted_before_);
  }
}

WallTime Progress::okta_time(Now now) const {
  if (!okta_clock_) return now.wall + std::chrono::milliseconds(place_.okta_offset_ms);
  return okta_clock_->wall + to_ms(now.steady - okta_clock_->steady);
}

// Without an answer from Okta in this run, the start of the doubt is unknown by its clock. Then no save
// clears the store's own note of the unclean end, and the next run finds it again.
bool Progress::undated() const {
  return doubt_since_ && !okta_clock_;
}

// Earlier doubt remains. What is in flight may be dated ahead of Okta's clock: it is in doubt however late it
// is read again, when its date no longer shows that it was ahead.
void Progress::doubt(Now now, Instant since, std::uint32_t events) {
  if (place_.in_doubt) {
    events = std::max(events, place_.in_doubt->events_left);
    doubted_before_ = place_.in_doubt->before;
  }
  const WallTime ahead_at_most = okta_time(now) + to_ms(published_ahead_max);
  for (const LogPage& page : pages_) {
    if (page.newest) doubted_before_ = std::max(doubted_before_, std::min(*page.newest, ahead_at_most));
  }
  const WallTime before = std::max(okta_time(now) - to_ms(now.steady - since), doubted_before_);
  place_.in_doubt = InDoubt{.events_left = events, .before = before};
  place_dirty_ = true;
  after_doubt_.begin();
}

void Progress::resume(Now now) {
  if (!std::exchange(overtaken_, false)) return;
  in_flight_.reset();  // The other stream's events were in flight too.
  doubt(now, now.steady, InDoubt::up_to_the_tail);
  doubt_since_ = now.steady;
}

void Progress::answered(WallTime at_most) {
  after_doubt_.answered(at_most);
  if (place_.in_doubt) after_doubt_.not_before(place_.in_doubt->before);
}

std::uint32_t Progress::doubt_left() const {
  if (!place_.in_doubt) return 0;
  if (std::ranges::any_of(pages_, &LogPage::ends_doubt)) return 0;
  if (place_.in_doubt->events_left == InDoubt::up_to_the_tail) return InDoubt::up_to_the_tail;
  std::uint32_t passed = 0;
  for (const LogPage& page : pages_) passed += page.passes;
  return place_.in_doubt->events_left - std::min(passed, place_.in_doubt->events_left);
}

// Events published ahead of Okta's clock may have been read before.
bool Progress::may_have_been_in_flight(const EventSlice& event, WallTime date) {
  if (in_flight_) return in_flight_->meet(event.hash);
  const auto published = event.published_at;
  return !published || *published <= place_.in_doubt->before || *published > date + 1s;
}

bool Progress::doubt_ends(bool end, WallTime okta_now) const {
  return place_.in_doubt && ((end && okta_now >= place_.in_doubt->before) || after_doubt_.seen() ||
                             (in_flight_ && in_flight_->left() == 0));
}

}  // namespace logzio_okta
