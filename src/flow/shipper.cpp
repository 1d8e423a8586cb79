#include "logzio_okta/flow/shipper.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t splice_bytes_guess = 512;  // Besides the message; only decides when a bulk is full.
constexpr std::size_t never_too_large =
    64 * limits::KiB;  // A 413 for a line as small as this is not about its size.
constexpr int refusals_until_fresh_bulk = 3;
constexpr std::size_t blind_pieces_max = 128;  // Waiting bulks, while nothing passes to compare them with.

/// Okta's bytes of the event in a line (its line breaks between tokens have become spaces).
std::string event_in(std::string_view line, const LineRecord& record) {
  return "{" + std::string(line.substr(record.event_at));
}

/// Why an event cannot become a line at all; empty if it can.
std::string_view unfit_for_a_line(const EventSlice& event, Protocol protocol) {
  if (!event.object) return "not a JSON object";
  if (event.newline_inside) return "not JSON: a line break inside a string";
  if (!is_lines(protocol)) return {};
  // Over TCP nobody answers, so what the listener would refuse has to be found here.
  if (event.own_keys.has(OwnKey::token))
    return "its own key \"token\" would clash with the account's over TCP";
  if (!is_strict_json_object(event.bytes)) return "not JSON";
  return {};
}

/// The line with "possible_duplicate" said in it. Empty if the event's own key logzio_okta leaves no room for
/// ours.
std::string marked_line(std::string_view line, const LineRecord& record) {
  constexpr auto object = "\"logzio_okta\":{"sv;
  constexpr auto said = "\"possible_duplicate\":true"sv;
  const std::string_view splice = line.substr(0, record.event_at);
  std::string marked(line);
  // Inside a JSON string a quote stands behind a backslash, so this can only be our own key.
  if (const auto at = splice.rfind(object); at != std::string_view::npos) {
    return marked.insert(at + object.size(), std::string(said) + ",");
  }
  EventSlice event;
  const std::string bytes = event_in(line, record);
  if (PageCutter::cut_one(bytes, event) && event.own_keys.has(OwnKey::logzio_okta)) return {};
  const bool empty_event = line.substr(record.event_at).find_first_not_of(" }\t") == std::string_view::npos;
  const std::string ours = std::string(object) + std::string(said) + "}";
  return marked.insert(record.event_at, empty_event ? "," + ours : ours + ",");
}

std::uint64_t bytes_of(const std::vector<SetAside>& kept) {
  std::uint64_t bytes = 0;
  for (const SetAside& each : kept) bytes += bytes_charged(each);
  return bytes;
}

}  // namespace

Shipper::Shipper(DestinationSpec destination, ShippersShare& share, Random random)
    : destination_(std::move(destination)),
      share_(share),
      name_(destination_.listener.text()),
      random_(random) {}

// ---- Collecting

void Shipper::take(Now now, const Batch& batch) {
  Settlement unfit{.stream = batch.stream, .page = batch.page};
  constants_[batch.stream] = batch.constants;
  for (const auto& [event, mark, unfit_for] : batch.events) {
    const std::string_view reason =
        unfit_for.empty() ? unfit_for_a_line(*event, destination_.listener.protocol) : unfit_for;
    if (!reason.empty()) {
      ++unfit.set_aside;
      // What is no event at all comes by the page, and needs no record each.
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
  const bool old_enough = open_since_ && now.steady >= *open_since_ + limits::bulk_age_max;
  if (old_enough || stopping_ || open_.bytes() >= limits::bulk_bytes_max) seal();
  dispatch(now);
}

Instant Shipper::deadline() const {
  Instant when = open_since_ ? *open_since_ + limits::bulk_age_max : never;
  if (in_flight() >= sendings_allowed()) return when;
  for (const Waiting& waiting : queue_) {
    if (!waiting.in_flight) when = std::min(when, std::max(waiting.not_before, not_before_));
  }
  return when;
}

// ---- Sending

std::size_t Shipper::sendings_allowed() const {
  if (paused_ || set_aside_full() || (stopping_ && !healthy())) return 0;
  return healthy() ? limits::bulks_in_flight_max : 1;
}

std::size_t Shipper::in_flight() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(queue_, [](const Waiting& w) { return w.in_flight.has_value(); }));
}

