#include "logzio_okta/flow/settlements.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

bool Settlements::add(Settlement&& settlement) {
  std::uint64_t bytes = 0;
  for (const SetAside& each : settlement.kept) bytes += cost_of(each);
  if (bytes == 0 || set_aside_bytes_ + bytes <= limits::set_aside_bytes_max) {
    set_aside_bytes_ += bytes;
    ready_.push_back(std::move(settlement));
    return false;
  }
  const bool first = held_.empty();
  // The good ones beside them do not wait.
  if (settlement.delivered > 0 && settlement.set_aside > 0) {
    Settlement good = settlement;
    good.set_aside = settlement.delivered = settlement.marked = settlement.reduced = 0;
    good.kept.clear();
    ready_.push_back(std::move(good));
  }
  held_.push_back(std::move(settlement));
  return first;
}

bool Settlements::try_again() {
  std::deque<Settlement> held = std::exchange(held_, {});
  for (Settlement& settlement : held) static_cast<void>(add(std::move(settlement)));
  return full();
}

std::optional<Settlement> Settlements::next() {
  if (ready_.empty()) return std::nullopt;
  Settlement settlement = std::move(ready_.front());
  ready_.pop_front();
  return settlement;
}

bool Settlements::have(StreamId stream) const {
  return std::ranges::find(held_, stream, &Settlement::stream) != held_.end() ||
         std::ranges::find(ready_, stream, &Settlement::stream) != ready_.end();
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
