#include "logzio_okta/flow/backoff.hpp"

#include <limits>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;

TEST_CASE("backoff: a wait is drawn between a tenth of the base and the doubled base, up to the cap") {
  Random random(1);
  for (int tries = 0; tries < 12; ++tries) {
    const Duration ceiling = std::min<Duration>(1s * (1 << tries), 60s);
    Duration longest{};
    for (int i = 0; i < 200; ++i) {
      const Duration wait = backoff(1s, 60s, tries, random);
      REQUIRE(wait >= 100ms);
      REQUIRE(wait <= ceiling);
      longest = std::max(longest, wait);
    }
    REQUIRE(longest > ceiling / 2);  // Full jitter: the whole range is used.
  }
}

TEST_CASE("backoff: any number of tries stays within the cap") {
  Random random(1);
  for (const int tries : {30, 31, 63, 64, 1000, std::numeric_limits<int>::max()})
    REQUIRE(backoff(500ms, 30s, tries, random) <= 30s);
  REQUIRE(backoff(1s, 60s, -1, random) <= 1s);
}

TEST_CASE("backoff: a cap below the base is kept") {
  Random random(1);
  for (int i = 0; i < 50; ++i) {
    const Duration wait = backoff(10s, 200ms, i, random);
    REQUIRE(wait > 0s);
    REQUIRE(wait <= 200ms);
  }
}

TEST_CASE(
    "complaint: a failure that goes on is said at once, then after 1, 5, 15 and 60 minutes, then hourly") {
  Complaint complaint;
  std::vector<Duration> said;
  for (Duration at = 0s; at <= 5h; at += 10s) {
    if (complaint.failed(Instant{} + at, "503")) said.push_back(at);
  }
  REQUIRE(said == std::vector<Duration>{0s, 1min, 6min, 21min, 81min, 141min, 201min, 261min});
}

TEST_CASE("complaint: what needs a person is logged hourly") {
  Complaint complaint(Complaint::Rhythm::hourly);
  std::vector<Duration> said;
  for (Duration at = 0s; at <= 3h; at += 1min) {
    if (complaint.failed(Instant{} + at, "401")) said.push_back(at);
  }
  REQUIRE(said == std::vector<Duration>{0s, 1h, 2h, 3h});
}

TEST_CASE("complaint: another failure is logged at once, and its rhythm starts over") {
  Complaint complaint;
  REQUIRE(complaint.failed(Instant{}, "503"));
  REQUIRE_FALSE(complaint.failed(Instant{} + 10s, "503"));
  REQUIRE(complaint.failed(Instant{} + 20s, "cut"));
  REQUIRE_FALSE(complaint.failed(Instant{} + 79s, "cut"));
  REQUIRE(complaint.failed(Instant{} + 80s, "cut"));
}

TEST_CASE("complaint: healing says how long it went on, once") {
  Complaint complaint;
  REQUIRE_FALSE(complaint.healed(Instant{}));
  REQUIRE(complaint.failed(Instant{} + 1s, "503"));
  REQUIRE(complaint.failed(Instant{} + 11s, "cut"));
  REQUIRE(complaint.active());
  REQUIRE(complaint.healed(Instant{} + 31s) == 30s);
  REQUIRE_FALSE(complaint.active());
  REQUIRE_FALSE(complaint.healed(Instant{} + 32s));
}

TEST_CASE("complaint: a report ends with how long it has gone on, from its second minute") {
  Complaint complaint;
  REQUIRE(complaint.so_far(Instant{}).empty());
  REQUIRE(complaint.failed(Instant{}, "503"));
  REQUIRE(complaint.so_far(Instant{} + 59s).empty());
  REQUIRE(complaint.so_far(Instant{} + 6min + 59s) == ". It has lasted for 6 min");
  REQUIRE(complaint.healed(Instant{} + 7min));
  REQUIRE(complaint.so_far(Instant{} + 7min).empty());
}

TEST_CASE("complaint: what comes and goes is said as rarely as what stays") {
  Complaint complaint;
  std::vector<Duration> said;
  std::size_t healings = 0;
  for (Duration at = 0s; at <= 3h; at += 10s) {
    if (complaint.failed(Instant{} + at, "503")) said.push_back(at);
    if (complaint.healed(Instant{} + at + 5s)) ++healings;
  }
  REQUIRE(said == std::vector<Duration>{0s, 1min, 6min, 21min, 81min, 141min});
  REQUIRE(healings == said.size());
}

TEST_CASE("complaint: failures that take turns are said as rarely as one that stays") {
  for (const auto rhythm : {Complaint::Rhythm::ever_more_rarely, Complaint::Rhythm::hourly}) {
    Complaint complaint(rhythm);
    std::size_t said = 0;
    for (Duration at = 0s; at <= 1h; at += 10s) {
      said += complaint.failed(Instant{} + at, at % 20s == 0s ? "503" : "cut") ? 1U : 0U;
    }
    REQUIRE(said == (rhythm == Complaint::Rhythm::hourly ? 3U : 8U));
  }
}

