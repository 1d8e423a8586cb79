#include "logzio_okta/flow/window.hpp"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <tuple>
#include <utility>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

bool before(const EventHash& a, const EventHash& b) {
  return a.uuid != b.uuid ? a.uuid < b.uuid : a.bytes < b.bytes;
}

/// Among sorted events, all with a uuid.
Window::Known look_up_among(const std::vector<EventHash>& events, const EventHash& event) {
  const auto found = std::ranges::lower_bound(events, event, before);
  if (found != events.end() && *found == event) return Window::Known::yes;
  const auto by_uuid = std::ranges::lower_bound(events, event.uuid, {}, &EventHash::uuid);
  return by_uuid != events.end() && by_uuid->uuid == event.uuid ? Window::Known::changed : Window::Known::no;
}

}  // namespace

Window::Window(const std::vector<WindowRow>& rows) {
  for (const WindowRow& row : rows) events_.insert(events_.end(), row.events.begin(), row.events.end());
  std::ranges::sort(events_, before);
}

void Window::add(std::span<const EventHash> events) {
  std::vector<EventHash> sorted(events.begin(), events.end());
  std::ranges::sort(sorted, before);
  std::vector<EventHash> merged;
  merged.reserve(events_.size() + sorted.size());
  std::ranges::merge(events_, sorted, std::back_inserter(merged), before);
  events_ = std::move(merged);
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

Recent::Recent(const std::vector<WindowRow>& rows) {
  for (const WindowRow& row : rows) {
    std::vector<EventHash> events = row.events;
    std::erase_if(events, [](const EventHash& event) { return event.uuid == 0; });
    std::ranges::sort(events, before);
    add(std::move(events));
  }
}

// Sorted by uuid and bytes: equal events are adjacent, and so are all with the same uuid.
std::vector<Window::Known> Recent::look_up_and_add(const std::vector<EventSlice>& page) {
  std::vector<Window::Known> known(page.size(), Window::Known::no);
  std::vector<std::pair<EventHash, std::size_t>> in_order;
  in_order.reserve(page.size());
  for (std::size_t i = 0; i < page.size(); ++i) {
    if (page[i].hash.uuid != 0) in_order.emplace_back(page[i].hash, i);
  }
  std::ranges::sort(in_order, {}, [](const auto& each) {
    return std::tuple(each.first.uuid, each.first.bytes, each.second);
  });
  std::vector<EventHash> sorted;
  sorted.reserve(in_order.size());
  for (auto alike = in_order.begin(); alike != in_order.end();) {
    const auto end = std::ranges::find_if(
        alike, in_order.end(), [&](const auto& each) { return each.first.uuid != alike->first.uuid; });
    const std::size_t first =
        std::ranges::min(std::ranges::subrange(alike, end) |
                         std::views::transform([](const auto& each) { return each.second; }));
    for (; alike != end; ++alike) {
      const auto& [event, index] = *alike;
      const bool again = !sorted.empty() && sorted.back() == event;
      known[index] = again ? Window::Known::yes : look_up_among(events_, event);
      if (known[index] == Window::Known::no && index != first) known[index] = Window::Known::changed;
      if (known[index] != Window::Known::yes)
        sorted.push_back(event);  // Else the event that it repeats would be dropped first.
    }
  }
  add(std::move(sorted));
  return known;
}

void Recent::add(std::vector<EventHash>&& sorted) {
  if (sorted.empty()) return;
  std::vector<EventHash> merged;
  merged.reserve(events_.size() + sorted.size());
  std::ranges::merge(events_, sorted, std::back_inserter(merged), before);
  events_ = std::move(merged);
  pages_.push_back(std::move(sorted));
  while (events_.size() > limits::recent_events_max && pages_.size() > 1) {
    std::vector<EventHash> left;
    left.reserve(events_.size());
    std::ranges::set_difference(events_, pages_.front(), std::back_inserter(left), before);
    events_ = std::move(left);
    pages_.pop_front();
  }
}

}  // namespace logzio_okta
