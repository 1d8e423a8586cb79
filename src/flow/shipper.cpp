#include "logzio_okta/flow/shipper.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/unfit_events.hpp"
#include "logzio_okta/logzio/line_again.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {
namespace {

constexpr std::size_t never_too_large =
    64 * limits::KiB;  // A 413 for a line as small as this is not about its size.
constexpr int refusals_until_fresh_bulk = 3;
constexpr std::size_t blind_pieces_max = 128;  // Limit for halving bulks while none passes to compare with.

}  // namespace

Shipper::Shipper(DestinationSpec destination, ShippersShare& share, Random random)
    : destination_(std::move(destination)),
      share_(share),
      random_(random),
      open_(share.room_for_lines),
      notes_(destination_.listener.text()),
      settlements_(share.set_aside_bytes) {}

// Collecting.

void Shipper::take(Now now, const Batch& batch) {
  constants_[batch.stream] = batch.constants;
  UnfitEvents unfit(batch);
  for (const BatchEvent& event : batch.events) {
    if (unfit.take(event, destination_.listener.protocol)) continue;
    if (!open_.has_room_for(*event.event)) seal();
    const AppendedLine line = open_.add(now.steady, event, batch, destination_.token_bytes);
    if (line.reduced) unfit.keep_whole(*event.event);
  }
  if (!unfit.any()) return;
  for (const auto& [reason, count] : unfit.by_reason())
    tell(set_aside_note(batch.constants->tenant_name(), count, reason));
  emit(std::move(unfit).settlement());
}

void Shipper::seal() {
  if (!open_.empty()) queue_.push(open_.seal());
}

void Shipper::advance(Now now) {
  if (!forgotten_.empty()) drop_forgotten();
  if (stopping_ || open_.due(now.steady)) seal();
  end_hunts(now);
  dispatch(now);
  end_hunts(now);
}

Instant Shipper::deadline() const {
  const Instant when = std::min(open_.due_at(), hunts_.until());
  if (in_flight() >= sendings_allowed()) return when;
  const bool may_hunt = healthy() && hunts_.in_flight() < limits::hunt_sendings_max;
  const Instant due = may_hunt ? std::min(queue_.due_at(), hunts_.goes_on_at()) : queue_.due_at();
  return std::min(when, std::max(due, health_.not_before()));
}

// Sending.

std::size_t Shipper::sendings_allowed() const {
  if (paused_ || settlements_.full() || (stopping_ && !healthy())) return 0;
  return healthy() ? limits::bulks_in_flight_max : 1;
}

void Shipper::dispatch(Now now) {
  if (now.steady < health_.not_before()) return;
  health_.end_patience(now.steady);
  go_on_hunting(now);
  while (in_flight() < sendings_allowed()) {
    const Sealed due = queue_.next_due(now.steady, healthy());
    if (due == queue_.end()) return;
    send(now, due);
  }
}

// Only while the destination is fine; then before the other bulks, whose slots it does not use.
void Shipper::go_on_hunting(Now now) {
  while (healthy() && hunts_.in_flight() < limits::hunt_sendings_max && in_flight() < sendings_allowed()) {
    const BulkId id{share_.bulks + 1};
    const auto lines = hunts_.next(now.steady, id);
    if (!lines) return;
    ++share_.bulks;
    emit_bulk(id, *lines);
  }
}

void Shipper::send(Now now, Sealed bulk) {
  WaitingBulk& waiting = *bulk;
  if (waiting.perhaps_taken && !waiting.marked) mark_all(waiting);
  if (settlements_.full())
    return;  // Because of an event that the mark made too long: its whole copy is saved first.
  const BulkId id{++share_.bulks};
  queue_.sent(bulk, id, now.steady, health_.patience());
  emit_bulk(id, waiting.bulk);
}

void Shipper::emit_bulk(BulkId id, const Bulk& bulk) {
  outputs_.emplace_back(SendBulk{.id = id,
                                 .destination = destination_.id,
                                 .packed = bulk.packed,
                                 .lines = bulk.lines.size(),
                                 .patience = health_.patience()});
}

void Shipper::mark_all(WaitingBulk& waiting) {
  const auto constants_of = [this](StreamId stream) -> const LineConstants& {
    return *constants_.at(stream);
  };
  MarkedBulk all = marked(waiting.bulk, destination_.token_bytes, constants_of);
  for (Settlement& reduced : all.reduced) emit(std::move(reduced));
  waiting.bulk = std::move(all.bulk);
  waiting.marked = true;
}

