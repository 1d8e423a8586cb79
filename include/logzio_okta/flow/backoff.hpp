// Backoff: growing waits with full jitter; and Complaint: a repeated failure is said once, then ever more
// rarely.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

/// A wait drawn from (0, min(max, base * 2^tries)], never under a tenth of base so that it is a wait.
/// `tries` counts the failures before this one.
[[nodiscard]] Duration backoff(Duration base, Duration max, int tries, Random& random);

/// When to speak about a failure that goes on: at once, when it becomes another one, then after 1, 5, 15 and
/// 60 minutes, then hourly.
class Complaint {
 public:
  /// True if this occurrence should be said.
  [[nodiscard]] bool failed(Instant now, std::string_view kind);
  /// If something had been said, how long it went on; forgets it.
  [[nodiscard]] std::optional<Duration> healed(Instant now);
  [[nodiscard]] bool active() const { return since_.has_value(); }

 private:
  std::string kind_;
  std::optional<Instant> since_;
  Instant next_{};
  int said_ = 0;
};

}  // namespace logzio_okta
