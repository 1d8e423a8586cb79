#include "logzio_okta/http/retry_after.hpp"

#include <algorithm>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

WallTime answered_at(const Headers& headers, WallTime wall) {
  const auto date = find_header(headers, "Date");
  return date ? parse_http_date(ascii::trim(*date)).value_or(wall) : wall;
}

}  // namespace

std::optional<Duration> retry_after(const Headers& headers, WallTime wall) {
  const auto header = find_header(headers, "Retry-After");
  if (!header) return std::nullopt;
  const std::string_view value = ascii::trim(*header);
  constexpr auto seconds_max = std::chrono::duration_cast<std::chrono::seconds>(limits::retry_after_max);

  if (!value.empty() && std::ranges::all_of(value, ascii::is_digit)) {
    // Seconds beyond 64 bits are still a number, and mean the maximum.
    const auto seconds = ascii::whole_number(value);
    if (!seconds || *seconds > static_cast<std::uint64_t>(seconds_max.count())) {
      return limits::retry_after_max;
    }
    return std::chrono::seconds(*seconds);
  }

  const std::optional<WallTime> moment = parse_http_date(value);
  if (!moment) return std::nullopt;
  // Compared in milliseconds: a date centuries away overflows nanoseconds.
  const auto wait = *moment - answered_at(headers, wall);
  return std::clamp(wait, WallTime::duration::zero(), to_ms(limits::retry_after_max));
}

}  // namespace logzio_okta
