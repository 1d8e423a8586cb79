// Backoff: growing waits with full jitter. Complaint: reports a repeated failure once, then ever more rarely.
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

/// A random wait from (0, doubled(base, max, tries)], but at least a tenth of base.
[[nodiscard]] Duration backoff(Duration base, Duration max, int tries, Random& random);

/// When to report a failure that goes on: at once, then ever more rarely (after 1, 5, 15 and 60 minutes, then
/// hourly), or only hourly if every report asks a person to act.
///
/// A different failure is reported at once too. One that comes and goes, or alternates with another, counts
/// as the same one for limits::trouble_remembered: otherwise a server that fails every other request would
/// fill the log. One that comes back is reported when it has lasted for a minute.
class Complaint {
 public:
  enum class Rhythm : std::uint8_t { ever_more_rarely, hourly };

  explicit Complaint(Rhythm rhythm = Rhythm::ever_more_rarely) : rhythm_(rhythm) {}

  /// True if this occurrence should be reported.
  [[nodiscard]] bool failed(Instant now, std::string_view kind);
  /// The same for a failure that a person may have to fix: the level to report it at. WARN while it may pass;
  /// ERROR at once or after it has lasted for limits::patience_until_error, then hourly. One that came back
  /// and lasts as long is an ERROR again, whatever was reported before it healed.
  [[nodiscard]] std::optional<Level> failed(Instant now, std::string_view kind, Urgency urgency);
  /// How long it went on, if it had been reported.
  [[nodiscard]] std::optional<Duration> healed(Instant now);
  [[nodiscard]] bool active() const { return since_.has_value(); }
  /// A sentence that ends a report: how long it has gone on. Empty in its first minute.
  [[nodiscard]] std::string so_far(Instant now) const;

 private:
  struct Kind {
    std::string name;
    Instant seen{};
    Instant next{};  ///< When it may be reported again.
    std::size_t said = 0;
  };

  Kind& meet(Instant now, std::string_view kind);
  /// It has lasted since it came back, and was not reported since.
  [[nodiscard]] bool stays_unsaid(Instant now) const;

  Rhythm rhythm_;
  std::optional<Instant> since_;
  std::optional<Instant> lasting_since_;  ///< The first failure that a person may have to fix, of those ...
  Instant failed_at_{};                   ///< ... that followed each other up to this one.
  bool said_since_ = false;
  bool error_since_ = false;  ///< Reported as an error since it came back.
  std::string last_;          ///< The latest kind, until it heals.
  std::vector<Kind> kinds_;   ///< A few recent ones.
  Instant next_error_{};      ///< For any kind.
};

}  // namespace logzio_okta