void Shipper::dispatch(Now now) {
  if (now.steady < not_before_) return;
  while (in_flight() < sendings_allowed()) {
    const auto due = next_due(now.steady);
    if (due == queue_.end()) return;
    send(*due);
  }
}

// In order, what is newest before what is being caught up on; but in trouble the bulk tried least, so that
// one bad bulk does not stand for all.
Shipper::Queue::iterator Shipper::next_due(Instant now) {
  auto best = queue_.end();
  for (auto it = queue_.begin(); it != queue_.end(); ++it) {
    if (it->in_flight || it->not_before > now) continue;
    if (healthy() && it->urgent && urgent_in_a_row_ < limits::urgent_bulks_in_a_row) return it;
    if (best == queue_.end() || (!healthy() && it->tries < best->tries)) best = it;
  }
  return best;
}

void Shipper::send(Waiting& waiting) {
  if (waiting.perhaps_taken && !waiting.marked) mark_all(waiting);
  if (set_aside_full()) return;  // By an event that its mark made too long: what is kept of it comes first.
  urgent_in_a_row_ = waiting.urgent ? urgent_in_a_row_ + 1 : 0;
  waiting.in_flight = BulkId{++share_.bulks};
  outputs_.emplace_back(SendBulk{.id = *waiting.in_flight,
                                 .destination = destination_.id,
                                 .packed = waiting.bulk.packed,
                                 .lines = waiting.bulk.lines.size()});
}

void Shipper::mark_all(Waiting& waiting) {
  const std::string plain = waiting.bulk.unpack();
  const auto lines = split_lines(plain);
  BulkBuilder builder;
  std::size_t index = 0;
  for (const Piece& piece : waiting.bulk.pieces) {
    for (std::uint32_t i = 0; i < piece.lines; ++i, ++index) {
      LineRecord record = waiting.bulk.lines[index];
      std::string line = record.mark.possible_duplicate ? std::string() : marked_line(lines[index], record);
      if (line.empty()) {
        builder.add_line(lines[index], record, piece.stream, piece.page);
        continue;
      }
      record.mark.possible_duplicate = true;
      if (line.size() + destination_.token_bytes <= limits::line_bytes_max) {
        record.event_at += static_cast<std::uint32_t>(line.size() - lines[index].size());
        builder.add_line(line, record, piece.stream, piece.page);
        continue;
      }
      // The mark is what makes this line too long: it goes out reduced, like any other such line.
      EventSlice event;
      std::string bytes = event_in(lines[index], record);
      CHECK(PageCutter::cut_one(bytes, event));
      static_cast<void>(builder.add(event, *constants_.at(piece.stream), record.mark,
                                    destination_.token_bytes, piece.stream, piece.page));
      Settlement reduced{.stream = piece.stream, .page = piece.page};
      reduced.kept.push_back({.reason = "over 500,000 bytes with its mark; delivered reduced",
                              .answer = {},
                              .events = 0,
                              .bytes = std::move(bytes)});
      emit(std::move(reduced));
    }
  }
  waiting.bulk = builder.seal();
  waiting.marked = true;
}

// ---- Verdicts

void Shipper::answered(Now now, BulkId id, const BulkResult& result) {
  const auto it =
      std::ranges::find_if(queue_, [&](const Waiting& waiting) { return waiting.in_flight == id; });
  if (it == queue_.end()) return;
  it->in_flight.reset();
  const Verdict verdict = judge(result, it->bulk.lines.size(), now.wall);
  std::visit([&](const auto& each) { on(each, now, it); }, verdict);
}

void Shipper::on(const verdict::Taken& /*taken*/, Now now, Queue::iterator it) {
  ++counters_.bulks_taken;
  counters_.lines_taken += it->bulk.lines.size();
  succeeded(now, it->bulk);
  settle(it->bulk);
  queue_.erase(it);
}

void Shipper::on(const verdict::PartlyTaken& partly, Now now, Queue::iterator it) {
  ++counters_.bulks_partly;
  counters_.lines_taken += partly.successful;
  succeeded(now, it->bulk);
  settle_partly(it->bulk, partly);
  queue_.erase(it);
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
             " refuses the shipping token (401): the token is wrong or belongs to another region; "
             "check " +
             destination_.set_by +
             ". Nothing is lost: Okta keeps the events, "
             "and delivery goes on when the token is accepted");
  }
}

