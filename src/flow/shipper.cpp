#include "logzio_okta/flow/shipper.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/flow/bulk_parts.hpp"
#include "logzio_okta/logzio/line_again.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {
namespace {

constexpr std::size_t splice_bytes_guess = 512;  // Besides the message; only decides when a bulk is full.
constexpr std::size_t never_too_large =
    64 * limits::KiB;  // A 413 for a line as small as this is not about its size.
constexpr int refusals_until_fresh_bulk = 3;
constexpr std::size_t blind_pieces_max = 128;  // Of waiting bulks, while none passes to compare with.

/// Why an event cannot become a line at all; empty if it can.
std::string_view unfit_for_a_line(const EventSlice& event, Protocol protocol) {
  if (!event.object) return "not a JSON object";
  if (event.newline_inside) return "not JSON: a line break inside a string";
  if (!is_lines(protocol)) return {};
  // Over TCP there is no answer, so lines that the listener would refuse must be found here.
  if (event.own_keys.has(OwnKey::token))
    return "its own key \"token\" would clash with the account's over TCP";
  if (!is_strict_json_object(event.bytes)) return "not JSON";
  return {};
}

}  // namespace

Shipper::Shipper(DestinationSpec destination, ShippersShare& share, Random random)
    : destination_(std::move(destination)),
      share_(share),
      name_(destination_.listener.text()),
      random_(random),
      settlements_(share.set_aside_bytes) {}

// Collecting.

void Shipper::take(Now now, const Batch& batch) {
  Settlement unfit{.stream = batch.stream, .page = batch.page};
  constants_[batch.stream] = batch.constants;
  for (const auto& [event, mark, unfit_for] : batch.events) {
    const std::string_view reason =
        unfit_for.empty() ? unfit_for_a_line(*event, destination_.listener.protocol) : unfit_for;
    if (!reason.empty()) {
      ++unfit.set_aside;
      // Elements that are not events come by the page and do not need a record each.
      if (!event->object && !unfit.kept.empty() && unfit.kept.back().reason == reason) {
        unfit.kept.back().bytes.append("\n").append(event->bytes);
        ++unfit.kept.back().events;
        continue;
      }
      unfit.kept.push_back(
          {.reason = std::string(reason), .answer = {}, .events = 1, .bytes = std::string(event->bytes)});
      continue;
    }
    const std::size_t expected = event->bytes.size() + event->display_message.size() + splice_bytes_guess;
    if (!open_.empty() &&
        (open_.bytes() + expected > limits::bulk_bytes_max || open_.lines() >= limits::bulk_lines_max)) {
      seal();
    }
    begin_bulk(now);
    open_urgent_ = open_urgent_ || batch.newest;
    const AppendedLine line =
        open_.add(*event, *batch.constants, mark, destination_.token_bytes, batch.stream, batch.page);
    if (line.reduced) {
      unfit.kept.push_back({.reason = "over 500,000 bytes; delivered reduced",
                            .answer = {},
                            .events = 0,
                            .bytes = std::string(event->bytes)});
    }
  }
  if (!unfit.kept.empty()) {
    std::map<std::string_view, std::size_t> reasons;
    for (const SetAside& kept : unfit.kept) reasons[kept.reason] += std::max(kept.events, 1U);
    for (const auto& [reason, count] : reasons) {
      note(Level::error, counted(count, "event") + " of " + batch.constants->tenant_name() +
                             " set aside: " + std::string(reason));
    }
    emit(std::move(unfit));
  }
}

void Shipper::begin_bulk(Now now) {
  if (open_since_) return;
  open_since_ = now.steady;
  open_.take_room(std::exchange(share_.room_for_lines, {}));
}

void Shipper::seal() {
  if (open_.empty()) return;
  queue_.push_back(Waiting{.bulk = open_.seal(), .urgent = std::exchange(open_urgent_, false)});
  share_.room_for_lines = open_.give_room();
  open_since_.reset();
}

void Shipper::advance(Now now) {
  if (!forgotten_.empty()) drop_forgotten();
  const bool old_enough = open_since_ && now.steady >= *open_since_ + limits::bulk_age_max;
  if (old_enough || stopping_ || open_.bytes() >= limits::bulk_bytes_max) seal();
  end_hunts(now);
  dispatch(now);
  end_hunts(now);
}

