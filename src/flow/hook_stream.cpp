#include "logzio_okta/flow/hook_stream.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/logzio/line_constants.hpp"

namespace logzio_okta {
namespace {

/// Adds what the envelope says of a delivery, beside its events' own fields.
std::vector<ConstantField> with_envelope(std::vector<ConstantField> fields, const SpoolRow& row) {
  for (const auto& [name, value] :
       {std::pair("okta_hook_event_id", &row.event_id), std::pair("okta_hook_event_time", &row.event_time),
        std::pair("okta_hook_source", &row.source)}) {
    if (!value->empty()) fields.push_back({.name = name, .value = *value});
  }
  return fields;
}

/// Longer than anything Okta writes there: left out rather than let every line grow by it.
std::string bounded(std::string_view value) {
  return value.size() <= limits::constant_value_bytes_max ? std::string(value) : std::string();
}

/// An event without a uuid is known by its place in the delivery, which Okta sends a second time unchanged.
EventHash hash_of(const EventSlice& event, const Hook& hook, std::size_t index) {
  EventHash hash = event.hash;
  if (hash.uuid == 0) hash.uuid = hash64(std::string(hook.event_id) + "#" + std::to_string(index)) | 1U;
  return hash;
}

}  // namespace

std::size_t HookStream::bytes_charged(const std::vector<EventSlice>& events) {
  std::size_t bytes = 0;
  for (const EventSlice& event : events) bytes += event.bytes.size();
  return spool_bytes_charged(bytes, events.size());
}

HookStream::HookStream(StreamId stream, HookRoute route, DestinationId destination,
                       std::vector<ConstantField> fields)
    : route_(std::move(route)), destination_(destination), fields_(std::move(fields)), saves_(stream) {}

void HookStream::start(const SpoolFound::Stream& found) {
  newest_ = found.newest;
  waiting_bytes_ = found.bytes;
  oldest_ = found.oldest;
  counts_.fetched = counts_.in_flight = found.events;
  outputs_.emplace_back(OpenStream{.stream = saves_.stream(), .key = route_.key()});
}

void HookStream::found_more(const SpoolFound::Stream& found) {
  newest_ = std::max(newest_, found.newest);
  if (phase_ != Phase::open) return;
  waiting_bytes_ += found.bytes;
  if (!oldest_) oldest_ = found.oldest;
}

void HookStream::opened(Now /*now*/, const Opened& opened) {
  CHECK(phase_ != Phase::open);
  look_ = look_ || phase_ == Phase::standby;
  phase_ = Phase::open;
  if (opened.place) {
    place_ = *opened.place;
    constexpr std::uint64_t rows_max = std::numeric_limits<std::int64_t>::max();
    if (place_.pages > rows_max) place_.pages = 0;  // The state is damaged: what the spool has is delivered.
    read_until_ = place_.pages;
  } else {
    outputs_.emplace_back(saves_.next(place_));  // So that its rows have a stream to belong to.
  }
  spool_early();
}

void HookStream::spool_early() {
  for (SpoolEvents& early : early_) outputs_.emplace_back(std::move(early));
  early_.clear();
}

// Replicas.

void HookStream::held() {
  if (phase_ == Phase::open) return;
  phase_ = Phase::standby;
  counts_ = logzio_okta::settled(counts_);
  waiting_bytes_ = 0;
  spool_early();
}

void HookStream::lose() {
  lost_ = stopping_ = true;
  phase_ = Phase::standby;
  to_save_.reset();
  spool_early();
}

void HookStream::give_way() {
  gives_way_ = phase_ == Phase::open;
}

void HookStream::let_go(bool on_its_way) {
  if (!gives_way_ || reading_ || !pages_.empty() || to_save_ || saves_.pending() || on_its_way) return;
  gives_way_ = false;
  phase_ = Phase::standby;
  counts_ = logzio_okta::settled(counts_);
  outputs_.emplace_back(LetGo{saves_.stream()});
}

// To the disk.

void HookStream::deliver(Now now, HookId id, const Hook& hook, const std::vector<EventSlice>& events) {
  SpoolEvents spool{.stream = saves_.stream(),
                    .hook = id,
                    .at = now.wall,
                    .source = bounded(hook.source_text),
                    .event_id = bounded(hook.event_id),
                    .event_time = bounded(hook.event_time),
                    .events = {}};
  spool.events.reserve(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    spool.events.push_back({.hash = hash_of(events[i], hook, i), .bytes = std::string(events[i].bytes)});
  }
  const std::size_t bytes = bytes_charged(events);
  arriving_.push_back({.id = id, .bytes = bytes, .at = now.wall});
  arriving_bytes_ += bytes;
  if (phase_ != Phase::opening) {
    outputs_.emplace_back(std::move(spool));
  } else {
    early_.push_back(std::move(spool));
  }
}

AnswerHook HookStream::spooled(const Spooled& spooled) {
  CHECK(!arriving_.empty() && arriving_.front().id == spooled.hook);
  const Arriving arrived = arriving_.front();
  arriving_.pop_front();
  arriving_bytes_ -= arrived.bytes;
  if (!spooled.kept) {
    return {.id = spooled.hook, .status = 503, .why = "it cannot be kept now; try again"};
  }
  counts_.fetched += spooled.duplicates;
  counts_.deduplicated += spooled.duplicates;
  if (phase_ == Phase::standby) return {.id = spooled.hook, .status = 200, .why = {}};
  counts_.fetched += spooled.events;
  counts_.in_flight += spooled.events;
  waiting_bytes_ += spooled.bytes;
  newest_ = std::max(newest_, spooled.newest);
  if (spooled.events > 0 && !oldest_) oldest_ = arrived.at;
  return {.id = spooled.hook, .status = 200, .why = {}};
}

// And from there to the listener.

bool HookStream::wants_rows() const {
  return phase_ == Phase::open && !reading_ && !stopping_ && !gives_way_ &&
         (newest_ > read_until_ || look_) && pages_.size() < limits::spool_rows_unsettled_max / 2;
}

void HookStream::read() {
  reading_ = true;
  looking_ = std::exchange(look_, false);
  newest_asked_ = newest_;
  outputs_.emplace_back(ReadSpool{.stream = saves_.stream(),
                                  .after = read_until_,
                                  .rows_max = limits::spool_rows_unsettled_max / 2,
                                  .bytes_max = limits::spool_read_bytes_max});
}

void HookStream::rows_read(const SpoolRead& read, PageCutter& cutter,
                           const std::function<void(const Batch&)>& ship) {
  CHECK(reading_);
  reading_ = false;
  if (stopping_ || gives_way_) return;
  look_ = look_ || (looking_ && !read.rows.empty());
  oldest_.reset();
  // The rows were removed by hand.
  if (read.rows.empty() && newest_ == newest_asked_) newest_ = read_until_;
  for (const SpoolRow& row : read.rows) {
    CHECK(row.number > read_until_);
    read_until_ = row.number;
    // We wrote it; if it is damaged all the same, its bytes are set aside as they are.
    const EventSlice whole{.bytes = row.events};
    const bool cut = cutter.cut(row.events);
    Batch batch{.stream = saves_.stream(),
                .page = row.number,
                .constants = std::make_shared<const LineConstants>(
                    route_.source.name(), LineConstants::usual_type, with_envelope(fields_, row)),
                .events = {},
                .newest = pages_.empty()};
    const Mark mark{.possible_duplicate = row.marked};
    if (!cut) batch.events.push_back({.event = &whole, .mark = mark});
    for (const EventSlice& event : cutter.events()) batch.events.push_back({.event = &event, .mark = mark});
    Row waiting;
    waiting.number = row.number;
    waiting.unsettled = static_cast<std::uint32_t>(batch.events.size());
    waiting.bytes = spool_bytes_charged(row.text_bytes(), batch.events.size());
    waiting.at = row.at;
    pages_.push_back(std::move(waiting));
    ship(batch);
  }
  newest_ = std::max(newest_, read_until_);
  count_what_others_spooled();
  pop_settled();
}

void HookStream::count_what_others_spooled() {
  const std::uint64_t handed_on = pages_.events();
  if (counts_.in_flight < handed_on)
    counts_.fetched += handed_on - std::exchange(counts_.in_flight, handed_on);
}

void HookStream::settled(Now /*now*/, const Settlement& settlement) {
  CHECK(pages_.settle(settlement));
  const std::uint64_t settled = std::uint64_t{settlement.delivered} + settlement.set_aside;
  counts_.in_flight -= std::min(settled, counts_.in_flight);
  count(counts_, settlement);
  if (!lost_) pop_settled();
}

// One save for all that goes before the next output is asked for.
void HookStream::pop_settled() {
  for (; !pages_.empty() && pages_.front().unsettled == 0; pages_.pop_front()) {
    Row& page = pages_.front();
    if (!to_save_) to_save_ = Settled{};
    to_save_->up_to = place_.pages = page.number;
    std::ranges::move(page.kept, std::back_inserter(to_save_->kept));
    waiting_bytes_ -= std::min(page.bytes, waiting_bytes_);
  }
}

void HookStream::finish(Now /*now*/, bool doubtful) {
  if (lost_ || (!doubtful && !partly_settled())) return;
  Save save = saves_.next(place_);
  save.spool_doubted = read_until_;
  outputs_.emplace_back(std::move(save));
}

HookStreamReport HookStream::report() const {
  HookStreamReport report{.domain = route_.source.name(),
                          .region = route_.region,
                          .events = counts_,
                          .bytes = waiting_bytes_,
                          .oldest = oldest_};
  if (!pages_.empty()) report.oldest = pages_.front().at;
  return report;
}

std::optional<Output> HookStream::next_output() {
  if (auto settled = std::exchange(to_save_, std::nullopt)) {
    Save save = saves_.next(place_);
    save.spool_settled = settled->up_to;
    save.set_aside = std::move(settled->kept);
    outputs_.emplace_back(std::move(save));
  }
  if (outputs_.empty()) return std::nullopt;
  Output output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

}  // namespace logzio_okta
