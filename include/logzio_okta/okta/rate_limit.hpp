// Okta's rate limit headers, present in each answer (docs/okta.md 4).
#pragma once

#include <cstdint>
#include <optional>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

struct RateLimit {
  std::optional<std::int64_t> limit;  ///< X-Rate-Limit-Limit: requests per window; 0 on a concurrency 429.
  std::optional<std::int64_t> remaining;  ///< X-Rate-Limit-Remaining.
  std::optional<WallTime> reset;          ///< X-Rate-Limit-Reset: UTC epoch seconds, by Okta's clock.

  /// "The first two header values are always 0 for concurrent rate limit errors"; their reset means nothing.
  [[nodiscard]] bool concurrency() const { return limit == 0 && remaining == 0; }
};

/// A header that is missing, negative, or not a whole number is absent.
[[nodiscard]] RateLimit read_rate_limit(const Headers& headers);

}  // namespace logzio_okta