TEST_CASE("complaint: what comes back to stay is said after a minute, and after a quiet while at once") {
  for (const auto rhythm : {Complaint::Rhythm::ever_more_rarely, Complaint::Rhythm::hourly}) {
    Complaint complaint(rhythm);
    REQUIRE(complaint.failed(Instant{}, "401"));
    REQUIRE(complaint.healed(Instant{} + 1s));
    const Instant again = Instant{} + 70s;
    REQUIRE(complaint.failed(again, "401") == (rhythm == Complaint::Rhythm::ever_more_rarely));
    REQUIRE(complaint.failed(again + 1min, "401") == (rhythm == Complaint::Rhythm::hourly));
    static_cast<void>(complaint.healed(again + 2min));
    REQUIRE(complaint.failed(again + 2min + limits::trouble_remembered, "401"));
  }
}

TEST_CASE("complaint: an error that comes and goes is said hourly") {
  Complaint complaint;
  std::vector<Duration> said;
  for (Duration at = 0s; at <= 3h; at += 10s) {
    if (complaint.failed(Instant{} + at, "untrusted", Urgency::now) == Level::error) said.push_back(at);
    static_cast<void>(complaint.healed(Instant{} + at + 5s));
  }
  REQUIRE(said == std::vector<Duration>{0s, 1h, 2h, 3h});
}

TEST_CASE("complaint: what may pass is a warning until it has lasted, then an error, hourly") {
  Complaint complaint;
  const Instant begin{};
  const auto said = [&](Duration after) {
    return complaint.failed(begin + after, "unreachable", Urgency::lasting);
  };
  REQUIRE(said(0s) == Level::warn);
  REQUIRE_FALSE(said(59s));
  REQUIRE(said(1min) == Level::warn);
  REQUIRE(said(limits::patience_until_error) == Level::error);
  REQUIRE_FALSE(said(6min));
  REQUIRE_FALSE(complaint.failed(begin + 7min, "unresolved", Urgency::lasting));  // Errors do not flutter.
  for (Duration after = 8min; after < 65min; after += 1min) REQUIRE_FALSE(said(after));
  REQUIRE(complaint.failed(begin + 66min, "unresolved", Urgency::lasting) == Level::error);
  REQUIRE(complaint.healed(begin + 67min).has_value());
  REQUIRE(said(68min) == Level::warn);
}

TEST_CASE("complaint: an outage that comes back is an error again once it has lasted") {
  Complaint complaint;
  const auto level_at = [&](Duration at) {
    return complaint.failed(Instant{} + at, "unreachable", Urgency::lasting);
  };
  for (const Duration begin : {Duration(0s), Duration(10min), Duration(20min)}) {
    std::vector<Duration> errors;
    for (Duration at = 0s; at <= limits::patience_until_error + 3min; at += 10s) {
      if (level_at(begin + at) == Level::error) errors.push_back(at);
    }
    REQUIRE(errors == std::vector<Duration>{limits::patience_until_error});
    REQUIRE(complaint.healed(Instant{} + begin + 9min));
  }
}

TEST_CASE("complaint: what lasts is counted from its own first failure, and only while something is tried") {
  const Instant begin{};
  Complaint limited;
  for (Duration after = 0s; after < 6min; after += 30s)
    static_cast<void>(limited.failed(begin + after, "429", Urgency::waits));
  REQUIRE(limited.failed(begin + 6min, "5xx", Urgency::lasting) == Level::warn);
  Complaint rarely_tried;
  REQUIRE(rarely_tried.failed(begin, "timeout", Urgency::lasting) == Level::warn);
  REQUIRE(rarely_tried.failed(begin + 20h, "timeout", Urgency::lasting) == Level::warn);
}

TEST_CASE("complaint: what only a person can fix is an error at once, what passes never becomes one") {
  Complaint hopeless;
  const Instant begin{};
  REQUIRE(hopeless.failed(begin, "untrusted", Urgency::now) == Level::error);
  REQUIRE_FALSE(hopeless.failed(begin + 59min, "untrusted", Urgency::now));
  REQUIRE(hopeless.failed(begin + 60min, "untrusted", Urgency::now) == Level::error);
  Complaint passing;
  REQUIRE(passing.failed(begin, "5xx", Urgency::waits) == Level::warn);
  REQUIRE(passing.failed(begin + 24h, "5xx", Urgency::waits) == Level::warn);
  REQUIRE(passing.failed(begin + 25h, "untrusted", Urgency::now) == Level::error);
}
