// Backoff: growing waits with full jitter; and Complaint: a repeated failure is said once, then ever more
// rarely.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/http/cure.hpp"

namespace logzio_okta {

/// min(max, base * 2^tries). `tries` counts the failures before this one.
[[nodiscard]] Duration doubled(Duration base, Duration max, int tries);

/// A wait drawn from (0, doubled(base, max, tries)], never under a tenth of base so that it is a wait.
[[nodiscard]] Duration backoff(Duration base, Duration max, int tries, Random& random);

/// When to speak about a failure that goes on: at once, when it becomes another one, then ever more rarely
/// (after 1, 5, 15 and 60 minutes, then hourly), or just hourly where every repeat asks a person to act.
class Complaint {
 public:
  /// `forgiving`: as `ever_more_rarely`, but a failure that comes and goes (limits::trouble_remembered) is
  /// said once, not each time.
  enum class Rhythm : std::uint8_t { ever_more_rarely, hourly, forgiving };

  explicit Complaint(Rhythm rhythm = Rhythm::ever_more_rarely) : rhythm_(rhythm) {}

  /// True if this occurrence should be said.
  [[nodiscard]] bool failed(Instant now, std::string_view kind);
  /// Likewise, for a failure that somebody may have to mend: the level to say it at. WARN while it may pass;
  /// ERROR at once or when it has lasted for limits::patience_until_error, then hourly.
  [[nodiscard]] std::optional<Level> failed(Instant now, std::string_view kind, Urgency urgency);
  /// If something had been said, how long it went on; forgets it.
  [[nodiscard]] std::optional<Duration> healed(Instant now);
  [[nodiscard]] bool active() const { return since_.has_value(); }

 private:
  Rhythm rhythm_;
  std::string kind_;
  std::optional<Instant> since_;
  Instant next_{};
  std::size_t said_ = 0;
  bool said_as_error_ = false;
  std::string said_kind_;
  Instant said_at_{};  ///< With `said_kind_`.
};

}  // namespace logzio_okta
