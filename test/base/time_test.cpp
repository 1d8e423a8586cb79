#include "logzio_okta/base/time.hpp"

#include "logzio_okta/base/random.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

WallTime at_ms(std::int64_t ms) {
  return WallTime(std::chrono::milliseconds(ms));
}

}  // namespace

TEST_CASE("time: an RFC 3339 date is read to the millisecond") {
  REQUIRE(parse_rfc3339("1970-01-01T00:00:00Z") == at_ms(0));
  REQUIRE(parse_rfc3339("2026-11-23T12:00:00.123Z") == at_ms(1'795'435'200'123));
  REQUIRE(parse_rfc3339("2024-02-29T23:59:59.999Z") == at_ms(1'709'251'199'999));
  REQUIRE(parse_rfc3339("1969-12-31T23:59:59.999Z") == at_ms(-1));
}

TEST_CASE("time: fractions of any length are cut to milliseconds") {
  REQUIRE(parse_rfc3339("1970-01-01T00:00:00.5Z") == at_ms(500));
  REQUIRE(parse_rfc3339("1970-01-01T00:00:00.05Z") == at_ms(50));
  REQUIRE(parse_rfc3339("1970-01-01T00:00:00.123999999999999999999Z") == at_ms(123));
}

TEST_CASE("time: offsets are taken off") {
  REQUIRE(parse_rfc3339("1970-01-01T01:00:00+01:00") == at_ms(0));
  REQUIRE(parse_rfc3339("1969-12-31T18:30:00.001-05:30") == at_ms(1));
  REQUIRE(parse_rfc3339("1970-01-01T00:00:00-00:00") == at_ms(0));
}

TEST_CASE("time: T and Z in either case, and a leap second is the second before") {
  REQUIRE(parse_rfc3339("1970-01-01t00:00:00z") == at_ms(0));
  REQUIRE(parse_rfc3339("2016-12-31T23:59:60Z") == parse_rfc3339("2016-12-31T23:59:59Z"));
}

TEST_CASE("time: nothing else is an RFC 3339 date") {
  for (const auto* text : {"",
                           "2026",
                           "2026-11-23",
                           "2026-11-23T12:00:00",
                           "2026-11-23 12:00:00Z",
                           "2026-11-23T12:00Z",
                           "2026-11-23T12:00:00.Z",
                           "2026-11-23T12:00:00,5Z",
                           "2026-11-23T12:00:00+0100",
                           "2026-11-23T12:00:00+24:00",
                           "2026-11-23T12:00:00+01:60",
                           "2026-11-23T12:00:00Z ",
                           " 2026-11-23T12:00:00Z",
                           "2026-11-23T12:00:00ZZ",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-04-31T00:00:00Z",
                           "2026-11-00T00:00:00Z",
                           "2026-11-23T24:00:00Z",
                           "2026-11-23T12:60:00Z",
                           "2026-11-23T12:00:61Z",
                           "02026-11-23T12:00:00Z",
                           "+026-11-23T12:00:00Z",
                           "2026-1-23T12:00:00Z",
                           "2026-11-23T12:00:0\xC2\xB2Z"}) {
    INFO(text);
    REQUIRE_FALSE(parse_rfc3339(text));
  }
}

TEST_CASE("time: every prefix of a date is refused") {
  constexpr std::string_view whole = "2026-11-23T12:00:00.123+01:00";
  REQUIRE(parse_rfc3339(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    REQUIRE_FALSE(parse_rfc3339(whole.substr(0, size)));
  }
}

TEST_CASE("time: what is written is read back, whatever the moment") {
  REQUIRE(format_rfc3339(at_ms(1'795'435'200'123)) == "2026-11-23T12:00:00.123Z");
  REQUIRE(format_rfc3339(at_ms(-1)) == "1969-12-31T23:59:59.999Z");
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const WallTime time = at_ms(static_cast<std::int64_t>(random.below(250'000'000'000'000)));
    REQUIRE(parse_rfc3339(format_rfc3339(time)) == time);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    REQUIRE(parse_http_date(format_http_date(time)) == WallTime(seconds));
  }
}

TEST_CASE("time: moments beyond four-digit years are shown as the last one that has a name") {
  REQUIRE(format_rfc3339(WallTime::max()) == "9999-12-31T23:59:59.999Z");
  REQUIRE(format_rfc3339(WallTime::min()) == "0000-01-01T00:00:00.000Z");
  REQUIRE(format_http_date(WallTime::max()) == "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST_CASE("time: the Date header's preferred form is read and written") {
  REQUIRE(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == at_ms(784'111'777'000));
  REQUIRE(format_http_date(at_ms(784'111'777'999)) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("time: other forms of the Date header are refused") {
  for (const auto* text :
       {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37", "Xxx, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Xyz 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT+1"}) {
    INFO(text);
    REQUIRE_FALSE(parse_http_date(text));
  }
}

TEST_CASE("time: a duration is a whole number and a unit") {
  REQUIRE(parse_duration("500ms").value() == 500ms);
  REQUIRE(parse_duration("10s").value() == 10s);
  REQUIRE(parse_duration("5m").value() == 5min);
  REQUIRE(parse_duration("24h").value() == 24h);
  REQUIRE(parse_duration("7d").value() == 7 * 24h);
  REQUIRE(parse_duration("106751d").value() == 106751 * 24h);
}

TEST_CASE("time: any other duration is refused with an example of what is meant") {
  for (const auto* text :
       {"", "10", "s", "10 s", "1.5h", "-1s", "+1s", "10S", "10sec", "1h30m", "1w", "10s "}) {
    INFO(text);
    const auto duration = parse_duration(text);
    REQUIRE_FALSE(duration);
    REQUIRE(duration.error().text.find("500ms, 10s, 5m, 24h or 7d") != std::string::npos);
  }
  REQUIRE(parse_duration("0s").error().text.find("more than zero") != std::string::npos);
  REQUIRE(parse_duration("106752d").error().text.find("shorter") != std::string::npos);
  REQUIRE_FALSE(parse_duration("99999999999999999999d"));
}

TEST_CASE("time: durations are shown in two units at most") {
  REQUIRE(describe(76h) == "3 d 4 h");
  REQUIRE(describe(48h) == "2 d");
  REQUIRE(describe(2h + 5min + 59s) == "2 h 5 min");
  REQUIRE(describe(90s) == "1 min 30 s");
  REQUIRE(describe(45s + 999ms) == "45 s");
  REQUIRE(describe(120ms) == "120 ms");
  REQUIRE(describe(Duration::zero()) == "0 ms");
  REQUIRE(describe(-90s) == "-1 min 30 s");
  REQUIRE(describe(Duration::min()).starts_with("-106751 d"));
}
