#include "logzio_okta/flow/poller.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/error.hpp"
#include "logzio_okta/okta/log_query.hpp"

namespace logzio_okta {
namespace {

// At the tail an answer is due every poll interval; one that is later than this leaves us behind.
constexpr Duration tail_grace = 60s;
constexpr std::chrono::milliseconds behind_max = std::chrono::years(100);

constexpr auto full_limit = static_cast<std::uint32_t>(limits::page_events_max);

/// The page size to try after five failures with this one; from the smallest back to the largest.
std::uint32_t next_smaller(std::uint32_t limit) {
  constexpr std::array<std::uint32_t, 4> rungs = {500, 100, 10, 1};
  const auto rung = std::ranges::find_if(rungs, [&](std::uint32_t each) { return each < limit; });
  return rung != rungs.end() ? *rung : full_limit;
}

/// A 4xx that is about what was asked: none about who asks (401, 403, a proxy's 407), how often or when (408,
/// 425, 429), or which connection it came by (421).
bool is_about_the_question(int status) {
  constexpr std::array others = {401, 403, 407, 408, 421, 425, 429};
  return status >= 400 && status < 500 && std::ranges::find(others, status) == others.end();
}

/// Tells one kind of unreadable page from another.
std::string_view name_of(BodyFault fault) {
  switch (fault) {
    case BodyFault::damaged:
      return "damaged";
    case BodyFault::encoding:
      return "encoding";
    case BodyFault::too_large:
      return "too large";
    case BodyFault::too_many:
      return "too many";
    case BodyFault::not_a_page:
      return "not a page";
  }
  return "";
}

std::string encoding_text(const HttpAnswer& answer) {
  return "Okta answered 200 with a Content-Encoding that was not asked for (" +
         printable(find_header(answer.headers, "Content-Encoding").value_or("")) +
         "): something in between encodes its answers anew; let it leave them as they are";
}

/// Of a page of which only the beginning is kept; empty for any other.
std::string set_aside_reason(const UnreadableBody& why, std::size_t kept_bytes) {
  if (why.fault != BodyFault::too_large && why.fault != BodyFault::too_many) return {};
  const std::string size = std::to_string(why.bytes) + (why.fault == BodyFault::too_large ? " or more" : "");
  return (why.fault == BodyFault::too_large ? "too large to be read: "
                                            : "more elements than were asked for: ") +
         ("the first " + std::to_string(kept_bytes) + " of " + size + " bytes");
}

std::string no_org_text(const std::string& said) {
  return "Okta has no System Log under this domain (" + said +
         "): if the org was renamed write its new domain as okta_domain, if it is gone remove its entry";
}

/// Of a page with so many events.
std::uint32_t counts_for(std::size_t events) {
  return static_cast<std::uint32_t>(std::max(events, limits::page_counts_min));
}

std::optional<WallTime> later(std::optional<WallTime> a, std::optional<WallTime> b) {
  return std::max(a, b);
}

/// Each once, in the order of their hashes.
std::vector<EventHash> distinct(std::vector<EventHash> events) {
  const auto order = [](const EventHash& event) { return std::pair(event.uuid, event.bytes); };
  std::ranges::sort(events, {}, order);
  const auto alike = std::ranges::unique(events);
  events.erase(alike.begin(), alike.end());
  return events;
}

}  // namespace

Poller::Poller(StreamId stream, const TenantSpec& spec, const Policy& policy, Random random)
    : stream_(stream),
      domain_(spec.domain),
      query_(spec.query),
      policy_(policy),
      random_(random),
      tail_(policy.poll_interval) {
  policy_.since = spec.since.value_or(policy.since);
  take_constants(spec);
}

void Poller::take_constants(const TenantSpec& spec) {
  constants_ = std::make_shared<const LineConstants>(domain_.name(), spec.type, spec.fields);
  key_cure_ = spec.key_cure;
}

// ---- Opening

void Poller::start(Instant now) {
  last_progress_ = now;
  state_ = Opening{};
  outputs_.emplace_back(OpenStream{.stream = stream_, .key = query_.stream_key(domain_)});
}

void Poller::opened(Now now, const Opened& opened, Instant began, const OrgFacts& org) {
  CHECK(std::holds_alternative<Opening>(state_));
  last_progress_ = now.steady;
  ask_at_ = now.steady;
  if (!opened.place) {
    limit_ = full_limit;
    state_ = Waiting{};
    beginning_ = !org.clock;
    if (org.clock) begin(now, org);
    return;
  }
  place_ = *opened.place;
  recent_ = Recent(opened.recent);
  place_.limit = std::clamp(place_.limit, 1U, full_limit);
  newest_read_ = place_.watermark;
  limit_ = place_.limit;
  if (limit_ < full_limit) trial_at_ = now.steady + limits::page_size_trial_base;
  pages_made_ = place_.pages;
  rows_.assign(opened.rows.begin(), opened.rows.end());
  for (const RowInfo& row : rows_) row_events_ += row.events;
  const std::string why_marked = take_doubt(now, opened, began);
  note(Level::info, "continues after the events up to " +
                        format_rfc3339(place_.watermark.value_or(place_.since)) + why_marked);
  filtering_ = place_.recovering;
  if (filtering_) after_question_.begin(*filtering_ + to_ms(limits::recovery_overlap));
  repeating_ = place_.repeated;
  if (!judge_saved_link()) {
    recover(full_limit);
  } else if (filtering_ || repeating_) {
    state_ = ReadingWindow{};
    outputs_.emplace_back(ReadWindow{.stream = stream_});
  } else {
    state_ = Waiting{};
  }
}

// The state may be another's work, or a copy of another org's: a key goes with the link, so it is judged like
// one that an answer brings.
bool Poller::judge_saved_link() {
  if (place_.next.empty()) return true;
  auto next = admit_next(domain_.origin(), place_.next);
  if (next) {
    place_.next = std::move(*next);
    return true;
  }
  ++hostile_links_;
  note(Level::error, "the link saved in the state leaves the org or its System Log (" + next.error() +
                         ") and is not followed; somebody else has written the state, or it is damaged");
  place_.next.clear();
  return false;
}

std::string Poller::take_doubt(Now now, const Opened& opened, Instant began) {
  if (opened.overtaken) {
    doubt(now, now.steady, InDoubt::up_to_the_tail);
    doubt_since_ = now.steady;
    return "; the org was followed under another filter since, or this state is an older copy, so events up "
           "to now may be repeats and say possible_duplicate";
  }
  const bool by_other_filter = place_.in_doubt && place_.in_doubt->events_left == InDoubt::up_to_the_tail;
  if (opened.in_flight && !by_other_filter) in_flight_.emplace(*opened.in_flight);
  if (opened.clean) return {};
  if (in_flight_ && in_flight_->left == 0 && !place_.in_doubt) return {};  // Nothing was.
  doubt(now, began, limits::in_doubt_events);
  doubt_since_ = began;
  return in_flight_ ? "; the last run did not end in order: " + std::to_string(in_flight_->left) +
                          " events were in flight, may be repeats and say possible_duplicate"
                    : "; the last run did not end in order, so the next events may be repeats and say "
                      "possible_duplicate";
}

Poller::InFlight::InFlight(std::vector<EventHash> noted)
    : events(distinct(std::move(noted))), met(events.size()), left(events.size()) {}

// By its uuid, if it has one: it may come back changed.
bool Poller::InFlight::meet(const EventHash& event) {
  const auto order = [](const EventHash& each) { return std::pair(each.uuid, each.bytes); };
  const EventHash from{.uuid = event.uuid, .bytes = event.uuid == 0 ? event.bytes : 0};
  const auto found = std::ranges::lower_bound(events, order(from), {}, order);
  if (found == events.end() || found->uuid != event.uuid) return false;
  if (event.uuid == 0 && *found != event) return false;
  const auto index = static_cast<std::size_t>(found - events.begin());
  if (!met[index]) --left;
  met[index] = true;
  return true;
}

// Okta's clock is taken as it was at its answer at the latest, so that the start is early rather than late.
void Poller::begin(Now now, const OrgFacts& org) {
  beginning_ = false;
  const WallTime okta_now =
      org.clock ? org.clock->wall + to_ms(now.steady - org.clock->steady) : now.wall + org.offset;
  const auto* ago = std::get_if<SinceAgo>(&policy_.since);
  const WallTime since = ago ? okta_now - to_ms(ago->ago) : std::get<SinceAt>(policy_.since).at;
  place_.since = std::clamp(since, okta_now - to_ms(limits::retention), okta_now);
  place_.first_start = okta_now;
  place_.limit = full_limit;
  place_.quiet_until = org.quiet_until;
  place_.okta_offset_ms = org.offset.count();
  note(Level::info, (query_.plain() ? "new tenant: starts with the events since "
                                    : "new filter: starts with the events it lets through since ") +
                        format_rfc3339(place_.since));
  if (!org.clock) {
    note(Level::warn,
         "Okta's answers tell no date, so the start is resolved by this machine's clock: see that it is "
         "right");
  }
  state_ = SavingStart{};
  save_place();
}

// What was in doubt before stays so.
void Poller::doubt(Now now, Instant since, std::uint32_t events) {
  if (place_.in_doubt) {
    events = std::max(events, place_.in_doubt->events_left);
    doubted_before_ = place_.in_doubt->before;
  }
  const WallTime before = std::max(okta_time(now) - to_ms(now.steady - since), doubted_before_);
  place_.in_doubt = InDoubt{.events_left = events, .before = before};
  place_dirty_ = true;
  after_doubt_.begin();
}

void Poller::window_read(Now now, const WindowRead& read) {
  const auto* reading = std::get_if<ReadingWindow>(&state_);
  CHECK(reading != nullptr);
  window_ = Window(read.rows);
  window_.add(reading->unsettled);
  window_from_ = place_.window_from;
  const auto limit = reading->recover_with;
  state_ = Waiting{};
  if (limit) ask_from_watermark(now, *limit);
}

// ---- Asking

bool Poller::wants_to_ask(Now now, bool probing) const {
  if (stopping_ || !std::holds_alternative<Waiting>(state_) || now.steady < ask_at_) return false;
  if (policy_.once && all_read_) return false;
  return room_for_a_page(probing ? limits::in_doubt_events : limits::events_unsaved_max);
}

bool Poller::held_up(Now now) const {
  return !stopping_ && std::holds_alternative<Waiting>(state_) &&
         now.steady - ask_at_ > limits::commit_patience && !room_for_a_page();
}

std::uint32_t Poller::unsaved() const {
  std::uint32_t unsaved = 0;
  for (const Page& page : pages_) unsaved += page.counts;
  for (const auto& [number, counts] : unacknowledged_) unsaved += counts;
  return unsaved;
}

bool Poller::room_for_a_page(std::size_t events_max) const {
  return unsaved() + counts_for(limit_of_next()) <= events_max;
}

std::uint32_t Poller::limit_of_next() const {
  if (question_) return limit_;
  return pages_.empty() ? place_.limit : pages_.back().asked;
}

Instant Poller::deadline() const {
  if (stopping_ || !std::holds_alternative<Waiting>(state_) || (policy_.once && all_read_)) return never;
  return ask_at_;
}

std::string Poller::ask(Now now) {
  CHECK(wants_to_ask(now, true));
  asked_at_ = now.steady;
  if (woken_) ++woken_->asked;
  const std::string& link = pages_.empty() ? place_.next : pages_.back().next;
  Asking asking{.limit = limit_of_next()};
  asking.own_question = question_.has_value() || link.empty();
  asking.target = beginning_     ? clock_target()
                  : question_    ? *question_
                  : link.empty() ? first_target(place_.since, asking.limit, query_)
                                 : link;
  std::string target = asking.target;
  state_ = std::move(asking);
  return target;
}

void Poller::stop() {
  stopping_ = true;
  if (asking()) state_ = Waiting{};
}

void Poller::resume(Now now) {
  stopping_ = false;
  if (std::exchange(overtaken_, false)) {
    in_flight_.reset();  // The other stream's were, too.
    doubt(now, now.steady, InDoubt::up_to_the_tail);
    doubt_since_ = now.steady;
  }
  ask_at_ = now.steady;
}

void Poller::wake(Now now) {
  tries_ = 0;
  ask_at_ = std::min(ask_at_, now.steady);
}

void Poller::hook_arrived(Now now, std::optional<WallTime> published, Duration pace) {
  const auto earlier = woken_ ? woken_->published : std::nullopt;
  woken_ = Woken{.published = later(earlier, published), .asked = 0, .pace = pace};
  // Otherwise it asks as fast as it may already, or waits after a failure.
  if (at_tail_) ask_at_ = std::min(ask_at_, std::max(now.steady, asked_at_ + pace));
}

// After an answer from the tail. What is on its way was perhaps asked before the hook came.
void Poller::ask_again_if_woken(Now now, bool empty) {
  if (!woken_) return;
  const bool seen = woken_->published ? newest_read_ >= woken_->published : woken_->asked > 0 && !empty;
  if (seen || woken_->asked > limits::wakes_again_max) {
    woken_.reset();
    return;
  }
  const Duration wait =
      woken_->asked > 0 ? limits::wake_again_base * (1 << (woken_->asked - 1)) : Duration::zero();
  ask_at_ = std::min(ask_at_, std::max(now.steady + wait, asked_at_ + woken_->pace));
}

// Date has whole seconds, and our own idea of Okta's clock its error: not before the later of both.
void Poller::date_of_answer(Now now, const OrgFacts& org) {
  const WallTime okta_now = okta_time(now);
  const WallTime at_most = std::max(org.date.value_or(okta_now) + 1s, okta_now);
  for (LaterEvents* later : {&after_start_, &after_question_, &after_doubt_}) later->answered(at_most);
  if (place_.in_doubt) after_doubt_.not_before(place_.in_doubt->before);
}

std::optional<Batch> Poller::answered(Now now, OktaResult&& result, const OrgFacts& org, PageReader& reader) {
  CHECK(asking());
  if (!result) {
    take_transport_error(now, result.error());
    return std::nullopt;
  }
  learn_clock(now, org);
  OktaReply& reply = *result;
  if (beginning_) {
    take_clock(now, reply, org, reader);
    return std::nullopt;
  }
  if (reply.status() != 200) {
    take_status(now, reply, org);
    return std::nullopt;
  }
  date_of_answer(now, org);
  const auto read = reader.read(reply.answer);
  if (!read) return take_unreadable(now, reply, org, reader, read.error());
  if (has_room_for(reader.events().size())) return take_page(now, reply, org, reader.events(), {});
  refuse_surplus(now, reader.events().size());
  return std::nullopt;
}

// What was asked for has; a little more, where it leaves no more in doubt than may be.
bool Poller::has_room_for(std::size_t events) const {
  const std::uint32_t asked = std::get<Asking>(state_).limit;
  if (events > asked + limits::page_elements_margin) return false;
  return events <= asked || unsaved() + counts_for(events) <= limits::in_doubt_events;
}

// More than was asked for, and yet no more than a full page may hold: whoever answers does not heed the
// limit, so that a smaller one would not help.
void Poller::refuse_surplus(Now now, std::size_t events) {
  ++requests_.unusable;
  failed(now, {.kind = "surplus",
               .text = "Okta answered with " + std::to_string(events) + " elements where " +
                       std::to_string(std::get<Asking>(state_).limit) +
                       " events were asked for; full pages are asked for again",
               .level = Level::error});
  recover(full_limit);
}

std::optional<Batch> Poller::take_unreadable(Now now, const OktaReply& reply, const OrgFacts& org,
                                             PageReader& reader, const UnreadableBody& why) {
  const std::string_view body = reader.body();
  const bool alone = why.fault != BodyFault::encoding && unreadable_alone(now, reply, body);
  // Known by its own bytes, since it has no uuid that anybody could read; but only where they are seen to be
  // an event's: what is broken in between may give the same bytes in any event's place.
  const bool known = alone && filtering_ && PageCutter::begins_with_one_event(body) &&
                     Window::Page(window_, false).look_up(reader.whole().hash) == Window::Known::yes;
  if (known || (alone && unreadable_for_good(now, body, why.fault))) {
    std::string kept = set_aside_reason(why, body.size());
    if (!known) {
      note(Level::error, "one event makes its page unreadable; the page is set aside" +
                             (kept.empty() ? " whole" : " (" + kept + ")") + " and the next is asked");
    }
    trial_at_ = now.steady + limits::page_size_trial_max;  // It would only be met again, ...
    place_.restore_limit = reached() + to_ms(2 * limits::recovery_overlap);  // ... until it is well behind.
    unreadable_ = {};
    const std::vector<EventSlice>& whole = reader.take_whole(std::move(kept));
    return take_page(now, reply, org, whole, reader.unfit());
  }
  ++requests_.unusable;
  const bool too_many = why.fault == BodyFault::too_many;
  const bool encoded = why.fault == BodyFault::encoding;
  failed(now, {.kind = name_of(why.fault),
               .text = encoded ? encoding_text(reply.answer)
                               : "Okta answered 200 with " + describe_fault(why.fault) + " (" +
                                     std::to_string(why.bytes) + " bytes; " +
                                     counted(std::get<Asking>(state_).limit, "event") + " asked for)",
               .stuck = !alone && !encoded,
               .at_once = too_many || why.fault == BodyFault::too_large,
               .level = too_many || encoded ? Level::error : Level::warn});
  return std::nullopt;
}

// What is in doubt is dated as well as Okta's answers tell by now; our own clock may have jumped since.
void Poller::learn_clock(Now now, const OrgFacts& org) {
  place_.okta_offset_ms = org.offset.count();
  if (org.date) okta_clock_ = Now{.steady = now.steady, .wall = now.wall + org.offset};
  if (okta_clock_ && doubt_since_ && place_.in_doubt) {
    place_.in_doubt->before =
        std::max(okta_clock_->wall - to_ms(now.steady - *doubt_since_), doubted_before_);
  }
}

// The same bytes for long: something broken in between would not last. What is seen to be one event that is
// too large needs no such proof.
bool Poller::unreadable_for_good(Now now, std::string_view body, BodyFault fault) const {
  if (unreadable_.times < limits::failures_until_recovery) return false;
  if (now.steady - unreadable_.since >= limits::unreadable_patience) return true;
  return fault == BodyFault::too_large && PageCutter::begins_with_one_event(body);
}

// Any answer of Okta's shows its clock, also one that refuses. Where not even a page does, ours must do.
void Poller::take_clock(Now now, OktaReply& reply, const OrgFacts& org, PageReader& reader) {
  const bool page = reply.status() == 200 && reader.read(reply.answer);
  if (page) {
    ++requests_.ok;
    all_is_well(now);
  } else if (reply.status() == 200) {
    ++requests_.unusable;
    failed(now,
           {.kind = "not a page", .text = "Okta answered 200 with " + describe_fault(BodyFault::not_a_page)});
  } else {
    take_status(now, reply, org);
  }
  if (page || org.clock) begin(now, org);
}

void Poller::all_is_well(Now now) {
  if (const auto lasted = trouble_.healed(now.steady))
    note(Level::info, "answers again, after " + describe(*lasted));
  tries_ = 0;
  stuck_ = 0;
  last_error_.clear();
}

// An unreadable page of one single event with a good link behind it: no other question would cure it. Keeping
// what there is of it and going on frees the tenant.
bool Poller::unreadable_alone(Now now, const OktaReply& reply, std::string_view body) {
  const Asking& asking = std::get<Asking>(state_);
  if (asking.limit != 1) return false;
  const std::uint64_t hash = hash64(asking.target) ^ hash64(body);
  if (unreadable_.hash != hash) unreadable_ = {.hash = hash, .times = 0, .since = now.steady};
  ++unreadable_.times;
  const auto next = reply.next_target(domain_.origin());
  return next && *next != asking.target;
}

// ---- A page

std::optional<Batch> Poller::take_page(Now now, const OktaReply& reply, const OrgFacts& org,
                                       const std::vector<EventSlice>& events, std::string_view unfit) {
  const Asking asking = std::get<Asking>(state_);
  const WallTime okta_now = now.wall + org.offset;
  last_answer_ = now.wall;

  Page page{.asked = asking.limit, .next = asking.target};
  std::string why_not;  // The link is not followed.
  take_link(reply, events.empty(), page, why_not);
  const bool hostile = !why_not.empty();
  ++(hostile ? requests_.unusable : requests_.ok);
  const bool moved = page.next != asking.target;
  page.repeated = !moved && (!events.empty() || repeating_);
  const WallTime date = org.date.value_or(okta_now);
  Batch batch = choose(events, unfit, date, page);
  const Tail::Seen seen = hostile ? Tail::Seen::no
                                  : tail_.look({.events = events.size(),
                                                .new_events = batch.events.size(),
                                                .limit = asking.limit,
                                                .moved = moved && !reply.leads_to_itself(),
                                                .newest = newest_up_to(date, events),
                                                .date = date});
  const bool tail = seen != Tail::Seen::no;
  const bool end = seen == Tail::Seen::end;
  if (tail) page.tail_at = tail_at_ = okta_now;
  newest_read_ = later(newest_read_, page.newest);
  page.unsettled = static_cast<std::uint32_t>(batch.events.size());
  page.counts = counts_for(page.unsettled);
  page.passes = page.repeated || filtering_ ? 0 : page.unsettled;
  if (page.newest) page.watermark = std::min(*page.newest, date);
  page.ends_recovery = filtering_ && (end || after_question_.seen());
  page.ends_doubt = place_.in_doubt && ((end && okta_now >= place_.in_doubt->before) || after_doubt_.seen() ||
                                        (in_flight_ && in_flight_->left == 0));

  if (page.repeated) window_.add(page.hashes);
  if (page.ends_recovery) {
    filtering_.reset();
    nameless_.clear();
  }
  repeating_ = page.repeated;
  if (!filtering_ && !repeating_) {
    window_ = Window();
    window_from_.reset();
  }

  state_ = Waiting{};
  const bool nothing_new = !moved && batch.events.empty();
  if (!nothing_new) last_progress_ = now.steady;
  at_tail_ = tail;
  all_read_ = all_read_ || end || after_start_.seen();
  batch.newest = tail && pages_.empty();
  if (batch.events.empty() && !pages_.empty()) {
    fold(std::move(page), pages_.back());
  } else if (moved || !batch.events.empty() || question_) {
    page.number = ++pages_made_;
    pages_.push_back(std::move(page));
    batch.page = pages_.back().number;
    if (!batch.events.empty()) {
      outputs_.emplace_back(
          NoteInFlight{.stream = stream_, .page = batch.page, .events = pages_.back().hashes});
    }
  } else if (page.ends_recovery || page.ends_doubt) {
    if (page.ends_recovery) place_.recovering.reset();
    if (page.ends_doubt) place_.in_doubt.reset();
    save_place();
  }
  question_.reset();
  question_refused_ = false;

  if (hostile) {
    ++hostile_links_;
    failed(now, {.kind = "hostile link",
                 .text = "Okta's next link " + describe_refused_link(why_not) +
                         " and is not followed; the place is kept. Check what answers under this domain",
                 .level = Level::error});
  } else if (nothing_new && events.size() >= asking.limit) {
    failed(now, {.kind = "no link",
                 .text = "a full page that was seen before, without a link that leads on",
                 .stuck = true});
  } else {
    all_is_well(now);
    const bool rests = tail ? !policy_.once || !moved : !moved;
    ask_at_ = now.steady + (rests ? policy_.poll_interval : 0s);
    if (tail) ask_again_if_woken(now, events.empty());
    // New events for ever at a place that never moves. From the watermark on, the window is the store's
    // again.
    if (repeating_ && window_.size() > 2 * limits::window_events_max) recover(limit_);
  }
  pop_settled(now, org);
  if (batch.events.empty()) return std::nullopt;
  return batch;
}

// A page that brought nothing is passed with the one before it.
void Poller::fold(Page&& empty, Page& into) {
  into.asked = empty.asked;
  into.next = std::move(empty.next);
  into.repeated = empty.repeated;
  into.ends_recovery = into.ends_recovery || empty.ends_recovery;
  into.ends_doubt = into.ends_doubt || empty.ends_doubt;
  into.tail_at = later(into.tail_at, empty.tail_at);
}

// Okta may write our question in other words than we did, so that its self link has to tell whether next
// leads on.
void Poller::take_link(const OktaReply& reply, bool empty, Page& page, std::string& why_not) {
  if (!reply.next || (!empty && reply.leads_to_itself())) return;
  auto next = reply.next_target(domain_.origin());
  if (!next) {
    why_not = std::move(next.error());
    return;
  }
  page.next = std::move(*next);
  const std::string other = other_name_in(domain_.origin(), *reply.next);
  if (other.empty() || std::exchange(other_name_said_, true)) return;
  note(Level::info, "Okta's links name " + other + "; they are asked of " + domain_.name() +
                        ", and nothing goes to another host");
}

Batch Poller::choose(const std::vector<EventSlice>& events, std::string_view unfit, WallTime date,
                     Page& page) {
  Batch batch{.stream = stream_, .constants = constants_};
  batch.events.reserve(events.size());
  page.hashes.reserve(events.size());
  const std::uint32_t in_doubt = doubt_left();
  const bool filtering = filtering_ || repeating_;
  Window::Page known(window_, repeating_);
  const std::vector<Window::Known> seen_lately = recent_.look_up_and_add(events);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const EventSlice& event = events[i];
    ++counts_.fetched;
    if (event.will_be_flattened) ++counts_.flattened;
    const EventHash hash = event.hash;
    Window::Known found = filtering ? known.look_up(hash) : Window::Known::no;
    if (found == Window::Known::no) found = seen_lately[i];
    const bool under_way = filtering_ && hash.uuid == 0 && take_nameless(hash);
    const bool drop = found == Window::Known::yes || under_way;
    for (LaterEvents* later : {&after_start_, &after_question_, &after_doubt_})
      later->pass(event.published_at, drop);
    if (drop) {
      ++counts_.deduplicated;
      continue;
    }
    const bool doubted = in_doubt > 0 && may_have_been_in_flight(event, date);
    batch.events.push_back(
        {.event = &event, .mark = mark_of(event, found == Window::Known::changed, doubted), .unfit = unfit});
    page.hashes.push_back(hash);
    page.newest = later(page.newest, event.published_at);
  }
  return batch;
}

