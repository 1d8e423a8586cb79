#include "logzio_okta/flow/beginning.hpp"

#include <algorithm>
#include <variant>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

Place first_place(const Since& since, Duration waited, Now now, const OrgFacts& org) {
  const WallTime okta_now =
      org.clock ? org.clock->wall + to_ms(now.steady - org.clock->steady) : now.wall + org.offset;
  const auto* ago = std::get_if<SinceAgo>(&since);
  const WallTime begin = ago ? okta_now - to_ms(waited + ago->ago) : std::get<SinceAt>(since).at;
  return {.since = std::clamp(begin, okta_now - to_ms(limits::retention), okta_now),
          .first_start = okta_now,
          .limit = static_cast<std::uint32_t>(limits::page_events_max),
          .quiet_until = org.quiet_until,
          .okta_offset_ms = org.offset.count()};
}

}  // namespace logzio_okta
