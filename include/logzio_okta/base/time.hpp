// Time as data. The core is told the time (`Now`) and never asks for it: there is no now() here.
//
// Two clocks that cannot be mixed up: Instant is monotonic and measures waits; WallTime is the calendar, may
// jump, and is only compared with what Okta or a person wrote. All wall times are UTC in milliseconds, Okta's
// own precision.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/base/error.hpp"

namespace logzio_okta {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

struct SteadyClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SteadyClock, duration>;
  static constexpr bool is_steady = true;
};
struct WallClock {
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallClock, duration>;
  static constexpr bool is_steady = false;
};
using Instant = SteadyClock::time_point;
using WallTime = WallClock::time_point;

/// The moment an input is handled, read once after waking.
struct Now {
  Instant steady;
  WallTime wall;
};

/// A deadline that never comes.
inline constexpr Instant never = Instant::max();

/// RFC 3339 internet date-time ("2026-11-23T12:00:00.123Z", "+01:00" offsets, any number of fraction digits,
/// cut to milliseconds; 'T' and 'Z' in either case; second 60 is read as 59). Nothing else is accepted.
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text);
/// "2026-11-23T12:00:00.123Z", the form Okta documents for `since`.
[[nodiscard]] std::string format_rfc3339(WallTime time);
/// The Date header of HTTP: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7, the preferred form
/// only).
[[nodiscard]] std::optional<WallTime> parse_http_date(std::string_view text);
[[nodiscard]] std::string format_http_date(WallTime time);
/// "500ms", "10s", "5m", "24h", "7d": a whole number and a unit, more than zero. The error says what was
/// expected.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
/// For people: "3 d 4 h", "2 h 5 min", "45 s", "120 ms".
[[nodiscard]] std::string describe(Duration duration);

[[nodiscard]] constexpr std::chrono::milliseconds to_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d);
}

/// When that was, by the clock as it is now: an age stays right when the clock is set.
[[nodiscard]] constexpr WallTime by_clock(Now now, Instant then) {
  return now.wall - to_ms(now.steady - then);
}

}  // namespace logzio_okta