// Verdicts: what an answer does to its bulk.

void Shipper::answered(Now now, BulkId id, const BulkResult& result) {
  if (Hunt* hunt = hunts_.waiting_for(id)) return heard_of_hunt(now, id, *hunt, result);
  const Sealed bulk = queue_.find(id);
  if (bulk == queue_.end()) return;
  bulk->in_flight.reset();
  health_.learn_patience(now.steady, *bulk, result);
  const Verdict verdict = judge(result, bulk->bulk.lines.size(), now.wall);
  std::visit([&](const auto& each) { on(each, now, bulk); }, verdict);
}

void Shipper::on(const verdict::Taken& /*taken*/, Now now, Sealed bulk) {
  ++counters_.bulks_taken;
  counters_.lines_taken += bulk->bulk.lines.size();
  succeeded(now, bulk->bulk);
  keep_copy(bulk->bulk);
  settle(bulk->bulk);
  queue_.erase(bulk);
}

void Shipper::on(const verdict::PartlyTaken& partly, Now now, Sealed bulk) {
  if (partly.taken == 0U) return refused_whole(partly, now, bulk);
  ++counters_.bulks_partly;
  counters_.lines_taken += partly.taken.value_or(0);
  succeeded(now, bulk->bulk);
  Hunt hunt(std::move(bulk->bulk), partly, destination_.token_bytes, now.steady);
  queue_.erase(bulk);
  if (!hunt.needed() || stopping_) return settle_hunt(now, hunt);
  tell(notes_.hunts(now.steady, partly));
  hunts_.add(std::move(hunt));
}

void Shipper::on(const verdict::TooLarge& /*too_large*/, Now now, Sealed bulk) {
  if (bulk->bulk.lines.size() > 1) {
    halve(bulk);
  } else if (bulk->bulk.plain_bytes > never_too_large) {
    set_line_aside(bulk, "the listener says it is too large (413)", "413");
  } else {
    on(verdict::Retry{.answered = true, .status = 413, .text = "413 for a line that is not large"}, now,
       bulk);
  }
}

void Shipper::on(const verdict::TokenRefused& /*refused*/, Now now, Sealed bulk) {
  health_.refused_token(now.steady);
  counters_.last_error =
      "401: it does not know the token, which is wrong or of another region; check " + destination_.set_by;
  ++counters_.bulks_retried;
  ++bulk->tries;
  tell(notes_.token_refused(now.steady, destination_.set_by));
}

void Shipper::on(const verdict::Retry& retry, Now now, Sealed bulk) {
  ++counters_.bulks_retried;
  bulk->perhaps_taken = bulk->perhaps_taken || retry.perhaps_taken;
  bulk->count_refusal(retry, health_.passed());
  const bool about_the_bulk = bulk->is_to_blame(retry, health_.passed());
  bulk->passed_at_refusal = health_.passed();
  if (about_the_bulk) {
    suspect(now, *bulk, retry);
  } else {
    in_trouble(now, *bulk, retry);
  }
  if (!is_culprit(*bulk)) {
    const Duration at_least = retry.retry_after.value_or(0s);
    return about_the_bulk ? retry_beside_others(now.steady, *bulk, at_least)
                          : retry_later(now.steady, *bulk, at_least);
  }
  if (health_.passed() > bulk->passed_before) health_.is_not_the_cause();
  if (bulk->bulk.lines.size() > 1) {
    halve(bulk);
  } else {
    set_line_aside(bulk, "refused again and again while other bulks were taken", retry.text);
  }
}

void Shipper::succeeded(Now now, const Bulk& bulk) {
  health_.took();
  counters_.bytes_taken += bulk.packed->size();
  counters_.last_taken = now.wall;
  answers_again(now);
  tell(notes_.takes_first());
}

void Shipper::answers_again(Now now) {
  health_.recovers();
  counters_.last_error.clear();
  tell(notes_.takes_again(now.steady));
}

// Refusals.

// None of it was taken, so its parts may be sent again: soon, because the answer is about these lines, unless
// everything is refused, which no longer concerns the lines.
void Shipper::refused_whole(const verdict::PartlyTaken& counts, Now now, Sealed bulk) {
  ++counters_.bulks_partly;
  const bool refuses_everything = health_.refuses_everything();
  if (set_culprits_aside(bulk, counts.answer)) return;
  if (refuses_everything) {
    return on(verdict::Retry{.answered = true,
                             .status = 400,
                             .text = "it refuses every line, whatever it is (" + counts.answer + ")"},
              now, bulk);
  }
  answers_again(now);
  if (bulk->bulk.lines.size() > 1) {
    halve(bulk);
  } else {
    set_line_aside(bulk, "the listener refused it", counts.answer);
  }
}