// Once for each time it is on its way.
bool Poller::take_nameless(const EventHash& hash) {
  const auto found = nameless_.find(hash.bytes);
  if (found == nameless_.end() || found->second == 0) return false;
  --found->second;
  return true;
}

// When the last run ended. What is published ahead of Okta's clock may have been read before.
bool Poller::may_have_been_in_flight(const EventSlice& event, WallTime date) {
  if (in_flight_) return in_flight_->meet(event.hash);
  const auto published = event.published_at;
  return !published || *published <= place_.in_doubt->before || *published > date + 1s;
}

Mark Poller::mark_of(const EventSlice& event, bool changed, bool doubted) const {
  const auto published = event.published_at;
  const auto not_after = [&](WallTime moment) { return !published || *published <= moment; };
  Mark mark;
  mark.backfill = published && *published < place_.first_start;
  // Asked again: older than what the window reaches, or without the uuid it would be known by.
  const bool beyond_window = (filtering_ || repeating_) && window_from_ && not_after(*window_from_);
  const bool unknowable = filtering_ && event.uuid.empty();
  mark.possible_duplicate = changed || doubted || beyond_window || unknowable;
  return mark;
}

std::uint32_t Poller::doubt_left() const {
  if (!place_.in_doubt) return 0;
  if (std::ranges::any_of(pages_, &Page::ends_doubt)) return 0;
  if (place_.in_doubt->events_left == InDoubt::up_to_the_tail) return InDoubt::up_to_the_tail;
  std::uint32_t passed = 0;
  for (const Page& page : pages_) passed += page.passes;
  return place_.in_doubt->events_left - std::min(passed, place_.in_doubt->events_left);
}