Instant Shipper::deadline() const {
  Instant when = open_since_ ? *open_since_ + limits::bulk_age_max : never;
  const bool may_hunt = healthy() && hunt_sendings() < limits::hunt_sendings_max;
  for (const Hunt& hunt : hunts_) {
    if (hunt.in_flight() == 0) when = std::min(when, hunt.until());
    if (may_hunt && in_flight() < sendings_allowed())
      when = std::min(when, std::max(hunt.goes_on_at(), not_before_));
  }
  if (in_flight() >= sendings_allowed()) return when;
  for (const Waiting& waiting : queue_) {
    if (!waiting.in_flight) when = std::min(when, std::max(waiting.not_before, not_before_));
  }
  return when;
}

// Sending.

std::size_t Shipper::sendings_allowed() const {
  if (paused_ || settlements_.full() || (stopping_ && !healthy())) return 0;
  return healthy() ? limits::bulks_in_flight_max : 1;
}

std::size_t Shipper::in_flight() const {
  return hunt_sendings() + static_cast<std::size_t>(std::ranges::count_if(
                               queue_, [](const Waiting& w) { return w.in_flight.has_value(); }));
}

std::size_t Shipper::hunt_sendings() const {
  std::size_t sendings = 0;
  for (const Hunt& hunt : hunts_) sendings += hunt.in_flight();
  return sendings;
}

void Shipper::dispatch(Now now) {
  if (now.steady < not_before_) return;
  if (now.steady >= patient_until_) patience_ = 1;
  go_on_hunting(now);
  while (in_flight() < sendings_allowed()) {
    const auto due = next_due(now.steady);
    if (due == queue_.end()) return;
    send(now, *due);
  }
}

// Only while the destination is fine; then before the other bulks, whose slots it does not use.
void Shipper::go_on_hunting(Now now) {
  for (auto hunt = hunts_.begin(); hunt != hunts_.end() && healthy();) {
    if (hunt_sendings() >= limits::hunt_sendings_max || in_flight() >= sendings_allowed()) return;
    const BulkId id{share_.bulks + 1};
    if (const auto lines = hunt->next(now.steady, id)) {
      ++share_.bulks;
      emit_bulk(id, *lines);
    } else {
      ++hunt;
    }
  }
}

void Shipper::end_hunts(Now now) {
  for (auto hunt = hunts_.begin(); hunt != hunts_.end();) {
    if (stopping_) hunt->end();
    if (!hunt->over(now.steady)) {
      ++hunt;
      continue;
    }
    settle_hunt(now, *hunt);
    hunt = hunts_.erase(hunt);
  }
}

// In order, the newest before backlogs; but in trouble the bulk tried least, so that one bad bulk does not
// stand for all.
Shipper::Queue::iterator Shipper::next_due(Instant now) {
  auto best = queue_.end();
  for (auto it = queue_.begin(); it != queue_.end(); ++it) {
    if (it->in_flight || it->not_before > now) continue;
    if (healthy() && it->urgent && urgent_in_a_row_ < limits::urgent_bulks_in_a_row) return it;
    if (best == queue_.end() || (!healthy() && it->tries < best->tries)) best = it;
  }
  return best;
}

void Shipper::send(Now now, Waiting& waiting) {
  if (waiting.perhaps_taken && !waiting.marked) mark_all(waiting);
  if (settlements_.full())
    return;  // Because of an event that the mark made too long: its whole copy is saved first.
  urgent_in_a_row_ = waiting.urgent ? urgent_in_a_row_ + 1 : 0;
  waiting.in_flight = BulkId{++share_.bulks};
  waiting.sent_at = now.steady;
  waiting.patience = patience_;
  emit_bulk(*waiting.in_flight, waiting.bulk);
}

void Shipper::emit_bulk(BulkId id, const Bulk& bulk) {
  outputs_.emplace_back(SendBulk{.id = id,
                                 .destination = destination_.id,
                                 .packed = bulk.packed,
                                 .lines = bulk.lines.size(),
                                 .patience = patience_});
}

