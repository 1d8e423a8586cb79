#include "logzio_okta/flow/window.hpp"

#include <algorithm>
#include <tuple>

namespace logzio_okta {
namespace {

bool before(const EventHash& a, const EventHash& b) {
  return std::tie(a.uuid, a.bytes) < std::tie(b.uuid, b.bytes);
}

}  // namespace

Window::Window(const std::vector<WindowRow>& rows) {
  for (const WindowRow& row : rows) events_.insert(events_.end(), row.events.begin(), row.events.end());
  std::ranges::sort(events_, before);
}

void Window::add(std::span<const EventHash> events) {
  events_.insert(events_.end(), events.begin(), events.end());
  std::ranges::sort(events_, before);
}

Window::Known Window::Page::look_up(const EventHash& event) {
  const auto alike = std::ranges::equal_range(window_.events_, event, before);
  if (event.uuid == 0) {
    if (!same_place_) return Known::no;
    return seen_without_uuid_[event.bytes]++ < alike.size() ? Known::yes : Known::no;
  }
  if (!alike.empty()) return Known::yes;
  const auto by_uuid = std::ranges::lower_bound(window_.events_, event.uuid, {}, &EventHash::uuid);
  return by_uuid != window_.events_.end() && by_uuid->uuid == event.uuid ? Known::changed : Known::no;
}

}  // namespace logzio_okta
