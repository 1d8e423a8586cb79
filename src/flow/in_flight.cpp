#include "logzio_okta/flow/in_flight.hpp"

#include <algorithm>
#include <utility>

namespace logzio_okta {
namespace {

std::pair<std::uint64_t, std::uint64_t> order(const EventHash& event) {
  return {event.uuid, event.bytes};
}

std::vector<EventHash> distinct(std::vector<EventHash> events) {
  std::ranges::sort(events, {}, order);
  const auto alike = std::ranges::unique(events);
  events.erase(alike.begin(), alike.end());
  return events;
}

}  // namespace

InFlight::InFlight(std::vector<EventHash> noted)
    : events_(distinct(std::move(noted))), met_(events_.size()), left_(events_.size()) {}

bool InFlight::meet(const EventHash& event) {
  const EventHash from{.uuid = event.uuid, .bytes = event.uuid == 0 ? event.bytes : 0};
  const auto found = std::ranges::lower_bound(events_, order(from), {}, order);
  if (found == events_.end() || found->uuid != event.uuid) return false;
  if (event.uuid == 0 && *found != event) return false;
  const auto index = static_cast<std::size_t>(found - events_.begin());
  if (!met_[index]) --left_;
  met_[index] = true;
  return true;
}

}  // namespace logzio_okta
