#include "logzio_okta/http/retry_after.hpp"

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

const WallTime noon = parse_rfc3339("2026-11-23T12:00:00Z").value();

std::optional<Duration> wait_for(const std::string& value) {
  return retry_after({{"retry-after", value}}, noon);
}

}  // namespace

TEST_CASE("retry-after: seconds") {
  REQUIRE(wait_for("0") == 0s);
  REQUIRE(wait_for("7") == 7s);
  REQUIRE(wait_for(" 7 ") == 7s);
}

TEST_CASE("retry-after: a date is read by the clock of the one who wrote it") {
  const std::string in_a_minute = "Mon, 23 Nov 2026 12:01:00 GMT";
  REQUIRE(wait_for(in_a_minute) == 60s);
  REQUIRE(retry_after({{"Date", "Mon, 23 Nov 2026 12:00:50 GMT"}, {"Retry-After", in_a_minute}}, noon) ==
          10s);
  REQUIRE(retry_after({{"Date", "nonsense"}, {"Retry-After", in_a_minute}}, noon) == 60s);
}

TEST_CASE("retry-after: never negative, never beyond the bound") {
  REQUIRE(wait_for("Mon, 23 Nov 2026 11:00:00 GMT") == 0s);
  REQUIRE(wait_for("Thu, 01 Jan 0000 00:00:00 GMT") == 0s);
  REQUIRE(wait_for("Fri, 31 Dec 9999 23:59:59 GMT") == limits::retry_after_max);
  REQUIRE(wait_for("600") == limits::retry_after_max);
  REQUIRE(wait_for("601") == limits::retry_after_max);
  REQUIRE(wait_for("9223372036854775808") == limits::retry_after_max);
  REQUIRE(wait_for("99999999999999999999999999") == limits::retry_after_max);
}

TEST_CASE("retry-after: absent or unreadable is none") {
  REQUIRE_FALSE(retry_after({}, noon));
  for (const auto* value : {"", "-1", "1.5", "10s", "soon", "2026-11-23T12:01:00Z"}) {
    INFO(value);
    REQUIRE_FALSE(wait_for(value));
  }
}
