#include "logzio_okta/flow/commit_pace.hpp"

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

constexpr Instant start{100s};

}  // namespace

TEST_CASE("commit pace: what is queued waits for others, but not for a loop that would block") {
  CommitPace pace;
  pace.queued(start);
  REQUIRE(pace.next(false) == start + limits::commit_delay);
  pace.loop_will_block(start + 1ms);
  REQUIRE(pace.next(false) == start + 1ms);
}

TEST_CASE("commit pace: after a commit the disk rests, for less while a delivery waits, and never for long") {
  CommitPace pace;
  pace.queued(start);
  pace.committed(start, 10ms, true);
  REQUIRE(pace.next(false) == start + 100ms);
  REQUIRE(pace.next(true) == start + limits::commit_delay);  // Later than 30 ms.
  pace.committed(start, 5s, true);
  REQUIRE(pace.next(false) == start + 5s + limits::commit_rest_max);
}

TEST_CASE("commit pace: a commit of only deliveries does not delay the saves") {
  CommitPace pace;
  pace.queued(start);
  pace.committed(start, 1s, false);
  REQUIRE(pace.next(false) == start + limits::commit_delay);
  REQUIRE(pace.next(true) == start + 3s);
}

TEST_CASE("commit pace: a failure puts off everything, held saves only saves") {
  CommitPace pace;
  pace.failed(start);
  REQUIRE(pace.failing());
  REQUIRE(pace.hopeless(start + limits::save_retry - 1ms));
  REQUIRE_FALSE(pace.hopeless(start + limits::save_retry));
  REQUIRE(pace.next(true) == start + limits::save_retry);
  pace.committed(start + limits::save_retry, 1ms, true);
  REQUIRE_FALSE(pace.failing());

  CommitPace other;
  other.held(start);
  REQUIRE(other.next(false) == start + limits::save_retry);
  REQUIRE(other.next(true) < start);
  REQUIRE_FALSE(other.failing());
}

TEST_CASE("commit pace: a file is made smaller in steps with rests between them, or not for a long time") {
  CommitPace pace;
  pace.shrunk(start, 1ms, true);
  REQUIRE(pace.shrink_at() == start + 1ms + limits::shrink_rest_min);
  REQUIRE(pace.next(false) == start + 1ms);
  pace.shrunk(start, 100ms, true);
  REQUIRE(pace.shrink_at() == start + 1s);
  pace.shrunk(start, 1ms, false);
  REQUIRE(pace.shrink_at() == start + 1ms + limits::shrink_retry);
}