void Shipper::mark_all(Waiting& waiting) {
  const auto constants_of = [this](StreamId stream) -> const LineConstants& {
    return *constants_.at(stream);
  };
  MarkedBulk all = marked(waiting.bulk, destination_.token_bytes, constants_of);
  for (Settlement& reduced : all.reduced) emit(std::move(reduced));
  waiting.bulk = std::move(all.bulk);
  waiting.marked = true;
}

// Verdicts.

void Shipper::answered(Now now, BulkId id, const BulkResult& result) {
  for (Hunt& hunt : hunts_) {
    if (hunt.waits_for(id)) return heard_of_hunt(now, id, hunt, result);
  }
  const auto it =
      std::ranges::find_if(queue_, [&](const Waiting& waiting) { return waiting.in_flight == id; });
  if (it == queue_.end()) return;
  it->in_flight.reset();
  learn_patience(now.steady, *it, result);
  const Verdict verdict = judge(result, it->bulk.lines.size(), now.wall);
  std::visit([&](const auto& each) { on(each, now, it); }, verdict);
}

// What the answer to a few lines says about the destination is ignored: the bulks will find out.
void Shipper::heard_of_hunt(Now now, BulkId id, Hunt& hunt, const BulkResult& result) {
  const std::size_t lines = hunt.lines_of(id);
  const Verdict verdict = judge(result, lines, now.wall);
  if (const auto* partly = std::get_if<verdict::PartlyTaken>(&verdict)) {
    ++counters_.bulks_partly;
    counters_.lines_taken += partly->taken.value_or(0);
  } else if (std::holds_alternative<verdict::Taken>(verdict)) {
    ++counters_.bulks_taken;
    counters_.lines_taken += lines;
  } else {
    ++counters_.bulks_retried;
  }
  hunt.heard(now.steady, id, verdict);
}

// It grows from the bulk's own timeout, so several that time out together count once.
void Shipper::learn_patience(Instant now, const Waiting& waiting, const BulkResult& result) {
  const auto* error = std::get_if<TransportError>(&result);
  const bool timed_out = error != nullptr && error->sent && error->fault == TransportFault::timed_out;
  if (timed_out) patience_ = std::max(patience_, std::min(2 * waiting.patience, limits::bulk_patience_max));
  if (timed_out || now - waiting.sent_at > limits::bulk_stall_timeout)
    patient_until_ = now + limits::bulk_patience_kept;
}

void Shipper::on(const verdict::Taken& /*taken*/, Now now, Queue::iterator it) {
  ++counters_.bulks_taken;
  counters_.lines_taken += it->bulk.lines.size();
  succeeded(now, it->bulk);
  keep_copy(it->bulk);
  settle(it->bulk);
  queue_.erase(it);
}

void Shipper::on(const verdict::PartlyTaken& partly, Now now, Queue::iterator it) {
  if (partly.taken == 0U) return refused_whole(partly, now, it);
  ++counters_.bulks_partly;
  counters_.lines_taken += partly.taken.value_or(0);
  succeeded(now, it->bulk);
  Hunt hunt(std::move(it->bulk), partly, destination_.token_bytes, now.steady);
  queue_.erase(it);
  if (!hunt.needed() || stopping_) return settle_hunt(now, hunt);
  if (hunting_.failed(now.steady, "400"))
    note(Level::warn, "Logz.io at " + name_ + " refused " +
                          (partly.taken ? std::to_string(partly.lines - *partly.taken) : "some") + " of " +
                          counted(partly.lines, "line") + " and does not say which (" + partly.answer +
                          "). To find them, lines are sent again, marked as possible duplicates");
  hunts_.push_back(std::move(hunt));
}

// None of it was taken, so its parts may be sent again: soon, because the answer is about these lines, unless
// everything is refused, which no longer concerns the lines.
void Shipper::refused_whole(const verdict::PartlyTaken& counts, Now now, Queue::iterator it) {
  ++counters_.bulks_partly;
  ++refused_in_a_row_;
  if (set_culprits_aside(it, counts.answer)) return;
  if (refused_in_a_row_ > limits::refused_in_a_row_max) {
    return on(verdict::Retry{.answered = true,
                             .status = 400,
                             .text = "it refuses every line, whatever it is (" + counts.answer + ")",
                             .urgency = Urgency::lasting},
              now, it);
  }
  answers_again(now);
  if (it->bulk.lines.size() > 1) {
    halve(it);
  } else {
    set_line_aside(it, "the listener refused it", counts.answer);
  }
}

