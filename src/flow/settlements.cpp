#include "logzio_okta/flow/settlements.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

bool Settlements::has_room(StreamId stream, std::uint64_t bytes) const {
  const std::uint64_t all = set_aside_bytes_ + bytes;
  if (bytes == 0 || all <= limits::set_aside_bytes_max / 2) return true;
  const auto taken = taken_.find(stream);
  const std::uint64_t own = (taken != taken_.end() ? taken->second : 0) + bytes;
  return all <= limits::set_aside_bytes_max && own <= limits::set_aside_share_bytes;
}

Settlements::News Settlements::add(Settlement&& settlement) {
  const StreamId stream = settlement.stream;
  std::uint64_t bytes = 0;
  for (const SetAside& each : settlement.kept) bytes += cost_of(each);
  if (has_room(stream, bytes)) {
    set_aside_bytes_ += bytes;
    if (bytes > 0) taken_[stream] += bytes;
    ready_.push_back(std::move(settlement));
    return News::none;
  }
  const bool waited = waits(stream);
  const bool was_full = std::exchange(full_, full_ || set_aside_bytes_ + bytes > limits::set_aside_bytes_max);
  // The delivered events of the same settlement do not wait.
  if (settlement.delivered > 0 && settlement.set_aside > 0) {
    Settlement good = settlement;
    good.set_aside = settlement.delivered = settlement.marked = settlement.reduced = 0;
    good.kept.clear();
    ready_.push_back(std::move(good));
  }
  held_.push_back(std::move(settlement));
  if (full_) return was_full ? News::none : News::all_wait;
  return waited ? News::none : News::stream_waits;
}

bool Settlements::try_again() {
  full_ = false;
  std::deque<Settlement> held = std::exchange(held_, {});
  for (Settlement& settlement : held) static_cast<void>(add(std::move(settlement)));
  return full();
}

void Settlements::forget(StreamId stream) {
  const auto is_its = [&](const Settlement& each) { return each.stream == stream; };
  if (std::erase_if(held_, is_its) > 0) static_cast<void>(try_again());
}

std::optional<Settlement> Settlements::next() {
  if (ready_.empty()) return std::nullopt;
  Settlement settlement = std::move(ready_.front());
  ready_.pop_front();
  return settlement;
}

bool Settlements::waits(StreamId stream) const {
  return std::ranges::find(held_, stream, &Settlement::stream) != held_.end();
}

bool Settlements::have(StreamId stream) const {
  return waits(stream) || std::ranges::find(ready_, stream, &Settlement::stream) != ready_.end();
}

void Settlements::add_doubtful(std::set<StreamId>& streams) const {
  for (const Settlement& settlement : held_) {
    if (settlement.delivered > 0 || settlement.in_doubt) streams.insert(settlement.stream);
  }
}

std::size_t Settlements::held_bytes() const {
  std::size_t bytes = 0;
  for (const Settlement& settlement : held_) {
    for (const SetAside& each : settlement.kept) bytes += bytes_charged(each);
  }
  return bytes;
}

}  // namespace logzio_okta