// ---- Failures

void Poller::take_transport_error(Now now, const TransportError& error) {
  ++requests_.transport;
  const bool too_large = error.fault == TransportFault::answer_too_large;
  const bool stuck =
      error.fault == TransportFault::timed_out || error.fault == TransportFault::cut || too_large;
  failed(now, {.kind = name_of(error.fault),
               .text = with_cure(error),
               .stuck = stuck,
               .at_once = too_large,
               .urgency = urgency_of(error)});
}

void Poller::take_status(Now now, const OktaReply& reply, const OrgFacts& org) {
  const HttpAnswer& answer = reply.answer;
  const std::string said = std::to_string(answer.status) + " " + describe_okta_error(answer);
  if (org.standing == Standing::foreign && answer.status < 500) return take_foreign(now, answer);
  switch (answer.status) {
    case 429:
      ++requests_.limited;
      failed(now, {.kind = "429",
                   .text = org.standing == Standing::crowded
                               ? "Okta has too many requests at once (429); a short pause"
                               : "Okta's rate limit is reached (429); quiet until " +
                                     format_rfc3339(org.quiet_until.value_or(now.wall))});
      ask_at_ = now.steady;  // The org knows until when.
      if (org.standing == Standing::limited) keep_quiet(now, org);
      return;
    case 401:
      ++requests_.unauthorized;
      failed(now, {.kind = "401",
                   .text = "Okta refuses the API key (" + said + "); " +
                           (org.all_keys_refused ? "" : "another key takes over; ") + key_cure_,
                   .level = Level::error});
      ask_at_ = now.steady;
      return;
    case 403:
      ++requests_.forbidden;
      failed(now,
             {.kind = "403",
              .text = "Okta forbids reading the System Log (" + said +
                      "): give the key's owner the Report Administrator role or better, and check the key's "
                      "allowed network zone",
              .level = Level::error});
      return;
    default:
      break;
  }
  if (is_about_the_question(answer.status)) {
    take_refusal(now, said);
  } else if (answer.status >= 500) {
    ++requests_.server_error;
    // E0000009: Okta's own 30 s for a query were not enough (docs/okta.md 3). Any other is an outage, and a
    // smaller question would only be slower when it is over.
    const bool took_too_long = answer.status == 500 && said.find("E0000009") != std::string::npos;
    failed(now, {.kind = "5xx", .text = "Okta answered " + said, .stuck = took_too_long});
  } else if (answer.status >= 300 && answer.status < 400) {
    ++requests_.client_error;
    failed(now, {.kind = "3xx",
                 .text = "Okta answered with a redirect (" + std::to_string(answer.status) +
                         "), which is never followed: check okta_domain",
                 .level = Level::error});
  } else {
    ++requests_.client_error;
    failed(now, {.kind = "status", .text = "Okta answered " + said});
  }
}

