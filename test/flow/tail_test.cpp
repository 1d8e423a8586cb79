#include "logzio_okta/flow/tail.hpp"

#include "logzio_okta/base/limits.hpp"

#include "flow/bench.hpp"

using namespace logzio_okta;
using Seen = Tail::Seen;

namespace {

constexpr Duration poll_interval = 10s;
const WallTime date = bench::birth;

/// A page with this many of a thousand events, the newest published this long before the answer.
Tail::Look page(std::size_t events, Duration age, bool moved = true) {
  return {.events = events,
          .new_events = events,
          .limit = 1000,
          .moved = moved,
          .newest = date - to_ms(age),
          .date = date};
}
Tail::Look empty(bool moved) {
  return {.limit = 1000, .moved = moved, .newest = {}, .date = date};
}

}  // namespace

TEST_CASE("tail: a short page is the tail only if it reaches up to Okta's present") {
  Tail tail(poll_interval);
  REQUIRE(tail.look(page(100, 1h)) == Seen::no);
  REQUIRE(tail.look(page(100, poll_interval + limits::persisted_within + 1ms)) == Seen::no);
  REQUIRE(tail.look(page(100, poll_interval + limits::persisted_within)) == Seen::rest);
  REQUIRE(tail.look(page(1000, 0s)) == Seen::no);
}

TEST_CASE("tail: a page without any date says nothing") {
  Tail tail(poll_interval);
  Tail::Look undated = page(3, 0s);
  undated.newest.reset();
  REQUIRE(tail.look(undated) == Seen::no);
}

TEST_CASE("tail: an empty page whose link does not move is the end") {
  Tail tail(poll_interval);
  REQUIRE(tail.look(empty(false)) == Seen::end);
}

TEST_CASE("tail: an empty page whose link moves is the end only after very many, and is waited at the tail") {
  Tail tail(poll_interval);
  for (const bool at_tail : {false, true}) {
    REQUIRE(tail.look(page(3, at_tail ? 0s : 1h)) == (at_tail ? Seen::rest : Seen::no));
    for (int i = 1; i < limits::empty_pages_max; ++i)
      REQUIRE(tail.look(empty(true)) == (at_tail ? Seen::rest : Seen::no));
    REQUIRE(tail.look(empty(true)) == Seen::end);
    REQUIRE(tail.look(empty(true)) == Seen::end);
  }
}

TEST_CASE("tail: empty pages under one question say nothing of the next") {
  Tail tail(poll_interval);
  REQUIRE(tail.look(page(3, 1h)) == Seen::no);
  for (int round = 0; round < 2; ++round) {
    tail.row_ends();
    for (int i = 1; i < limits::empty_pages_max; ++i) REQUIRE(tail.look(empty(true)) == Seen::no);
  }
}

TEST_CASE("tail: a short page whose link does not move is the end when it holds nothing new") {
  Tail tail(poll_interval);
  Tail::Look again = page(100, 1h, false);
  REQUIRE(tail.look(again) == Seen::rest);
  again.new_events = 0;
  REQUIRE(tail.look(again) == Seen::end);
  again.events = again.limit;
  REQUIRE(tail.look(again) == Seen::no);
}

TEST_CASE("tail: an event ahead of Okta's clock does not tell how far a page reaches") {
  const std::string old = bench::event(1, date - 1h);
  const std::string ahead = bench::event(2, date + 1h);
  PageCutter cutter;
  std::string body = "[" + ahead + "," + old + "]";
  REQUIRE(cutter.cut(body));
  REQUIRE(newest_up_to(date, cutter.events()) == date - 1h);
  body = "[" + ahead + "]";
  REQUIRE(cutter.cut(body));
  REQUIRE(newest_up_to(date, cutter.events()) == date + 1h);
}

TEST_CASE("later events: so many in a row prove that all from before is read, one ahead of time does not") {
  LaterEvents later;
  later.begin();
  later.pass(date + 1h, false);  // Nobody knows yet when it began.
  later.answered(date);
  later.answered(date + 1h);  // It began with the first.
  for (int round = 0; round < 3; ++round) {
    for (int i = 1; i < limits::later_events_in_a_row; ++i) later.pass(date + 1s, false);
    REQUIRE_FALSE(later.seen());
    later.pass(round == 0 ? date : date + 1s,
               round == 1);  // From before, or known: the count restarts.
    if (round < 2) REQUIRE_FALSE(later.seen());
  }
  REQUIRE(later.seen());
}
