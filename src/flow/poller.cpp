#include "logzio_okta/flow/poller.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/beginning.hpp"
#include "logzio_okta/okta/log_query.hpp"

namespace logzio_okta {

Poller::Poller(StreamId stream, const TenantSpec& spec, const Policy& policy, Random random)
    : domain_(spec.domain),
      query_(spec.query),
      policy_(policy),
      progress_(stream),
      question_(spec.query),
      reading_(policy.poll_interval),
      setbacks_(random) {
  policy_.since = spec.since.value_or(policy.since);
  seen_.domain = domain_.name();
  take_constants(spec);
}

void Poller::take_constants(const TenantSpec& spec) {
  constants_ = std::make_shared<const LineConstants>(domain_.name(), spec.type, spec.fields);
  key_cure_ = spec.key_cure;
}

void Poller::start(Instant now) {
  stand_by(now);
  outputs_.emplace_back(OpenStream{.stream = stream(), .key = query_.stream_key(domain_)});
}

void Poller::stand_by(Instant now) {
  last_progress_ = now;
  state_ = Opening{};
}

void Poller::opened(Now now, const Opened& opened, Instant began, const OrgFacts& org) {
  CHECK(std::holds_alternative<Opening>(state_));
  last_progress_ = now.steady;
  ask_at_ = now.steady;
  if (!opened.place) {
    question_.open(now.steady, Question::full_limit);
    state_ = Waiting{};
    if (org.clock) begin(now, org);
    return;
  }
  progress_.open(opened);
  recogniser_.open(place(), opened.recent);
  question_.open(now.steady, place().limit);
  wake_.read(place().watermark);
  const std::string why_marked = progress_.take_doubt(now, opened, began);
  note(Level::info,
       "continues after the events up to " + format_rfc3339(progress_.settled_up_to()) + why_marked);
  if (!judge_saved_link()) {
    recover(Question::full_limit);
  } else if (recogniser_.filtering() || recogniser_.repeating()) {
    state_ = ReadingWindow{};
    outputs_.emplace_back(ReadWindow{.stream = stream()});
  } else {
    state_ = Waiting{};
  }
}

// Another program may have written the state, or it may be a copy of another org's. A key goes with the link,
// so it is checked like a link in an answer.
bool Poller::judge_saved_link() {
  if (place().next.empty()) return true;
  auto next = admit_next(domain_.origin(), place().next);
  progress_.replace_link(next ? std::move(*next) : std::string());
  if (next) return true;
  ++seen_.hostile_links;
  note(Level::error, "the link saved in the state leaves the org or its System Log (" + next.error() +
                         ") and is not followed; the state is damaged or was written by another program");
  return false;
}

void Poller::begin(Now now, const OrgFacts& org) {
  // Nothing has progressed since it was opened.
  Place place = first_place(policy_.since, now.steady - last_progress_, now, org);
  note(Level::info, (query_.plain() ? "new tenant: starts with the events since "
                                    : "new filter: starts with the events that match it since ") +
                        format_rfc3339(place.since));
  if (!org.clock) {
    note(Level::warn,
         "Okta's answers have no date, so the start is calculated from this machine's clock: check that it "
         "is right");
  }
  state_ = SavingStart{};
  send(progress_.begin(std::move(place)));
}

void Poller::window_read(Now now, const WindowRead& read) {
  const auto* reading = std::get_if<ReadingWindow>(&state_);
  CHECK(reading != nullptr);
  recogniser_.take_window(read.rows, reading->unsettled, place().window_from);
  const auto limit = reading->recover_with;
  state_ = Waiting{};
  if (limit) ask_from_watermark(now, *limit);
}

// Asking.

bool Poller::wants_to_ask(Now now, bool probing) const {
  if (stopping_ || !std::holds_alternative<Waiting>(state_) || now.steady < ask_at_) return false;
  if (policy_.once && reading_.all_read()) return false;
  return room_for_a_page(probing ? limits::in_doubt_events : limits::events_unsaved_max);
}

bool Poller::held_up(Now now) const {
  return !stopping_ && std::holds_alternative<Waiting>(state_) &&
         now.steady - ask_at_ > limits::commit_patience && !room_for_a_page();
}

bool Poller::room_for_a_page(std::size_t events_max) const {
  return progress_.unsaved() + counts_for(question_.limit_of_next(progress_.asked())) <= events_max;
}

Instant Poller::deadline() const {
  if (stopping_ || !std::holds_alternative<Waiting>(state_) || (policy_.once && reading_.all_read()))
    return never;
  return ask_at_;
}

std::string Poller::ask(Now now) {
  CHECK(wants_to_ask(now, true));
  wake_.asked(now.steady);
  Asking asking{.asked = question_.next(progress_.next(), progress_.asked(), place().since)};
  if (!progress_.has_place()) asking.asked.target = clock_target();
  std::string target = asking.asked.target;
  state_ = std::move(asking);
  return target;
}

void Poller::stop() {
  stopping_ = true;
  if (asking()) state_ = Waiting{};
}

void Poller::resume(Now now) {
  stopping_ = false;
  progress_.resume(now);
  ask_at_ = now.steady;
}

void Poller::wake(Now now) {
  setbacks_.begin_anew();
  ask_at_ = std::min(ask_at_, now.steady);
}

void Poller::hook_arrived(Now now, std::optional<WallTime> published, Duration pace) {
  wake_.hook_arrived(published, pace);
  // Otherwise it already asks as fast as allowed, or waits after a failure.
  if (at_tail()) ask_at_ = std::min(ask_at_, wake_.first(now.steady));
}

// An answer.

std::optional<Batch> Poller::answered(Now now, OktaResult&& result, const OrgFacts& org, PageReader& reader) {
  CHECK(asking());
  if (!result) {
    failed(now, failure_of(result.error()));
    return std::nullopt;
  }
  progress_.learn_clock(now, org);
  OktaReply& reply = *result;
  if (!progress_.has_place()) {
    take_clock(now, reply, org, reader);
    return std::nullopt;
  }
  if (reply.status() != 200) {
    take_refusal(now, reply, org);
    return std::nullopt;
  }
  date_of_answer(now, org);
  const auto read = reader.read(reply.answer);
  if (!read || !reader.events().empty()) reading_.row_ends();
  if (!read) return take_unreadable(now, reply, org, reader, read.error());
  const std::size_t events = reader.events().size();
  if (has_room_for(events)) return take_page(now, reply, org, reader.events(), {});
  failed(now, surplus(events, std::get<Asking>(state_).asked.limit));
  recover(Question::full_limit);
  return std::nullopt;
}

// Date has whole seconds, and our estimate of Okta's clock has an error: take the later of both.
void Poller::date_of_answer(Now now, const OrgFacts& org) {
  const WallTime okta_now = progress_.okta_time(now);
  const WallTime at_most = std::max(org.date.value_or(okta_now) + 1s, okta_now);
  reading_.answered(at_most);
  recogniser_.answered(at_most);
  progress_.answered(at_most);
}

// Always for what was asked for; for a little more, if it leaves no more in doubt than allowed.
bool Poller::has_room_for(std::size_t events) const {
  const std::uint32_t asked = std::get<Asking>(state_).asked.limit;
  if (events > asked + limits::page_elements_margin) return false;
  return events <= asked || progress_.unsaved() + counts_for(events) <= limits::in_doubt_events;
}

std::optional<Batch> Poller::take_unreadable(Now now, const OktaReply& reply, const OrgFacts& org,
                                             PageReader& reader, const UnreadableBody& why) {
  const Question::Asked& asked = std::get<Asking>(state_).asked;
  const std::string_view body = reader.body();
  const auto next = reply.next_target(domain_.origin());
  const bool leads_on = next && *next != asked.target;
  const bool alone =
      why.fault != BodyFault::encoding && question_.unreadable_alone(now.steady, asked, body, leads_on);
  // Identified by its own bytes, because its uuid is unreadable; but only if they are visibly an event's: a
  // fault in between may return the same bytes in place of any event.
  const bool known = alone && recogniser_.filtering() && PageCutter::begins_with_one_event(body) &&
                     recogniser_.settled_before(reader.whole().hash);
  if (!known && !(alone && question_.unreadable_for_good(now.steady, body, why.fault))) {
    failed(now, failure_of(reply, why, asked.limit, alone));
    return std::nullopt;
  }
  std::string kept = set_aside_reason(why, body.size());
  if (!known) {
    note(Level::error, "one event makes its page unreadable; the page is set aside" +
                           (kept.empty() ? " whole" : " (" + kept + ")") + " and the next one is requested");
  }
  // Full pages would only meet it again until it is well behind us.
  question_.pass_unreadable(now.steady);
  progress_.small_pages_until(progress_.reached() + to_ms(2 * limits::recovery_overlap));
  const std::vector<EventSlice>& whole = reader.take_whole(std::move(kept));
  return take_page(now, reply, org, whole, reader.unfit());
}

// Any answer from Okta shows its clock, even a refusal. If not even a page does, ours must serve.
void Poller::take_clock(Now now, OktaReply& reply, const OrgFacts& org, PageReader& reader) {
  bool page = false;
  if (reply.status() != 200) {
    take_refusal(now, reply, org);
  } else if (const auto read = reader.read(reply.answer); !read) {
    failed(now, failure_of(reply, read.error(), 1, true));
  } else {
    page = true;
    ++seen_.requests.ok;
    all_is_well(now);
  }
  if (page || org.clock) begin(now, org);
}

void Poller::all_is_well(Now now) {
  if (const auto lasted = setbacks_.healed(now.steady))
    note(Level::info, "answers again, after " + describe(*lasted));
  question_.unstuck();
  seen_.last_error.clear();
}

// A page.

std::optional<Batch> Poller::take_page(Now now, const OktaReply& reply, const OrgFacts& org,
                                       const std::vector<EventSlice>& events, std::string_view unfit) {
  const Question::Asked asked = std::get<Asking>(state_).asked;
  const WallTime okta_now = now.wall + org.offset;
  if (!asked.own) setbacks_.link_answered();
  ReadPage read = reading_.read({.reply = reply,
                                 .asked = asked,
                                 .events = events,
                                 .unfit = unfit,
                                 .date = org.date.value_or(okta_now),
                                 .okta_now = okta_now},
                                domain_.origin(), progress_, recogniser_, seen_.events);
  if (!read.other_name.empty()) {
    note(Level::info, "Okta's links name " + read.other_name + "; they are requested from " + domain_.name() +
                          ", and nothing goes to another host");
  }
  wake_.read(read.page.newest);

  state_ = Waiting{};
  if (read.news) last_progress_ = now.steady;
  lateness_.answered(now.steady, read.tail != Tail::Seen::no);
  if (at_tail()) progress_.saw_tail(okta_now);
  read.batch.constants = constants_;
  read.batch.newest = at_tail() && progress_.pages().empty();
  keep(std::move(read.page), read.batch, read.moved);
  question_.answered();
  go_on(now, read);
  pop_settled(now, org);
  if (read.batch.events.empty()) return std::nullopt;
  return std::move(read.batch);
}

void Poller::keep(LogPage&& page, Batch& batch, bool moved) {
  if (batch.events.empty() && !progress_.pages().empty()) {
    progress_.fold(std::move(page));
  } else if (moved || !batch.events.empty() || question_.own()) {
    batch.page = progress_.push(std::move(page));
    if (batch.events.empty()) return;
    outputs_.emplace_back(
        NoteInFlight{.stream = stream(), .page = batch.page, .events = progress_.pages().back().hashes});
  } else {
    send(progress_.pass(page));
  }
}

void Poller::go_on(Now now, const ReadPage& read) {
  if (!read.why_not.empty()) {
    ++seen_.hostile_links;
    return failed(now, hostile_link(read.why_not));
  }
  if (!read.news && read.full) return failed(now, no_link());
  ++seen_.requests.ok;
  all_is_well(now);
  const bool rests = at_tail() ? !policy_.once || !read.moved : !read.moved;
  ask_at_ = now.steady + (rests ? policy_.poll_interval : 0s);
  if (at_tail()) {
    if (const auto again = wake_.again(now.steady, read.events == 0)) ask_at_ = std::min(ask_at_, *again);
  }
  // From the watermark, with the window from the store again.
  if (recogniser_.overgrown()) recover(question_.limit());
}

// Failures.

void Poller::take_refusal(Now now, const OktaReply& reply, const OrgFacts& org) {
  const Question::Asked asked = std::get<Asking>(state_).asked;
  const Failure failure = failure_of(reply, {.org = org,
                                             .own_question = asked.own,
                                             .settled_up_to = progress_.settled_up_to(),
                                             .followed = place().watermark.has_value(),
                                             .key_cure = key_cure_,
                                             .wall = now.wall});
  const bool link_refused = failure.then == Failure::Then::change_question && !asked.own;
  if (link_refused) setbacks_.link_refused();
  failed(now, failure);
  switch (failure.then) {
    case Failure::Then::back_off:
      return;
    case Failure::Then::ask_the_org:
      ask_at_ = now.steady;
      return;
    case Failure::Then::keep_quiet:
      ask_at_ = now.steady;
      return keep_quiet(now, org);
    case Failure::Then::change_question:
      break;
  }
  if (!progress_.has_place()) return;
  if (link_refused) return recover(Question::full_limit);
  question_.refused();
  // It may go back further than Okta keeps events; a new one would not.
  if (asked.target != question_.target_from(recovery_start(now))) recover(question_.limit());
}

void Poller::failed(Now now, const Failure& failure) {
  ++(seen_.requests.*failure.counted);
  seen_.last_error = failure.text;
  lateness_.failed();
  if (const auto level = setbacks_.failed(now.steady, failure))
    note(*level, failure.text + setbacks_.so_far(now.steady));
  state_ = Waiting{};
  ask_at_ = now.steady + setbacks_.wait();
  if (!failure.stuck || !progress_.has_place()) return;
  if (const auto limit = question_.stuck(now.steady, failure.at_once)) recover(*limit);
}

// Recovering.

void Poller::recover(std::uint32_t limit) {
  question_.unstuck();
  state_ = SavingPages{.limit = limit};
  recover_if_saved();
}

// Unsettled events may stay so as long as the listener refuses them, and are known from the pages: an event
// without a uuid by its bytes, as often as it is in flight.
void Poller::recover_if_saved() {
  const auto* saving = std::get_if<SavingPages>(&state_);
  if (!saving || saves_pending()) return;
  ReadingWindow reading{.recover_with = saving->limit};
  for (const LogPage& page : progress_.pages())
    reading.unsettled.insert(reading.unsettled.end(), page.hashes.begin(), page.hashes.end());
  recogniser_.note_nameless(progress_.pages());
  state_ = std::move(reading);
  outputs_.emplace_back(ReadWindow{.stream = stream()});
}

void Poller::ask_from_watermark(Now now, std::uint32_t limit) {
  const WallTime since = recovery_start(now);
  const WallTime reached = progress_.reached();
  progress_.recover_from(reached);
  recogniser_.filter_until(reached);
  if (limit < Question::full_limit)
    progress_.small_pages_until(reached + to_ms(2 * limits::recovery_overlap));
  question_.ask_from(since, limit);
  reading_.row_ends();
  if (!asks_again_.failed(now.steady, "again")) return;
  note(Level::warn, "reading again from " + format_rfc3339(since) + " with " + std::to_string(limit) +
                        " events per page; events delivered since then are recognised and not sent twice");
}

// Okta refuses a `since` from far before what it keeps. Only then is a clock used to decide how far back that
// is: if it is wrong, the start is wrong too.
WallTime Poller::recovery_start(Now now) const {
  const WallTime reached = progress_.settled_up_to();
  const WallTime since = std::max(reached - to_ms(limits::recovery_overlap), place().since);
  if (!question_.was_refused()) return since;
  return std::max(since, progress_.okta_time(now) - to_ms(limits::retention));
}

// Settling and saving.

void Poller::settled(Now now, const Settlement& settlement, const OrgFacts& org) {
  if (!progress_.settle(settlement)) {  // A copy that waited for room; its event was delivered meanwhile.
    send(progress_.save(settlement.kept));
    return;
  }
  count(seen_.events, settlement);
  lateness_.delivered(now.steady);
  last_progress_ = now.steady;
  pop_settled(now, org);
  recover_if_saved();
}

void Poller::settled_too_late(const Settlement& settlement) {
  if (progress_.settle(settlement)) count(seen_.events, settlement);
}

void Poller::pop_settled(Now now, const OrgFacts& org) {
  send(progress_.pop_settled(org, question_.full_pages()));
  if (stopping_ || setbacks_.any() || !std::holds_alternative<Waiting>(state_)) return;
  const auto limit = question_.try_full_pages(
      now.steady,
      {.watermark = place().watermark, .restore_limit = place().restore_limit, .at_tail = at_tail()});
  if (limit) recover(*limit);
}

void Poller::keep_quiet(Now now, const OrgFacts& org) {
  if (!progress_.has_place()) return;
  progress_.learn_clock(now, org);  // A standby key's answer may be the first of this run.
  progress_.keep_quiet(org.quiet_until);
  send(progress_.save_if_dirty());
}

void Poller::saved(Now now, std::uint64_t number) {
  progress_.saved(number);
  if (std::holds_alternative<SavingStart>(state_)) {
    last_progress_ = now.steady;
    state_ = Waiting{};
    ask_at_ = std::max(ask_at_, now.steady);
  }
  recover_if_saved();
}

void Poller::finish(Now now, bool doubtful) {
  if (doubtful || partly_settled()) progress_.doubt(now, now.steady, limits::in_doubt_events);
  send(progress_.save_if_dirty());
}

void Poller::abandon(Now now, bool doubtful) {
  finish(now, doubtful);
  seen_.events.fetched -= progress_.pages().events();
  progress_.forget_pages();
}

void Poller::watch_retention(Now now, const OrgFacts& org) {
  if (!progress_.has_place()) return;
  const Retention::Look look = retention_.look(now, org, place());
  if (look.gap) {
    if (progress_.lost(look.gap->from, look.gap->until)) ++seen_.gaps;
    send(progress_.save_if_dirty());
  }
  if (look.alarm) note(Level::error, *look.alarm);
}

// Reporting.

TenantReport Poller::report(Now now) const {
  TenantReport report = seen_;
  report.events.in_flight = progress_.pages().events();
  report.newest_event = place().watermark;
  report.recovering = place().recovering.has_value();
  lateness_.report(now, progress_, policy_.poll_interval, report);
  if (std::holds_alternative<Waiting>(state_)) report.next_ask = std::max<Duration>(ask_at_ - now.steady, 0s);
  const bool working = asking() || std::holds_alternative<Waiting>(state_);
  if (stopping_) {
    report.state = TenantState::stopped;
  } else if (policy_.once && finished()) {
    report.state = TenantState::finished;
  } else if (!seen_.last_error.empty()) {
    report.state = TenantState::backing_off;
  } else {
    report.state = working && progress_.has_place() ? TenantState::following : TenantState::opening;
  }
  return report;
}

void Poller::send(std::optional<Save>&& save) {
  if (save) outputs_.emplace_back(std::move(*save));
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