// No other 4xx goes away by asking the same again.
void Poller::take_refusal(Now now, const std::string& said) {
  const bool own_question = std::get<Asking>(state_).own_question;
  const std::string target = std::get<Asking>(state_).target;
  ++requests_.client_error;
  failed(now, {.kind = "4xx",
               .text = said.starts_with("404") ? no_org_text(said)
                       : own_question          ? "Okta refuses the query (" + said + ")"
                                      : "Okta refuses its own next link (" + said + "); asking again from " +
                                            format_rfc3339(place_.watermark.value_or(place_.since)),
               .level = own_question || said.starts_with("404") ? Level::error : Level::warn});
  if (beginning_) return;
  question_refused_ = question_refused_ || own_question;
  if (!own_question) {
    recover(full_limit);
  } else if (target != first_target(recovery_start(now), limit_, query_)) {
    recover(limit_);  // It went back further than Okta keeps events; this one will not.
  }
}

// A firewall's or a proxy's page says nothing about the key, nor about the link, which it would refuse in any
// other words as well. Only where it is about the question, another one may do.
void Poller::take_foreign(Now now, const HttpAnswer& answer) {
  ++requests_.client_error;
  const bool redirect = answer.status < 400;
  failed(now,
         {.kind = "foreign",
          .text = "something in between answers in Okta's place (" + std::to_string(answer.status) + " " +
                  describe_okta_error(answer) + (redirect ? "); its redirect is never followed" : ")") +
                  ": let requests to this domain through the proxy or firewall",
          .stuck = is_about_the_question(answer.status),
          .urgency = Urgency::lasting});
}