void Shipper::on(const verdict::Retry& retry, Now now, Queue::iterator it) {
  ++counters_.bulks_retried;
  counters_.last_error = retry.text;
  it->perhaps_taken = it->perhaps_taken || retry.perhaps_taken;
  ++failures_;
  count_refusal(*it, retry);
  if (const auto level = trouble_.failed(now.steady, std::to_string(retry.status), retry.urgency)) {
    note(*level, "Logz.io at " + name_ + " did not take a bulk of " + counted(it->bulk.lines.size(), "line") +
                     ": " + retry.text + ". Nothing is lost; it is tried again");
  }
  if (!is_culprit(*it)) {
    retry_later(now.steady, *it, retry.retry_after.value_or(0s));
    return;
  }
  if (passed_ > it->passed_before) failures_ = 0;  // It was not the destination.
  if (it->bulk.lines.size() > 1) {
    halve(it);
  } else {
    set_line_aside(it, "refused again and again while other bulks were taken", retry.text);
  }
}

void Shipper::count_refusal(Waiting& waiting, const verdict::Retry& retry) const {
  // Too many requests: that is never about what is in this one.
  if (!retry.answered || retry.status == 429) {
    waiting.refusals = 0;
    return;
  }
  if (retry.status != waiting.last_status) {
    waiting.refusals = 0;
    waiting.passed_before = passed_;
  }
  waiting.last_status = retry.status;
  ++waiting.refusals;
}

// Others passed: it is about this bulk. Nothing is left that could pass, for all that wait are refused as
// often (each may hold a culprit): the halves will tell each other apart. That stays with few pieces, since
// in a mere outage every one of them would be cut in vain.
bool Shipper::is_culprit(const Waiting& waiting) const {
  const auto refused_enough = [](const Waiting& w) { return w.refusals >= w.refusals_until_halved; };
  if (!refused_enough(waiting)) return false;
  if (passed_ > waiting.passed_before) return true;
  return queue_.size() < blind_pieces_max && waiting.bulk.lines.size() > 1 && open_.empty() &&
         std::ranges::all_of(queue_, refused_enough);
}

void Shipper::succeeded(Now now, const Bulk& bulk) {
  ++passed_;
  failures_ = 0;
  token_refused_ = false;
  not_before_ = {};
  counters_.bytes_taken += bulk.packed->size();
  counters_.last_taken = now.wall;
  counters_.last_error.clear();
  const auto refused = token_trouble_.healed(now.steady);
  const auto troubled = trouble_.healed(now.steady);
  if (refused || troubled) {
    note(Level::info, "Logz.io at " + name_ + " takes events again, after " +
                          describe(std::max(refused.value_or(0s), troubled.value_or(0s))));
  }
}

void Shipper::retry_later(Instant now, Waiting& waiting, Duration at_least) {
  const Duration own = backoff(limits::bulk_backoff_base, limits::bulk_backoff_max, waiting.tries, random_);
  const Duration all = backoff(limits::bulk_backoff_base, limits::bulk_backoff_max, failures_ - 1, random_);
  ++waiting.tries;
  waiting.not_before = now + std::max(own, at_least);
  not_before_ = now + std::max(all, at_least);
}

void Shipper::halve(Queue::iterator it) {
  ++counters_.bulks_halved;
  const std::string plain = it->bulk.unpack();
  const auto lines = split_lines(plain);
  const std::size_t middle = lines.size() / 2;
  BulkBuilder builder;
  std::size_t index = 0;
  const auto put_back = [&] {
    // What is left of a suspected bulk needs less proof, until a single line is to be set aside.
    const bool single = builder.lines() == 1;
    Waiting half{.bulk = builder.seal()};
    half.refusals_until_halved = single || it->refusals == 0 ? limits::refusals_until_halved : 2;
    // The other half counts among the others, whichever is tried first.
    half.passed_before = passed_;
    half.last_status = it->last_status;
    half.perhaps_taken = it->perhaps_taken;
    half.marked = it->marked;
    half.urgent = it->urgent;
    queue_.insert(it, std::move(half));
  };
  for (const Piece& piece : it->bulk.pieces) {
    for (std::uint32_t i = 0; i < piece.lines; ++i, ++index) {
      if (index == middle) put_back();
      builder.add_line(lines[index], it->bulk.lines[index], piece.stream, piece.page);
    }
  }
  put_back();
  queue_.erase(it);
}

// ---- Settling

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

