#include "logzio_okta/flow/hunts.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/flow/bulk_parts.hpp"

namespace logzio_okta {

std::optional<Bulk> Hunts::next(Instant now, BulkId id) {
  for (Hunt& hunt : hunts_) {
    if (auto lines = hunt.next(now, id)) return lines;
  }
  return std::nullopt;
}

Hunt* Hunts::waiting_for(BulkId id) {
  const auto hunt = std::ranges::find_if(hunts_, [&](const Hunt& each) { return each.waits_for(id); });
  return hunt != hunts_.end() ? &*hunt : nullptr;
}

void Hunts::end() {
  for (Hunt& hunt : hunts_) hunt.end();
}

std::list<Hunt> Hunts::take_ended(Instant now) {
  std::list<Hunt> ended;
  for (auto hunt = hunts_.begin(); hunt != hunts_.end();) {
    const auto each = hunt++;
    if (each->over(now)) ended.splice(ended.end(), hunts_, each);
  }
  return ended;
}

Instant Hunts::until() const {
  Instant when = never;
  for (const Hunt& hunt : hunts_) {
    if (hunt.in_flight() == 0) when = std::min(when, hunt.until());
  }
  return when;
}

Instant Hunts::goes_on_at() const {
  Instant when = never;
  for (const Hunt& hunt : hunts_) when = std::min(when, hunt.goes_on_at());
  return when;
}

bool Hunts::holds(StreamId stream) const {
  return std::ranges::any_of(hunts_, [&](const Hunt& hunt) { return has_lines_of(hunt.pieces(), stream); });
}

void Hunts::add_doubtful(std::set<StreamId>& streams) const {
  for (const Hunt& hunt : hunts_) {
    for (const Piece& piece : hunt.pieces()) streams.insert(piece.stream);
  }
}

std::size_t Hunts::in_flight() const {
  std::size_t sendings = 0;
  for (const Hunt& hunt : hunts_) sendings += hunt.in_flight();
  return sendings;
}

std::size_t Hunts::held_bytes() const {
  std::size_t bytes = 0;
  for (const Hunt& hunt : hunts_) bytes += hunt.held_bytes();
  return bytes;
}

}  // namespace logzio_okta