void Poller::failed(Now now, const Failure& failure) {
  last_error_ = failure.text;
  at_tail_ = false;
  if (const auto level = trouble_.failed(now.steady, failure.kind, failure.urgency))
    note(std::max(*level, failure.level), failure.text);
  state_ = Waiting{};
  ask_at_ = now.steady + backoff(limits::ask_backoff_base, limits::ask_backoff_max, tries_++, random_);
  if (!failure.stuck || beginning_) return;
  stuck_ = failure.at_once ? limits::failures_until_recovery : stuck_ + 1;
  if (stuck_ < limits::failures_until_recovery) return;
  if (trial_) {
    trial_at_ =
        now.steady + doubled(limits::page_size_trial_base, limits::page_size_trial_max, failed_trials_++);
  }
  recover(trial_ ? trial_->fall_back : next_smaller(limit_));
  trial_.reset();
}

// ---- Recovering

void Poller::recover(std::uint32_t limit) {
  stuck_ = 0;
  state_ = SavingPages{.limit = limit};
  recover_if_saved();
}

// What is not settled yet may stay so for ever, as far as the listener is concerned, and is known by the
// pages themselves: an event without a uuid by its bytes, as often as it is on its way.
void Poller::recover_if_saved() {
  const auto* saving = std::get_if<SavingPages>(&state_);
  if (!saving || saves_pending()) return;
  ReadingWindow reading{.recover_with = saving->limit};
  nameless_.clear();
  for (const Page& page : pages_) {
    reading.unsettled.insert(reading.unsettled.end(), page.hashes.begin(), page.hashes.end());
    for (const EventHash& hash : page.hashes) {
      if (hash.uuid == 0) ++nameless_[hash.bytes];
    }
  }
  state_ = std::move(reading);
  outputs_.emplace_back(ReadWindow{.stream = stream_});
}

