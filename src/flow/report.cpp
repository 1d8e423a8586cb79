#include "logzio_okta/flow/report.hpp"

#include <utility>

namespace logzio_okta {

std::string_view name_of(TenantState state) {
  switch (state) {
    case TenantState::opening:
      return "opening";
    case TenantState::following:
      return "following";
    case TenantState::limited:
      return "limited";
    case TenantState::held:
      return "held";
    case TenantState::backing_off:
      return "backing off";
    case TenantState::refused:
      return "refused";
    case TenantState::standby:
      return "standby";
    case TenantState::finished:
      return "finished";
    case TenantState::stopped:
      return "stopped";
  }
  return "";
}

EventCounts& operator+=(EventCounts& total, const EventCounts& part) {
  for (const auto& [name, count] : event_counts) total.*count += part.*count;
  return total;
}

EventCounts settled(EventCounts counts) {
  counts.fetched -= std::exchange(counts.in_flight, 0);
  return counts;
}

}  // namespace logzio_okta