// True if there were any; the other lines of the bulk wait in its place.
bool Shipper::set_culprits_aside(Sealed bulk, const std::string& answer) {
  Culprits culprits = find_culprits(bulk->bulk, answer);
  if (culprits.set_aside.empty()) return false;
  std::map<std::string, std::size_t> by_tenant;
  for (Settlement& settlement : culprits.set_aside) {
    by_tenant[tenant_of(settlement.stream)] += settlement.set_aside;
    emit(std::move(settlement));
  }
  for (const auto& [tenant, count] : by_tenant) tell(set_aside_note(tenant, count, Hunt::plain_reason));
  if (culprits.fine) {
    bulk->bulk = std::move(*culprits.fine);
  } else {
    queue_.erase(bulk);
    begin_anew_if_empty();
  }
  return true;
}

// Or nothing is left that could pass, because all waiting bulks are refused as often (each may have a
// culprit): comparing the halves will show it. Only with few pieces, because in a mere outage every one of
// them would be halved in vain.
bool Shipper::is_culprit(const WaitingBulk& waiting) const {
  if (waiting.is_culprit(health_.passed())) return true;
  if (!waiting.refused_enough() || waiting.bulk.lines.size() == 1) return false;
  return queue_.size() < blind_pieces_max && open_.empty() &&
         std::ranges::all_of(queue_, &WaitingBulk::refused_enough);
}

void Shipper::in_trouble(Now now, const WaitingBulk& waiting, const verdict::Retry& retry) {
  counters_.last_error = retry.text;
  health_.failed();
  tell(notes_.in_trouble(now.steady, waiting.bulk.lines.size(), retry));
}

// The other bulks go on meanwhile.
void Shipper::suspect(Now now, WaitingBulk& waiting, const verdict::Retry& retry) {
  if (!std::exchange(waiting.suspected, true))
    tell(notes_.suspects(now.steady, waiting.bulk.lines.size(), retry));
}

void Shipper::retry_later(Instant now, WaitingBulk& waiting, Duration at_least) {
  const Duration own = backoff(limits::bulk_backoff_base, limits::bulk_backoff_max, waiting.tries, random_);
  ++waiting.tries;
  waiting.not_before = now + std::max(own, at_least);
  health_.wait(now, at_least, random_);
}

void Shipper::retry_beside_others(Instant now, WaitingBulk& waiting, Duration at_least) {
  const Duration own = backoff(limits::bulk_backoff_base, limits::suspect_retry_max, waiting.tries, random_);
  ++waiting.tries;
  waiting.not_before = now + std::max(own, at_least);
}

void Shipper::halve(Sealed bulk) {
  ++counters_.bulks_halved;
  queue_.halve(bulk, health_.passed());
}

void Shipper::set_line_aside(Sealed bulk, const std::string& reason, const std::string& answer) {
  const Bulk& single = bulk->bulk;
  CHECK(single.lines.size() == 1);
  const std::string plain = single.unpack();
  Settlement settlement{.stream = single.pieces[0].stream, .page = single.pieces[0].page, .set_aside = 1};
  settlement.kept.push_back({.reason = reason,
                             .answer = answer,
                             .events = 1,
                             .bytes = event_in(split_lines(plain)[0], single.lines[0])});
  tell(line_set_aside_note(tenant_of(settlement.stream), reason));
  emit(std::move(settlement));
  queue_.erase(bulk);
  begin_anew_if_empty();
}

// Hunts.

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

void Shipper::end_hunts(Now now) {
  if (stopping_) hunts_.end();
  for (const Hunt& ended : hunts_.take_ended(now.steady)) settle_hunt(now, ended);
}

void Shipper::settle_hunt(Now now, const Hunt& hunt) {
  if (const auto taken = hunt.taken()) keep_copy(*taken);
  std::map<std::string, std::size_t> set_aside;  // By tenant.
  for (Settlement& settlement : hunt.settlements()) {
    if (settlement.set_aside > 0) set_aside[tenant_of(settlement.stream)] += settlement.set_aside;
    emit(std::move(settlement));
  }
  tell(notes_.hunted(now.steady, hunt.answer(), set_aside));
}

// Settling.

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
  CHECK(record == bulk.lines.end());  // Every line is settled exactly once.
}