void Poller::ask_from_watermark(Now now, std::uint32_t limit) {
  for (Page& page : pages_) page.ends_recovery = false;  // It was another.
  const WallTime since = recovery_start(now);
  limit_ = limit;  // The place takes it up with the first page under the new question.
  place_.recovering = filtering_ = reached();
  after_question_.begin(*filtering_ + to_ms(limits::recovery_overlap));
  if (limit < full_limit) place_.restore_limit = reached() + to_ms(2 * limits::recovery_overlap);
  place_dirty_ = true;
  repeating_ = false;
  question_ = first_target(since, limit, query_);
  tail_.asked_anew();
  note(Level::warn, "asks again from " + format_rfc3339(since) + " with " + std::to_string(limit) +
                        " events a page; what was delivered since then is recognised and not sent twice");
}

// By what was read, settled or not.
WallTime Poller::reached() const {
  WallTime reached = place_.watermark.value_or(place_.since);
  for (const Page& page : pages_) reached = std::max(reached, page.watermark.value_or(reached));
  return reached;
}

// Okta refuses a `since` from far before what it keeps. Only then is a clock asked how far back that is: were
// it wrong, the start would be too.
WallTime Poller::recovery_start(Now now) const {
  const WallTime reached = place_.watermark.value_or(place_.since);
  const WallTime since = std::max(reached - to_ms(limits::recovery_overlap), place_.since);
  if (!question_refused_) return since;
  return std::max(since, okta_time(now) - to_ms(limits::retention));
}