// True if there were any; the other lines of the bulk wait in its place.
bool Shipper::set_culprits_aside(Queue::iterator it, const std::string& answer) {
  Culprits culprits = find_culprits(it->bulk, answer);
  if (culprits.set_aside.empty()) return false;
  std::map<std::string, std::size_t> by_tenant;
  for (Settlement& settlement : culprits.set_aside) {
    by_tenant[constants_.at(settlement.stream)->tenant_name()] += settlement.set_aside;
    emit(std::move(settlement));
  }
  for (const auto& [tenant, count] : by_tenant) {
    note(Level::error, counted(count, "event") + " of " + tenant + " set aside: " + Hunt::plain_reason);
  }
  if (culprits.fine) {
    it->bulk = std::move(*culprits.fine);
  } else {
    queue_.erase(it);
    begin_anew_if_empty();
  }
  return true;
}

void Shipper::on(const verdict::TooLarge& /*too_large*/, Now now, Queue::iterator it) {
  if (it->bulk.lines.size() > 1) {
    halve(it);
  } else if (it->bulk.plain_bytes > never_too_large) {
    set_line_aside(it, "the listener says it is too large (413)", "413");
  } else {
    on(verdict::Retry{.answered = true, .status = 413, .text = "413 for a line that is not large"}, now, it);
  }
}

void Shipper::on(const verdict::TokenRefused& /*refused*/, Now now, Queue::iterator it) {
  token_refused_ = true;
  counters_.last_error = "401: token or region";
  ++counters_.bulks_retried;
  not_before_ = now.steady + limits::token_retry;
  ++it->tries;
  if (token_trouble_.failed(now.steady, "401")) {
    note(Level::error,
         "Logz.io at " + name_ +
             " refuses the shipping token (401): the token is wrong or belongs to another region; check " +
             destination_.set_by +
             ". Nothing is lost: Okta keeps the events, and delivery goes on when the token is accepted");
  }
}

void Shipper::on(const verdict::Retry& retry, Now now, Queue::iterator it) {
  ++counters_.bulks_retried;
  it->perhaps_taken = it->perhaps_taken || retry.perhaps_taken;
  it->count_refusal(retry, passed_);
  const bool about_the_bulk = it->is_to_blame(retry, passed_);
  it->passed_at_refusal = passed_;
  if (about_the_bulk) {
    suspect(now, *it, retry);
  } else {
    in_trouble(now, *it, retry);
  }
  if (!is_culprit(*it)) {
    const Duration at_least = retry.retry_after.value_or(0s);
    return about_the_bulk ? retry_beside_others(now.steady, *it, at_least)
                          : retry_later(now.steady, *it, at_least);
  }
  if (passed_ > it->passed_before) failures_ = 0;  // The destination was not the cause.
  if (it->bulk.lines.size() > 1) {
    halve(it);
  } else {
    set_line_aside(it, "refused again and again while other bulks were taken", retry.text);
  }
}

void Shipper::in_trouble(Now now, const Waiting& waiting, const verdict::Retry& retry) {
  counters_.last_error = retry.text;
  ++failures_;
  if (const auto level = trouble_.failed(now.steady, std::to_string(retry.status), retry.urgency)) {
    note(*level, "Logz.io at " + name_ + " did not take a bulk of " +
                     counted(waiting.bulk.lines.size(), "line") + ": " + retry.text +
                     ". Nothing is lost; retrying");
  }
}

// The other bulks go on meanwhile.
void Shipper::suspect(Now now, Waiting& waiting, const verdict::Retry& retry) {
  if (!std::exchange(waiting.suspected, true) && suspicion_.failed(now.steady, "suspect")) {
    note(Level::warn, "Logz.io at " + name_ + " takes other bulks, but not one of " +
                          counted(waiting.bulk.lines.size(), "line") + ": " + retry.text +
                          ". Nothing is lost; searching for the event that it refuses");
  }
}

