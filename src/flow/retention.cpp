#include "logzio_okta/flow/retention.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

constexpr std::chrono::milliseconds age_max = std::chrono::years(100);

}  // namespace

Retention::Look Retention::look(Now now, const OrgFacts& org, const Place& place) {
  const WallTime okta_now = now.wall + org.offset;
  const WallTime position =
      std::max({place.since, place.watermark.value_or(place.since), place.caught_up.value_or(place.since)});
  const auto age = okta_now - position;
  if (age < to_ms(limits::backlog_alarm)) {
    static_cast<void>(backlog_.healed(now.steady));
    return {};
  }
  Look look;
  const WallTime kept_from = okta_now - to_ms(limits::retention);
  const bool lost = position + 1h < kept_from;
  // A gap that continues keeps its beginning.
  const bool goes_on = place.gap_until && *place.gap_until >= position;
  const WallTime gap_from = goes_on ? *place.gap_from : position;
  if (lost && org.clock) look.gap = Gap{.from = gap_from, .until = kept_from};
  if (!backlog_.failed(now.steady, "backlog")) return look;
  std::string text =
      "is " + describe(std::min(age, age_max)) + " behind, and Okta keeps events for 90 days: ";
  if (lost) {
    text += "the events between " + format_rfc3339(org.clock ? gap_from : position) + " and " +
            format_rfc3339(kept_from) + " are lost";
    if (!org.clock) text += ", if this machine's clock is right";
  } else {
    text += "loss begins on " + format_rfc3339(position + to_ms(limits::retention)).substr(0, 10);
  }
  look.alarm = std::move(text);
  return look;
}

}  // namespace logzio_okta