// The listener counts its refusals and does not say which. What a strict parser objects to are the culprits.
// Where it finds fewer than were refused, every line of the bulk is kept with the answer, and only the number
// counts.
void Shipper::settle_partly(const Bulk& bulk, const verdict::PartlyTaken& partly) {
  const std::string plain = bulk.unpack();
  const auto lines = split_lines(plain);
  const auto is_culprit_line = [&](std::string_view line) {
    return line.size() > limits::line_bytes_max || !is_strict_json_object(line);
  };
  const auto culprits = static_cast<std::size_t>(std::ranges::count_if(lines, is_culprit_line));
  std::size_t to_explain = partly.refused();
  std::size_t unexplained = to_explain > culprits ? to_explain - culprits : 0;
  const bool keep_copies = unexplained > 0;
  note(Level::error, "Logz.io refused " + std::to_string(to_explain) + " of " + std::to_string(lines.size()) +
                         " lines (" + partly.answer + "); they are set aside, the others were taken");
  std::size_t index = 0;
  for (const Piece& piece : bulk.pieces) {
    Settlement settlement{.stream = piece.stream, .page = piece.page};
    std::string copy;
    for (std::uint32_t i = 0; i < piece.lines; ++i, ++index) {
      const LineRecord& record = bulk.lines[index];
      if (is_culprit_line(lines[index])) {
        const std::uint32_t counts = to_explain > 0 ? 1 : 0;
        to_explain -= counts;
        settlement.set_aside += counts;
        settlement.kept.push_back({.reason = "not JSON, or too long: the listener refused it",
                                   .answer = partly.answer,
                                   .events = counts,
                                   .bytes = event_in(lines[index], record)});
        if (counts == 1) continue;
      } else if (keep_copies) {
        copy.append(lines[index]).push_back('\n');
      }
      ++settlement.delivered;
      if (record.mark.possible_duplicate) ++settlement.marked;
      if (record.reduced) ++settlement.reduced;
    }
    if (!copy.empty()) {
      const auto counts =
          static_cast<std::uint32_t>(std::min<std::size_t>(unexplained, settlement.delivered));
      unexplained -= counts;
      settlement.delivered -= counts;
      settlement.set_aside += counts;
      settlement.marked = std::min(settlement.marked, settlement.delivered);
      settlement.reduced = std::min(settlement.reduced, settlement.delivered);
      settlement.kept.push_back({.reason = "the listener refused some of these lines and did not say which",
                                 .answer = partly.answer,
                                 .events = counts,
                                 .bytes = std::move(copy)});
    }
    emit(std::move(settlement));
  }
}

void Shipper::emit(Settlement&& settlement) {
  const std::uint64_t bytes = bytes_of(settlement.kept);
  if (bytes > 0 && share_.set_aside_bytes + bytes > limits::set_aside_bytes_max) {
    if (!set_aside_full()) {
      note(Level::error, "the room for events set aside is full (" +
                             std::to_string(limits::set_aside_bytes_max / limits::MiB) +
                             " MiB): delivery holds until some are looked at and dropped. Nothing is lost: "
                             "Okta keeps the events");
    }
    held_settlements_.push_back(std::move(settlement));
    return;
  }
  share_.set_aside_bytes += bytes;
  settlements_.push_back(std::move(settlement));
}

void Shipper::room_changed() {
  std::deque<Settlement> held = std::exchange(held_settlements_, {});
  for (Settlement& settlement : held) emit(std::move(settlement));
}

void Shipper::token_changed(Now now) {
  not_before_ = now.steady;
  for (Waiting& waiting : queue_) waiting.not_before = std::min(waiting.not_before, now.steady);
}

// ---- Changing hands

bool Shipper::holds(StreamId stream) const {
  const auto has_it = [&](const std::vector<Piece>& pieces) {
    return std::ranges::find(pieces, stream, &Piece::stream) != pieces.end();
  };
  return has_it(open_.pieces()) ||
         std::ranges::any_of(queue_, [&](const Waiting& waiting) { return has_it(waiting.bulk.pieces); }) ||
         settles(stream);
}

bool Shipper::settles(StreamId stream) const {
  return std::ranges::find(held_settlements_, stream, &Settlement::stream) != held_settlements_.end() ||
         std::ranges::find(settlements_, stream, &Settlement::stream) != settlements_.end();
}