// ---- Settling and saving

void Poller::settled(Now now, const Settlement& settlement, const OrgFacts& org) {
  const auto page = std::ranges::find(pages_, settlement.page, &Page::number);
  const std::uint32_t settled = settlement.delivered + settlement.set_aside;
  if (page == pages_.end()) {  // A copy that waited for room, of what was delivered in the meantime.
    CHECK(settled == 0);
    save_place(settlement.kept);
    return;
  }
  CHECK(settled <= page->unsettled);
  page->unsettled -= settled;
  page->touched = page->touched || settled > 0;
  page->kept.insert(page->kept.end(), settlement.kept.begin(), settlement.kept.end());
  counts_.delivered += settlement.delivered;
  counts_.marked += settlement.marked;
  counts_.reduced += settlement.reduced;
  counts_.set_aside += settlement.set_aside;
  last_delivery_ = now.wall;
  last_progress_ = now.steady;
  pop_settled(now, org);
  recover_if_saved();
}

void Poller::pop_settled(Now now, const OrgFacts& org) {
  Save next{.stream = stream_};
  std::uint32_t counts = 0;
  for (; !pages_.empty() && pages_.front().unsettled == 0; pages_.pop_front()) {
    counts += pages_.front().counts;
    move_place(org, pages_.front(), next);
  }
  const bool tail_is_news = pages_.empty() && tail_at_ &&
                            (!place_.caught_up || *tail_at_ - *place_.caught_up > std::chrono::hours(24));
  if (tail_is_news) place_.caught_up = tail_at_;
  if (counts > 0 || tail_is_news) {
    trim_window(next);
    next.place = place_;
    save(std::move(next), counts);
  }
  restore_limit(now);
}

// Small pages help past what cannot be had in a large one. An outage looks the same and needs no cure, so the
// full size is on trial as soon as anything was answered; when that fails, ever more rarely until the
// watermark is past the trouble.
void Poller::restore_limit(Now now) {
  if (stopping_ || question_ || tries_ > 0 || !std::holds_alternative<Waiting>(state_)) return;
  if (limit_ == full_limit) {
    if (trial_ && !at_tail_ && place_.watermark < trial_->until) return;
    trial_.reset();
    trial_at_ = Instant{};
    failed_trials_ = 0;
    return;
  }
  const bool past_the_trouble = !place_.restore_limit || place_.watermark >= place_.restore_limit;
  if (!past_the_trouble && now.steady < trial_at_) return;
  if (!past_the_trouble) trial_ = Trial{.fall_back = limit_, .until = *place_.restore_limit};
  recover(full_limit);
}

