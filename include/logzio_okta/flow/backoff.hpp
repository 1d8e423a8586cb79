// Backoff: growing waits with full jitter; and Complaint: a repeated failure is said once, then ever more
// rarely.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/http/cure.hpp"

namespace logzio_okta {

/// min(max, base * 2^tries). `tries` counts the failures before this one.
[[nodiscard]] Duration doubled(Duration base, Duration max, int tries);

/// A wait drawn from (0, doubled(base, max, tries)], never under a tenth of base so that it is a wait.
[[nodiscard]] Duration backoff(Duration base, Duration max, int tries, Random& random);

/// When to speak about a failure that goes on: at once, then ever more rarely (after 1, 5, 15 and 60 minutes,
/// then hourly), or just hourly where every repeat asks a person to act.
///
/// Another failure is said at once too. One that comes and goes, or takes turns with another, is the same one
/// for limits::trouble_remembered: else a server that fails every other request would fill the log. What
/// comes back to stay is said when it has stayed for a minute.
class Complaint {
 public:
  enum class Rhythm : std::uint8_t { ever_more_rarely, hourly };

  explicit Complaint(Rhythm rhythm = Rhythm::ever_more_rarely) : rhythm_(rhythm) {}

  /// True if this occurrence should be said.
  [[nodiscard]] bool failed(Instant now, std::string_view kind);
  /// Likewise, for a failure that somebody may have to mend: the level to say it at. WARN while it may pass;
  /// ERROR at once or when it has lasted for limits::patience_until_error, then hourly.
  [[nodiscard]] std::optional<Level> failed(Instant now, std::string_view kind, Urgency urgency);
  /// If something had been said, how long it went on.
  [[nodiscard]] std::optional<Duration> healed(Instant now);
  [[nodiscard]] bool active() const { return since_.has_value(); }

 private:
  struct Kind {
    std::string name;
    Instant seen{};
    Instant next{};  ///< When it may be said again.
    std::size_t said = 0;
  };

  Kind& meet(Instant now, std::string_view kind);
  /// Nothing is said of it since it began again, and it stays.
  [[nodiscard]] bool stays_unsaid(Instant now) const;

  Rhythm rhythm_;
  std::optional<Instant> since_;
  bool said_since_ = false;
  std::string last_;         ///< The kind met last, until it heals.
  std::vector<Kind> kinds_;  ///< Met lately, a few.
  Instant next_error_{};     ///< Of whatever kind.
};

}  // namespace logzio_okta