bool Shipper::can_give_back(StreamId stream) const {
  const auto has_it = [&](const std::vector<Piece>& pieces) {
    return std::ranges::find(pieces, stream, &Piece::stream) != pieces.end();
  };
  return !has_it(open_.pieces()) && std::ranges::none_of(queue_, [&](const Waiting& waiting) {
    return waiting.in_flight && has_it(waiting.bulk.pieces);
  }) && !settles(stream);
}

bool Shipper::empty() const {
  return open_.empty() && queue_.empty() && held_settlements_.empty() && settlements_.empty() &&
         outputs_.empty();
}

std::vector<GivenLine> Shipper::give_back(StreamId stream) {
  std::vector<GivenLine> given;
  for (auto it = queue_.begin(); it != queue_.end();) {
    const auto& pieces = it->bulk.pieces;
    if (it->in_flight || std::ranges::find(pieces, stream, &Piece::stream) == pieces.end()) {
      ++it;
      continue;
    }
    const std::string plain = it->bulk.unpack();
    const auto lines = split_lines(plain);
    BulkBuilder kept;
    std::size_t index = 0;
    for (const Piece& piece : pieces) {
      for (std::uint32_t i = 0; i < piece.lines; ++i, ++index) {
        LineRecord record = it->bulk.lines[index];
        if (piece.stream != stream) {
          kept.add_line(lines[index], record, piece.stream, piece.page);
          continue;
        }
        std::string line(lines[index]);
        if (it->perhaps_taken && !record.mark.possible_duplicate) {
          if (record.reduced) line = marked_line(lines[index], record);
          record.event_at += static_cast<std::uint32_t>(line.size() - lines[index].size());
          record.mark.possible_duplicate = true;
        }
        given.push_back({.page = piece.page, .line = std::move(line), .record = record});
      }
    }
    if (kept.empty()) {
      it = queue_.erase(it);
    } else {
      it->bulk = kept.seal();
      ++it;
    }
  }
  begin_anew_if_empty();
  return given;
}

// Nothing is left to try it with: whoever comes next finds out anew.
void Shipper::begin_anew_if_empty() {
  if (!queue_.empty() || !open_.empty()) return;
  token_refused_ = false;
  failures_ = 0;
  not_before_ = {};
}

void Shipper::take_over(Now now, StreamId stream, const std::shared_ptr<const LineConstants>& constants,
                        const std::vector<GivenLine>& lines) {
  for (const GivenLine& given : lines) {
    if (given.record.reduced) {  // Okta's bytes are not in it any more.
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

// ---- What others ask

bool Shipper::quiet() const {
  if (in_flight() > 0) return false;
  return sendings_allowed() == 0 || (queue_.empty() && open_.empty());
}

std::set<StreamId> Shipper::doubtful() const {
  std::set<StreamId> streams;
  for (const Waiting& waiting : queue_) {
    if (!waiting.in_flight && !waiting.perhaps_taken) continue;
    for (const Piece& piece : waiting.bulk.pieces) streams.insert(piece.stream);
  }
  for (const Settlement& settlement : held_settlements_) {
    if (settlement.delivered > 0) streams.insert(settlement.stream);
  }
  return streams;
}

bool Shipper::wants_fresh_bulk() const {
  if (failures_ == 0 || token_refused_ || set_aside_full() || !open_.empty()) return false;
  return std::ranges::all_of(queue_,
                             [](const Waiting& w) { return w.refusals >= refusals_until_fresh_bulk; });
}

std::size_t Shipper::held_bytes() const {
  std::size_t bytes = open_.bytes();
  for (const Waiting& waiting : queue_) bytes += waiting.bulk.held_bytes();
  for (const Settlement& settlement : held_settlements_) bytes += bytes_of(settlement.kept);
  return bytes;
}

DestinationReport Shipper::report() const {
  DestinationReport report = counters_;
  report.name = destination_.name;
  report.listener = destination_.listener.text();
  report.healthy = healthy();
  report.in_flight = in_flight();
  report.waiting = queue_.size() + (open_.empty() ? 0 : 1);
  if (token_refused_) {
    report.state = "token refused";
  } else if (set_aside_full()) {
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

std::optional<Settlement> Shipper::next_settlement() {
  if (settlements_.empty()) return std::nullopt;
  Settlement settlement = std::move(settlements_.front());
  settlements_.pop_front();
  return settlement;
}

}  // namespace logzio_okta
