#include "logzio_okta/flow/open_bulk.hpp"

#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

constexpr std::size_t splice_bytes_guess = 512;  // Besides the message; only decides when a bulk is full.

}  // namespace

bool OpenBulk::has_room_for(const EventSlice& event) const {
  const std::size_t expected = event.bytes.size() + event.display_message.size() + splice_bytes_guess;
  return empty() || (bytes() + expected <= limits::bulk_bytes_max && lines_.lines() < limits::bulk_lines_max);
}

AppendedLine OpenBulk::add(Instant now, const BatchEvent& event, const Batch& batch,
                           std::size_t token_bytes) {
  begin(now);
  urgent_ = urgent_ || batch.newest;
  return lines_.add(*event.event, *batch.constants, event.mark, token_bytes, batch.stream, batch.page);
}

void OpenBulk::add_line(Instant now, const GivenLine& given, StreamId stream) {
  begin(now);
  lines_.add_line(given.line, given.record, stream, given.page);
}

void OpenBulk::begin(Instant now) {
  CHECK(since_.has_value() == !empty());
  if (since_) return;
  since_ = now;
  lines_.take_room(std::exchange(buffer_, {}));
}

WaitingBulk OpenBulk::seal() {
  CHECK(since_ && !empty());
  WaitingBulk sealed{.bulk = lines_.seal(), .urgent = std::exchange(urgent_, false)};
  buffer_ = lines_.give_room();
  since_.reset();
  return sealed;
}

void OpenBulk::drop() {
  lines_ = {};
  since_.reset();
  urgent_ = false;
}

bool OpenBulk::due(Instant now) const {
  const bool old_enough = since_ && now >= *since_ + limits::bulk_age_max;
  return old_enough || bytes() >= limits::bulk_bytes_max;
}

Instant OpenBulk::due_at() const {
  return since_ ? *since_ + limits::bulk_age_max : never;
}

}  // namespace logzio_okta