// Or nothing is left that could pass, because all waiting bulks are refused as often (each may have a
// culprit): comparing the halves will show it. Only with few pieces, because in a mere outage every one of
// them would be halved in vain.
bool Shipper::is_culprit(const Waiting& waiting) const {
  if (waiting.is_culprit(passed_)) return true;
  if (!waiting.refused_enough() || waiting.bulk.lines.size() == 1) return false;
  return queue_.size() < blind_pieces_max && open_.empty() &&
         std::ranges::all_of(queue_, &Waiting::refused_enough);
}

void Shipper::succeeded(Now now, const Bulk& bulk) {
  ++passed_;
  refused_in_a_row_ = 0;
  counters_.bytes_taken += bulk.packed->size();
  counters_.last_taken = now.wall;
  answers_again(now);
}

void Shipper::answers_again(Now now) {
  failures_ = 0;
  token_refused_ = false;
  not_before_ = {};
  counters_.last_error.clear();
  const auto refused = token_trouble_.healed(now.steady);
  const auto troubled = trouble_.healed(now.steady);
  if (refused || troubled) {
    const Duration lasted = std::max(refused.value_or(0s), troubled.value_or(0s));
    note(Level::info, "Logz.io at " + name_ + " takes events again" +
                          (lasted >= 1s ? ", after " + describe(lasted) : std::string()));
  }
}

void Shipper::retry_later(Instant now, Waiting& waiting, Duration at_least) {
  const Duration own = backoff(limits::bulk_backoff_base, limits::bulk_backoff_max, waiting.tries, random_);
  const Duration all = backoff(limits::bulk_backoff_base, limits::bulk_backoff_max, failures_ - 1, random_);
  ++waiting.tries;
  waiting.not_before = now + std::max(own, at_least);
  not_before_ = now + std::max(all, at_least);
}

void Shipper::retry_beside_others(Instant now, Waiting& waiting, Duration at_least) {
  const Duration own = backoff(limits::bulk_backoff_base, limits::suspect_retry_max, waiting.tries, random_);
  ++waiting.tries;
  waiting.not_before = now + std::max(own, at_least);
}

void Shipper::halve(Queue::iterator it) {
  ++counters_.bulks_halved;
  auto [first, second] = it->halve(passed_);
  queue_.insert(it, std::move(first));
  queue_.insert(it, std::move(second));
  queue_.erase(it);
}

// Settling.

void Shipper::set_line_aside(Queue::iterator it, const std::string& reason, const std::string& answer) {
  const Bulk& bulk = it->bulk;
  CHECK(bulk.lines.size() == 1);
  const std::string plain = bulk.unpack();
  Settlement settlement{.stream = bulk.pieces[0].stream, .page = bulk.pieces[0].page, .set_aside = 1};
  settlement.kept.push_back({.reason = reason,
                             .answer = answer,
                             .events = 1,
                             .bytes = event_in(split_lines(plain)[0], bulk.lines[0])});
  note(Level::error,
       "an event of " + constants_.at(settlement.stream)->tenant_name() + " is set aside: " + reason);
  emit(std::move(settlement));
  queue_.erase(it);
  begin_anew_if_empty();
}

void Shipper::settle(const Bulk& bulk) {
  auto record = bulk.lines.begin();
  for (const Piece& piece : bulk.pieces) {
    Settlement settlement{.stream = piece.stream, .page = piece.page, .delivered = piece.lines};
    for (const auto end = record + piece.lines; record != end; ++record) {
      if (record->mark.possible_duplicate) ++settlement.marked;
      if (record->reduced) ++settlement.reduced;
    }
    emit(std::move(settlement));
  }
}

void Shipper::keep_copy(const Bulk& bulk) {
  outputs_.emplace_back(
      KeepCopy{.destination = destination_.id, .name = destination_.name, .packed = bulk.packed});
}

