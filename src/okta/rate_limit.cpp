#include "logzio_okta/okta/rate_limit.hpp"

#include <limits>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

std::optional<std::int64_t> whole_number(const Headers& headers, std::string_view name) {
  const auto header = find_header(headers, name);
  const auto number = header ? ascii::whole_number(ascii::trim(*header)) : std::nullopt;
  if (!number || *number > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

}  // namespace

RateLimit read_rate_limit(const Headers& headers) {
  RateLimit rate;
  rate.limit = whole_number(headers, "X-Rate-Limit-Limit");
  rate.remaining = whole_number(headers, "X-Rate-Limit-Remaining");
  const auto reset = whole_number(headers, "X-Rate-Limit-Reset");
  // Seconds that do not fit into our milliseconds are not a moment.
  constexpr std::int64_t seconds_max = std::numeric_limits<WallTime::rep>::max() / 1000;
  if (reset && *reset <= seconds_max) rate.reset = WallTime(std::chrono::seconds(*reset));
  return rate;
}

}  // namespace logzio_okta
