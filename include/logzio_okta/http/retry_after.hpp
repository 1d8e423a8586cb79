// Retry-After (RFC 9110 section 10.2.3): seconds or a date.
#pragma once

#include <optional>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// How long to wait; a date is read against the answer's own Date header, else against `wall`.
/// nullopt when absent or unreadable; never negative, never above limits::retry_after_max.
[[nodiscard]] std::optional<Duration> retry_after(const Headers& headers, WallTime wall);

}  // namespace logzio_okta