void Shipper::settle_hunt(Now now, const Hunt& hunt) {
  if (const auto taken = hunt.taken()) keep_copy(*taken);
  std::map<std::string, std::size_t> refused;  // By tenant.
  std::size_t all = 0;
  for (Settlement& settlement : hunt.settlements()) {
    if (settlement.set_aside > 0)
      refused[constants_.at(settlement.stream)->tenant_name()] += settlement.set_aside;
    all += settlement.set_aside;
    emit(std::move(settlement));
  }
  const verdict::PartlyTaken& answer = hunt.answer();
  if (all == 0) {
    if (odd_answer_.failed(now.steady, "400")) {
      note(Level::warn, "Logz.io at " + name_ + " answered 400 to " + counted(answer.lines, "line") +
                            " although it took all of them (" + answer.answer + "); nothing is set aside");
    }
    return;
  }
  std::string who;
  for (const auto& [tenant, count] : refused)
    who += (who.empty() ? "" : ", ") + counted(count, "event") + " of " + tenant;
  const std::size_t said =
      answer.refused().value_or(0);  // Several tenants may each count the event of one of them.
  note(Level::error, "Logz.io refused " + std::to_string(said > 0 ? said : all) + " of " +
                         counted(answer.lines, "line") + " (" + answer.answer + "): set aside: " + who +
                         "; the others were taken");
}

void Shipper::emit(Settlement&& settlement) {
  const StreamId stream = settlement.stream;
  switch (settlements_.add(std::move(settlement))) {
    case Settlements::News::none:
      return;
    case Settlements::News::all_wait:
      return tell_full();
    case Settlements::News::stream_waits:
      note(Level::error, constants_.at(stream)->tenant_name() +
                             " has filled its share of the room for events set aside: its delivery holds "
                             "until some are looked at and dropped; the other tenants' goes on. Nothing is "
                             "lost: Okta keeps the events");
  }
}

void Shipper::room_changed() {
  if (settlements_.try_again()) tell_full();
}

void Shipper::tell_full() {
  note(Level::error, "the room for events set aside is full (" +
                         std::to_string(limits::set_aside_bytes_max / limits::MiB) +
                         " MiB): delivery holds until some are reviewed and dropped. Nothing is lost: Okta "
                         "keeps the events");
}

void Shipper::token_changed(Now now) {
  not_before_ = now.steady;
  for (Waiting& waiting : queue_) waiting.not_before = std::min(waiting.not_before, now.steady);
}

// Changing hands.

bool Shipper::holds(StreamId stream) const {
  const auto has_it = [&](const std::vector<Piece>& pieces) {
    return std::ranges::find(pieces, stream, &Piece::stream) != pieces.end();
  };
  return has_it(open_.pieces()) ||
         std::ranges::any_of(hunts_, [&](const Hunt& hunt) { return has_it(hunt.pieces()); }) ||
         std::ranges::any_of(queue_, [&](const Waiting& waiting) { return has_it(waiting.bulk.pieces); }) ||
         settles(stream);
}

bool Shipper::can_give_back(StreamId stream) const {
  const auto has_it = [&](const std::vector<Piece>& pieces) {
    return std::ranges::find(pieces, stream, &Piece::stream) != pieces.end();
  };
  const auto hunted = [&](const Hunt& hunt) { return has_it(hunt.pieces()); };
  return !has_it(open_.pieces()) && std::ranges::none_of(hunts_, hunted) &&
         std::ranges::none_of(
             queue_,
             [&](const Waiting& waiting) { return waiting.in_flight && has_it(waiting.bulk.pieces); }) &&
         !settles(stream);
}

bool Shipper::empty() const {
  return open_.empty() && queue_.empty() && hunts_.empty() && settlements_.empty() && outputs_.empty();
}

std::vector<GivenLine> Shipper::give_back(StreamId stream) {
  std::vector<GivenLine> given;
  for (auto it = queue_.begin(); it != queue_.end();) {
    const auto& pieces = it->bulk.pieces;
    if (it->in_flight || std::ranges::find(pieces, stream, &Piece::stream) == pieces.end()) {
      ++it;
      continue;
    }
    Parted parted = without_stream(it->bulk, stream, it->perhaps_taken);
    std::ranges::move(parted.given, std::back_inserter(given));
    if (!parted.kept) {
      it = queue_.erase(it);
    } else {
      it->bulk = std::move(*parted.kept);
      ++it;
    }
  }
  begin_anew_if_empty();
  return given;
}

