// The questions we ask Okta's System Log (okta.md section 1), as request targets (path and query).
//
// The first one is ours; every further one is Okta's own `next` link, byte for byte. `until` is never sent: a
// query without it is a polling request, the only kind that "returns every event that occurs in your org".
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/url.hpp"

namespace logzio_okta {

inline constexpr std::string_view log_path = "/api/v1/logs";

/// "/api/v1/logs?since=2026-11-16T12:00:00.000Z&sortOrder=ASCENDING&limit=1000"; the colons stay as they are.
[[nodiscard]] std::string first_target(WallTime since, std::size_t limit);

/// The target of a `next` link if it stays with the org: same scheme, host and port (a path-absolute link is
/// of the same org), exactly `log_path`, printable ASCII without spaces, at most limits::next_link_bytes_max.
/// Never altered. The error says in a few words how it leaves, without quoting the link.
[[nodiscard]] std::expected<std::string, std::string> admit_next(const Origin& org, std::string_view link);

}  // namespace logzio_okta