void Shipper::keep_copy(const Bulk& bulk) {
  outputs_.emplace_back(
      KeepCopy{.destination = destination_.id, .name = destination_.name, .packed = bulk.packed});
}

void Shipper::emit(Settlement&& settlement) {
  const StreamId stream = settlement.stream;
  switch (settlements_.add(std::move(settlement))) {
    case Settlements::News::none:
      return;
    case Settlements::News::all_wait:
      return tell(set_aside_full_note());
    case Settlements::News::stream_waits:
      return tell(share_full_note(tenant_of(stream)));
  }
}

void Shipper::room_changed() {
  if (settlements_.try_again()) tell(set_aside_full_note());
}

void Shipper::token_changed(Now now) {
  health_.try_at_once(now.steady);
  queue_.try_at_once(now.steady);
}

// Changing hands.

bool Shipper::holds(StreamId stream) const {
  return has_lines_of(open_.pieces(), stream) || hunts_.holds(stream) || queue_.holds(stream) ||
         settles(stream);
}

bool Shipper::can_give_back(StreamId stream) const {
  return !has_lines_of(open_.pieces(), stream) && !hunts_.holds(stream) && !queue_.has_in_flight(stream) &&
         !settles(stream);
}

std::vector<GivenLine> Shipper::give_back(StreamId stream) {
  std::vector<GivenLine> given = queue_.give_back(stream);
  begin_anew_if_empty();
  return given;
}

void Shipper::take_over(Now now, StreamId stream, const std::shared_ptr<const LineConstants>& constants,
                        const std::vector<GivenLine>& lines) {
  for (const GivenLine& given : lines) {
    if (given.record.reduced) {  // Okta's bytes are no longer in it.
      constants_[stream] = constants;
      open_.add_line(now.steady, given, stream);
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

void Shipper::forget(StreamId stream) {
  settlements_.forget(stream);
  forgotten_.insert(stream);
}

void Shipper::drop_forgotten() {
  if (!open_.empty() && has_only_lines_of(open_.pieces(), forgotten_)) open_.drop();
  queue_.drop(forgotten_);
  begin_anew_if_empty();
  std::erase_if(forgotten_, [&](StreamId each) { return !holds(each); });
}

// Nothing is left to probe with: the next bulk starts afresh.
void Shipper::begin_anew_if_empty() {
  if (queue_.empty() && open_.empty()) health_.recovers();
}

// Queries.

bool Shipper::empty() const {
  return open_.empty() && queue_.empty() && hunts_.empty() && settlements_.empty() && outputs_.empty();
}

bool Shipper::quiet() const {
  if (in_flight() > 0 || !hunts_.empty()) return false;
  return sendings_allowed() == 0 || (queue_.empty() && open_.empty());
}

std::set<StreamId> Shipper::doubtful() const {
  std::set<StreamId> streams;
  queue_.add_doubtful(streams);
  hunts_.add_doubtful(streams);
  settlements_.add_doubtful(streams);
  return streams;
}

bool Shipper::wants_fresh_bulk() const {
  if (!health_.failing() || health_.token_refused() || settlements_.full() || !open_.empty()) return false;
  return std::ranges::all_of(
      queue_, [](const WaitingBulk& each) { return each.refusals >= refusals_until_fresh_bulk; });
}

std::size_t Shipper::held_bytes() const {
  return open_.bytes() + queue_.held_bytes() + hunts_.held_bytes() + settlements_.held_bytes();
}

DestinationReport Shipper::report() const {
  DestinationReport report = counters_;
  report.name = destination_.name;
  report.listener = destination_.listener.text();
  report.healthy = healthy();
  report.in_flight = in_flight();
  report.waiting = queue_.size() + hunts_.size() + (open_.empty() ? 0 : 1);
  if (health_.token_refused()) {
    report.state = "token refused";
  } else if (settlements_.full()) {
    report.state = "set-aside full";
  } else if (health_.failing()) {
    report.state = "retrying";
  } else {
    report.state = report.waiting > 0 || counters_.last_taken ? "taking" : "idle";
  }
  return report;
}

const std::string& Shipper::tenant_of(StreamId stream) const {
  return constants_.at(stream)->tenant_name();
}

void Shipper::tell(std::optional<Note>&& note) {
  if (note) outputs_.emplace_back(std::move(*note));
}

std::optional<Output> Shipper::next_output() {
  if (outputs_.empty()) return std::nullopt;
  Output output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

}  // namespace logzio_okta
