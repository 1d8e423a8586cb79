#include "logzio_okta/flow/question.hpp"

#include "catch.hpp"

using namespace logzio_okta;
using namespace std::chrono_literals;

namespace {

const Instant now{1h};
const WallTime since{std::chrono::milliseconds(1'795'435'260'000)};

/// Five times without progress.
std::uint32_t stuck(Question& question) {
  for (int i = 1; i < limits::failures_until_recovery; ++i) REQUIRE_FALSE(question.stuck(now, false));
  return question.stuck(now, false).value();
}

}  // namespace

TEST_CASE("question: Okta's link is asked byte for byte, until our own takes its place") {
  Question question(LogQuery{});
  question.open(now, 1000);
  REQUIRE(question.next("/api/v1/logs?after=1%2", 1000, since).target == "/api/v1/logs?after=1%2");
  REQUIRE_FALSE(question.next("/api/v1/logs?after=1", 1000, since).own);
  REQUIRE(question.next("", 1000, since).own);
  question.ask_from(since, 500);
  const Question::Asked asked = question.next("/api/v1/logs?after=1", 1000, since);
  REQUIRE(asked.own);
  REQUIRE(asked.limit == 500);
  REQUIRE(asked.target == first_target(since, 500));
  question.answered();
  REQUIRE_FALSE(question.next("/api/v1/logs?after=1", 1000, since).own);
}

TEST_CASE("question: five failures at one place go down the ladder, and from its end back to full pages") {
  Question question(LogQuery{});
  question.open(now, 1000);
  for (const std::uint32_t rung : {500U, 100U, 10U, 1U, 1000U}) {
    REQUIRE(stuck(question) == rung);
    question.unstuck();
    question.ask_from(since, rung);
  }
  REQUIRE(question.stuck(now, true) == 500);  // The same again would not do.
}

TEST_CASE("question: full pages on trial go back to the small ones when they fail") {
  Question question(LogQuery{});
  question.open(now, 10);
  const Question::Reach reach{.watermark = since, .restore_limit = since + 1h};
  REQUIRE_FALSE(question.try_full_pages(now, reach));
  const Instant later = now + limits::page_size_trial_base;
  REQUIRE(question.try_full_pages(later, reach) == 1000);
  question.ask_from(since, 1000);
  question.answered();
  REQUIRE(question.stuck(later, true) == 10);
  question.ask_from(since, 10);
  question.answered();
  REQUIRE_FALSE(question.try_full_pages(later, reach));
  REQUIRE(question.try_full_pages(later, {.watermark = since + 1h, .restore_limit = since + 1h}) == 1000);
}

TEST_CASE("question: a page of one event is given up only after the same bytes for long") {
  Question question(LogQuery{});
  const Question::Asked one{.target = "/api/v1/logs?after=1", .limit = 1};
  REQUIRE_FALSE(question.unreadable_alone(now, {.target = one.target, .limit = 10}, "[{", true));
  REQUIRE_FALSE(question.unreadable_alone(now, one, "[{", false));
  const Instant later = now + limits::unreadable_patience;
  for (int i = 1; i < limits::failures_until_recovery; ++i) {
    REQUIRE_FALSE(question.unreadable_for_good(later, "[{", BodyFault::not_a_page));
    REQUIRE(question.unreadable_alone(now, one, "[{", true));
  }
  REQUIRE_FALSE(question.unreadable_for_good(now, "[{", BodyFault::not_a_page));
  REQUIRE(question.unreadable_for_good(later, "[{", BodyFault::not_a_page));
  REQUIRE(question.unreadable_alone(later, one, "other bytes", true));
  REQUIRE_FALSE(question.unreadable_for_good(later, "other bytes", BodyFault::not_a_page));
}