void Shipper::forget(StreamId stream) {
  settlements_.forget(stream);
  forgotten_.insert(stream);
}

void Shipper::drop_forgotten() {
  const auto nobodys = [&](const std::vector<Piece>& pieces) {
    return std::ranges::all_of(pieces, [&](const Piece& each) { return forgotten_.contains(each.stream); });
  };
  if (!open_.empty() && nobodys(open_.pieces())) {
    open_ = {};
    open_since_.reset();
    open_urgent_ = false;
  }
  std::erase_if(queue_, [&](const Waiting& each) { return !each.in_flight && nobodys(each.bulk.pieces); });
  begin_anew_if_empty();
  std::erase_if(forgotten_, [&](StreamId each) { return !holds(each); });
}

// Nothing is left to probe with: the next bulk starts afresh.
void Shipper::begin_anew_if_empty() {
  if (!queue_.empty() || !open_.empty()) return;
  token_refused_ = false;
  failures_ = 0;
  not_before_ = {};
}

void Shipper::take_over(Now now, StreamId stream, const std::shared_ptr<const LineConstants>& constants,
                        const std::vector<GivenLine>& lines) {
  for (const GivenLine& given : lines) {
    if (given.record.reduced) {  // Okta's bytes are no longer in it.
      constants_[stream] = constants;
      begin_bulk(now);
      open_.add_line(given.line, given.record, stream, given.page);
      continue;
    }
    EventSlice event;
    const std::string bytes = event_in(given.line, given.record);
    CHECK(PageCutter::cut_one(bytes, event));
    take(now, {.stream = stream,
               .page = given.page,
               .constants = constants,
               .events = {{.event = &event, .mark = given.record.mark}}});
  }
}

// Queries.

bool Shipper::quiet() const {
  if (in_flight() > 0 || !hunts_.empty()) return false;
  return sendings_allowed() == 0 || (queue_.empty() && open_.empty());
}

std::set<StreamId> Shipper::doubtful() const {
  std::set<StreamId> streams;
  for (const Waiting& waiting : queue_) {
    if (!waiting.in_flight && !waiting.perhaps_taken) continue;
    for (const Piece& piece : waiting.bulk.pieces) streams.insert(piece.stream);
  }
  for (const Hunt& hunt : hunts_) {
    for (const Piece& piece : hunt.pieces()) streams.insert(piece.stream);
  }
  settlements_.add_doubtful(streams);
  return streams;
}

bool Shipper::wants_fresh_bulk() const {
  if (failures_ == 0 || token_refused_ || settlements_.full() || !open_.empty()) return false;
  return std::ranges::all_of(queue_,
                             [](const Waiting& w) { return w.refusals >= refusals_until_fresh_bulk; });
}

std::size_t Shipper::held_bytes() const {
  std::size_t bytes = open_.bytes() + settlements_.held_bytes();
  for (const Waiting& waiting : queue_) bytes += waiting.bulk.held_bytes();
  for (const Hunt& hunt : hunts_) bytes += hunt.held_bytes();
  return bytes;
}

DestinationReport Shipper::report() const {
  DestinationReport report = counters_;
  report.name = destination_.name;
  report.listener = destination_.listener.text();
  report.healthy = healthy();
  report.in_flight = in_flight();
  report.waiting = queue_.size() + hunts_.size() + (open_.empty() ? 0 : 1);
  if (token_refused_) {
    report.state = "token refused";
  } else if (settlements_.full()) {
    report.state = "set-aside full";
  } else if (failures_ > 0) {
    report.state = "retrying";
  } else {
    report.state = report.waiting > 0 || counters_.last_taken ? "taking" : "idle";
  }
  return report;
}

void Shipper::note(Level level, std::string text) {
  outputs_.emplace_back(Note{.level = level, .tenant = {}, .text = std::move(text)});
}

std::optional<Output> Shipper::next_output() {
  if (outputs_.empty()) return std::nullopt;
  Output output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

}  // namespace logzio_okta
