#include "logzio_okta/okta/rate_limit.hpp"

#include "catch.hpp"

using namespace logzio_okta;

TEST_CASE("rate limit: the three headers are read in any case") {
  const RateLimit rate = read_rate_limit({{"x-rate-limit-limit", "120"},
                                          {"X-Rate-Limit-Remaining", "119"},
                                          {"X-RATE-LIMIT-RESET", "1795435260"}});
  REQUIRE(rate.limit == 120);
  REQUIRE(rate.remaining == 119);
  REQUIRE(rate.reset == parse_rfc3339("2026-11-23T12:01:00Z"));
  REQUIRE_FALSE(rate.concurrency());
}

TEST_CASE("rate limit: limit and remaining both 0 is a concurrency limit, and only then") {
  REQUIRE(read_rate_limit({{"X-Rate-Limit-Limit", "0"}, {"X-Rate-Limit-Remaining", "0"}}).concurrency());
  REQUIRE_FALSE(
      read_rate_limit({{"X-Rate-Limit-Limit", "120"}, {"X-Rate-Limit-Remaining", "0"}}).concurrency());
  REQUIRE_FALSE(read_rate_limit({{"X-Rate-Limit-Limit", "0"}}).concurrency());
  REQUIRE_FALSE(read_rate_limit({}).concurrency());
}

TEST_CASE("rate limit: what is no whole number is absent") {
  for (const auto* value : {"", "-1", "+1", "1.5", "120, 120", "many", "0x10", "9223372036854775808"}) {
    INFO(value);
    const RateLimit rate = read_rate_limit(
        {{"X-Rate-Limit-Limit", value}, {"X-Rate-Limit-Remaining", value}, {"X-Rate-Limit-Reset", value}});
    REQUIRE_FALSE(rate.limit);
    REQUIRE_FALSE(rate.remaining);
    REQUIRE_FALSE(rate.reset);
  }
}

TEST_CASE("rate limit: a reset beyond what can be counted is absent, a distant one is not judged here") {
  REQUIRE_FALSE(read_rate_limit({{"X-Rate-Limit-Reset", "9223372036854775807"}}).reset);
  REQUIRE(read_rate_limit({{"X-Rate-Limit-Reset", "1795435260000"}}).reset ==
          WallTime(std::chrono::seconds(1'795'435'260'000)));  // Milliseconds, as a careless proxy may write.
}
