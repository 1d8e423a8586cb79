#include "logzio_okta/flow/unfit_events.hpp"

#include <algorithm>
#include <string>

namespace logzio_okta {
namespace {

/// Why an event cannot become a line at all; empty if it can.
std::string_view unfit_for_a_line(const EventSlice& event, Protocol protocol) {
  if (!event.object) return "not a JSON object";
  if (event.newline_inside) return "not JSON: a line break inside a string";
  if (!is_lines(protocol)) return {};
  // Over TCP there is no answer, so lines that the listener would refuse must be found here.
  if (event.own_keys.has(OwnKey::token))
    return "its own key \"token\" would clash with the account's over TCP";
  if (!is_strict_json_object(event.bytes)) return "not JSON";
  return {};
}

}  // namespace

bool UnfitEvents::take(const BatchEvent& event, Protocol protocol) {
  const EventSlice& slice = *event.event;
  const std::string_view reason = event.unfit.empty() ? unfit_for_a_line(slice, protocol) : event.unfit;
  if (reason.empty()) return false;
  ++settlement_.set_aside;
  std::vector<SetAside>& kept = settlement_.kept;
  // Elements that are not events come a page at a time and do not need a record each.
  if (!slice.object && !kept.empty() && kept.back().reason == reason) {
    kept.back().bytes.append("\n").append(slice.bytes);
    ++kept.back().events;
  } else {
    kept.push_back(
        {.reason = std::string(reason), .answer = {}, .events = 1, .bytes = std::string(slice.bytes)});
  }
  return true;
}

void UnfitEvents::keep_whole(const EventSlice& event) {
  settlement_.kept.push_back({.reason = "over 500,000 bytes; delivered reduced",
                              .answer = {},
                              .events = 0,
                              .bytes = std::string(event.bytes)});
}

std::map<std::string_view, std::size_t> UnfitEvents::by_reason() const {
  std::map<std::string_view, std::size_t> reasons;
  for (const SetAside& kept : settlement_.kept) reasons[kept.reason] += std::max(kept.events, 1U);
  return reasons;
}

}  // namespace logzio_okta