void Poller::move_place(const OrgFacts& org, Page& page, Save& save) {
  place_.next = std::move(page.next);
  place_.limit = page.asked;
  if (place_.limit == full_limit && limit_ == full_limit) place_.restore_limit.reset();
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

void Poller::trim_window(Save& save) {
  while (!rows_.empty() &&
         (row_events_ > limits::window_events_max || rows_.size() > limits::window_rows_max)) {
    place_.window_from = later(place_.window_from, rows_.front().newest.value_or(place_.since));
    row_events_ -= rows_.front().events;
    rows_.pop_front();
  }
  save.rows_from = rows_.empty() ? 0 : rows_.front().page;
}

bool Poller::has_place() const {
  return !beginning_ && !std::holds_alternative<Created>(state_) && !std::holds_alternative<Opening>(state_);
}

void Poller::keep_quiet(Now now, const OrgFacts& org) {
  if (!has_place()) return;
  learn_clock(now, org);  // A standby key's answer may be the first of this run.
  place_.quiet_until = org.quiet_until;
  if (!undated()) return save_place();
  place_dirty_ = true;
}

void Poller::save_place(const std::vector<SetAside>& kept) {
  Save same{.stream = stream_, .place = place_, .set_aside = kept};
  same.rows_from = rows_.empty() ? 0 : rows_.front().page;
  save(std::move(same), 0);
}

void Poller::save(Save&& save, std::uint32_t counts) {
  save.number = ++saves_made_;
  if (!place_.in_doubt) in_flight_.reset();
  save.in_flight_from = place_.in_doubt ? 0 : place_.pages + 1;
  save.overtaken = overtaken_;
  unacknowledged_.emplace_back(save.number, counts);
  place_dirty_ = false;
  outputs_.emplace_back(std::move(save));
}

void Poller::saved(Now now, std::uint64_t number) {
  saves_done_ = std::max(saves_done_, number);
  while (!unacknowledged_.empty() && unacknowledged_.front().first <= number) unacknowledged_.pop_front();
  if (std::holds_alternative<SavingStart>(state_)) {
    last_progress_ = now.steady;
    state_ = Waiting{};
    ask_at_ = std::max(ask_at_, now.steady);
  }
  recover_if_saved();
}

// Our own clock may have jumped since Okta last answered.
WallTime Poller::okta_time(Now now) const {
  if (!okta_clock_) return now.wall + std::chrono::milliseconds(place_.okta_offset_ms);
  return okta_clock_->wall + to_ms(now.steady - okta_clock_->steady);
}

void Poller::finish(Now now, bool doubtful) {
  if (doubtful || partly_settled()) doubt(now, now.steady, limits::in_doubt_events);
  if (place_dirty_ && !undated() && has_place()) save_place();
}

// Without an answer of Okta in this run nobody knows by its clock when the doubt began; then no save clears
// the store's own note of the unclean end, which the next run meets again.
bool Poller::undated() const {
  return doubt_since_ && !okta_clock_;
}

void Poller::abandon(Now now, bool doubtful) {
  finish(now, doubtful);
  for (const Page& page : pages_) counts_.fetched -= page.unsettled;
  pages_.clear();
}

void Poller::may_have_arrived(std::uint64_t number) {
  const auto page = std::ranges::find(pages_, number, &Page::number);
  CHECK(page != pages_.end());
  page->touched = true;
}

bool Poller::partly_settled() const {
  return std::ranges::any_of(pages_, &Page::touched);
}

// A gap is booked by Okta's clock alone. Ours will do to speak of one.
void Poller::watch_retention(Now now, const OrgFacts& org) {
  if (!has_place()) return;
  const WallTime okta_now = now.wall + org.offset;
  const WallTime position = std::max(
      {place_.since, place_.watermark.value_or(place_.since), place_.caught_up.value_or(place_.since)});
  const auto age = okta_now - position;
  if (age < to_ms(limits::backlog_alarm)) {
    static_cast<void>(backlog_.healed(now.steady));
    return;
  }
  const WallTime kept_from = okta_now - to_ms(limits::retention);
  const bool lost = position + 1h < kept_from;
  if (lost && org.clock) {
    if (!place_.gap_until || *place_.gap_until < position) {
      place_.gap_from = position;
      ++gaps_;
    }
    place_.gap_until = kept_from;
    place_dirty_ = true;
    if (!undated()) save_place();
  }
  if (!backlog_.failed(now.steady, "backlog")) return;
  const std::string behind =
      "is " + describe(std::min(age, behind_max)) + " behind, and Okta keeps events for 90 days: ";
  note(Level::error,
       lost ? behind + "the events between " + format_rfc3339(org.clock ? *place_.gap_from : position) +
                  " and " + format_rfc3339(kept_from) + " are lost" +
                  (org.clock ? "" : ", if this machine's clock is right")
            : behind + "loss begins on " + format_rfc3339(position + to_ms(limits::retention)).substr(0, 10));
}

// ---- What others see

TenantReport Poller::report(Now now) const {
  TenantReport report;
  report.domain = domain_.name();
  report.events = counts_;
  for (const Page& page : pages_) report.events.in_flight += page.unsettled;
  report.requests = requests_;
  report.newest_event = place_.watermark;
  report.last_answer = last_answer_;
  report.last_delivery = last_delivery_;
  report.hostile_links = hostile_links_;
  report.gaps = gaps_;
  report.recovering = place_.recovering.has_value();
  report.last_error = last_error_;
  if (at_tail_ && last_answer_) {
    // Nothing was left at the last answer; what has come since then nobody knows.
    const Duration unheard = now.wall - *last_answer_;
    report.behind = unheard > policy_.poll_interval + tail_grace ? unheard : Duration(0);
  } else if (place_.watermark) {
    report.behind = std::clamp(okta_time(now) - *place_.watermark, 0ms, behind_max);  // They tell any date.
  }
  if (std::holds_alternative<Waiting>(state_)) report.next_ask = std::max<Duration>(ask_at_ - now.steady, 0s);
  const bool working = asking() || std::holds_alternative<Waiting>(state_);
  if (stopping_) {
    report.state = TenantState::stopped;
  } else if (policy_.once && finished()) {
    report.state = TenantState::finished;
  } else if (!last_error_.empty()) {
    report.state = TenantState::backing_off;
  } else {
    report.state = working && !beginning_ ? TenantState::following : TenantState::opening;
  }
  return report;
}

void Poller::note(Level level, std::string text) {
  outputs_.emplace_back(Note{.level = level, .tenant = domain_.name(), .text = std::move(text)});
}

std::optional<Output> Poller::next_output() {
  if (outputs_.empty()) return std::nullopt;
  Output output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

}  // namespace logzio_okta
