#include "flow/poller_bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

// In doubt.

TEST_CASE(
    "poller: after an unclean end what may have been in flight is marked, and nothing published later") {
  Bench bench = settled_bench();
  bench.okta_replies(page({event(4)}).next(link_b));
  bench.pass(limits::bulk_age_max);
  bench.took(bench.bulks.begin()->second);  // The listener has it; nobody hears of it.
  bench.crashes();
  const WallTime restart = bench.wall;
  bench.pass(5s);
  REQUIRE(bench.wants() == link_a);
  follows(bench, {event(4), event(5, restart), event(6, restart + 1s), nameless(7)}, link_b);
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4, 4, 5, 6, 7});
  REQUIRE(bench.marked_numbers() == std::vector<int>{4, 5, 7});
}

TEST_CASE("poller: the restart is dated by Okta's clock") {
  for (const Duration skew : {Duration(-3h), Duration(3h)}) {
    Bench bench({.okta_skew = skew});
    const WallTime okta_birth = bench.okta_now();
    follows(bench, {event(1, okta_birth - 1min)}, link_a);
    bench.crashes(10s);
    const WallTime restart = bench.okta_now();
    bench.pass(5s);
    follows(bench, {event(2, restart - 1s), event(3, restart + 3s)}, link_b);
    REQUIRE(bench.marked_numbers() == std::vector<int>{2});
  }
}

TEST_CASE(
    "poller: the restart is told right though our clock is set while the first question is on its way") {
  for (const auto by : {to_ms(-13h), to_ms(13h)}) {
    Bench bench = settled_bench();
    bench.crashes();
    const WallTime restart = bench.okta_now();
    bench.pass(5s);
    bench.wall += by;
    bench.settings.okta_skew -= by;
    follows(bench, {event(4, restart - 1s)}, link_b);
    bench.pass(20s);
    follows(bench, {event(5, restart + 10s)}, link_c);
    REQUIRE(bench.marked_numbers() == std::vector<int>{4});
  }
}

TEST_CASE("poller: the doubt ends with as many events as can be in flight, in the save that passes them") {
  Bench bench = settled_bench();
  bench.crashes();
  bench.okta_replies(page(events(4, 1003)).next(link_b));
  bench.okta_replies(page(events(1004, 2003)).next(link_c));
  REQUIRE_FALSE(place_of(bench).in_doubt);  // Not yet saved.
  bench.listener_takes();
  REQUIRE(place_of(bench).in_doubt);
  bench.okta_replies(page(events(2004, 3003)).next(link_a));
  bench.listener_takes();
  REQUIRE_FALSE(place_of(bench).in_doubt);
  REQUIRE(bench.marked_numbers().size() == limits::in_doubt_events);
  bench.okta_replies(page({event(3004)}).next(link_b));
  bench.listener_takes();
  REQUIRE(bench.marked_numbers().size() == limits::in_doubt_events);
}

TEST_CASE("poller: asking from the watermark does not use up the doubt on what was settled before") {
  Bench bench;
  std::vector<std::string> old;
  for (int n = 1; n <= 900; ++n) old.push_back(nameless(n));  // They will not be known again.
  bench.okta_replies(page(old).next(link_a));
  bench.listener_takes();
  bench.pass(bench.settings.policy.poll_interval);
  bench.okta_replies(page(events(1001, 2000)).next(link_b));
  bench.okta_replies(page(events(2001, 3000)).next(link_c));
  bench.pass(limits::bulk_age_max);
  for (const auto& [id, bulk] : bench.bulks) bench.took(bulk);
  bench.crashes();
  bench.delivered.clear();

  fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); });
  std::vector<std::string> all = old;
  for (const std::string& each : events(1001, 3000)) all.push_back(each);
  const auto some = [&](std::size_t from, std::size_t to) {
    const auto begin = all.begin();
    return page({begin + static_cast<std::ptrdiff_t>(from),
                 begin + static_cast<std::ptrdiff_t>(std::min(to, all.size()))});
  };
  REQUIRE(limit_of(bench.wants()) == "500");
  bench.okta_replies(some(0, 500).next("/api/v1/logs?after=500&limit=500"));
  bench.listener_takes();
  for (std::size_t from = 0; from < all.size(); from += 1000) {
    bench.okta_replies(some(from, from + 1000).next("/api/v1/logs?limit=1000&after=" + std::to_string(from)));
    bench.listener_takes();
  }
  REQUIRE(bench.delivered.size() == all.size());
  REQUIRE(bench.marked_numbers().size() == all.size());
}

TEST_CASE("poller: a doubt that is not passed survives an orderly stop") {
  Bench bench = settled_bench();
  bench.crashes();
  bench.stops();
  bench.comes_back();
  follows(bench, {event(4)}, link_b);
  REQUIRE(bench.marked_numbers() == std::vector<int>{4});
}

TEST_CASE("poller: after an orderly end nothing is marked") {
  Bench bench = settled_bench();
  bench.stops();
  bench.comes_back();
  follows(bench, {event(4)}, link_b);
  REQUIRE(bench.marked_numbers().empty());
}

TEST_CASE("poller: a crash in the midst of a recovery goes on recovering") {
  Bench bench = settled_bench();
  fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); });
  std::vector<std::string> full = events(1, 500);
  bench.okta_replies(page(full).next("/api/v1/logs?after=5&limit=500"));
  bench.listener_takes();
  REQUIRE(place_of(bench).recovering.has_value());
  bench.crashes();
  bench.okta_replies(page({event(2), event(501)}).next(link_b));
  bench.listener_takes();
  REQUIRE(bench.delivered.size() == 501);
  bench.okta_replies(page({}).next(link_b));
  REQUIRE_FALSE(place_of(bench).recovering.has_value());
}

TEST_CASE("poller: a recovery goes on over short and empty pages, so that nothing comes twice unmarked") {
  Bench bench;
  follows(bench, events(1, 300), link_a);
  bench.okta_replies(status(400));
  bench.pass(limits::ask_backoff_max);
  follows(bench, events(1, 100), link_b);
  bench.okta_replies(page({}).next(link_c));
  follows(bench, events(101, 301), link_a);
  REQUIRE(bench.delivered.size() == 301);
  REQUIRE(bench.marked_numbers().empty());
}

TEST_CASE(
    "poller: the doubt goes on over a short page, and ends where nothing more can have been in flight") {
  Bench bench = settled_bench();
  bench.crashes();
  const WallTime restart = bench.wall;
  follows(bench, {event(4)}, link_b);
  follows(bench, {event(5)}, link_c);
  SECTION("on an empty page") {
    bench.okta_replies(page({}).next(link_c));
  }
  SECTION("on events from after the restart") {
    std::vector<std::string> fresh;
    for (int n = 100; n < 100 + limits::later_events_in_a_row; ++n) fresh.push_back(event(n, restart + 2s));
    follows(bench, fresh, link_c);
  }
  bench.pass(bench.settings.policy.poll_interval);
  REQUIRE_FALSE(place_of(bench).in_doubt);
  follows(bench, {event(6)}, link_a);
  REQUIRE(bench.marked_numbers() == std::vector<int>{4, 5});
}

// In flight, as it was noted.

TEST_CASE("poller: after a kill what was in flight is marked, and nothing else, however old it is") {
  Bench bench = settled_bench();
  bench.store.remembers_in_flight = true;
  bench.okta_replies(page({event(4), event(5, bench.wall + 1h), nameless(6)}).next(link_b));
  bench.pass(limits::bulk_age_max);
  bench.took(bench.bulks.begin()->second);  // The listener has it; nobody hears of it.
  bench.crashes();
  REQUIRE(bench.notes_with("3 events were in flight") == 1);
  follows(bench, {event(4), event(5, birth + 1h + 200ms), nameless(6), event(7), event(8)}, link_b);
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8});
  REQUIRE(bench.marked_numbers() == std::vector<int>{4, 5, 6});
  REQUIRE_FALSE(place_of(bench).in_doubt);
}

TEST_CASE("poller: after a kill at rest nothing is in doubt") {
  Bench bench = settled_bench();
  bench.store.remembers_in_flight = true;
  bench.crashes(1h);
  REQUIRE(bench.notes_with("did not shut down cleanly") == 0);
  follows(bench, events(4, 6), link_b);
  REQUIRE(bench.marked_numbers().empty());
  REQUIRE_FALSE(place_of(bench).in_doubt);
}

TEST_CASE("poller: what was in flight stays marked over further kills, whatever the pages are then") {
  Bench bench = settled_bench();
  bench.store.remembers_in_flight = true;
  bench.okta_replies(page(events(4, 8)).next(link_b));
  bench.pass(limits::bulk_age_max);
  bench.took(bench.bulks.begin()->second);
  bench.crashes();
  bench.crashes();
  bench.delivered.clear();
  follows(bench, {event(4)}, link_b);  // Saved.
  bench.crashes();
  bench.okta_replies(page({event(5), event(9)}).next(link_c));
  bench.pass(limits::bulk_age_max);
  bench.took(bench.bulks.begin()->second);
  bench.crashes();
  follows(bench, {event(5), event(9), event(6), event(10)}, link_c);
  REQUIRE(bench.numbers() == std::vector<int>{4, 5, 9, 5, 9, 6, 10});
  REQUIRE(bench.marked_numbers() == std::vector<int>{4, 5, 5, 9, 6});
}

TEST_CASE("poller: in flight are the pages on their way and no settled ones") {
  Bench bench;
  bench.store.remembers_in_flight = true;
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  bench.okta_replies(page(events(1001, 2000)).next(link_b));
  bench.listener_takes();
  bench.okta_replies(page(events(2001, 3000)).next(link_c));
  bench.crashes();
  REQUIRE(bench.wants() == link_b);
  bench.okta_replies(page(events(2001, 3000)).next(link_c));
  bench.okta_replies(page(events(3001, 4000)).next(link_a));
  bench.listener_takes();
  REQUIRE(bench.marked_numbers().size() == 1000);
}

TEST_CASE("poller: where an event is now and then seen, though not read, empty pages do not end the doubt") {
  const auto is_doubted = [](bool seen) {
    Bench bench;
    bench.okta_replies(page(events(1, 3)).next(link_a));
    bench.listener_takes();
    bench.crashes();  // What it may have sent and not saved is unknown.
    const auto answers = [&](Reply reply) {
      if (bench.wants_nothing()) bench.pass(1min);
      bench.okta_replies(std::move(reply));
    };
    for (int i = 1; i < limits::empty_pages_max; ++i) answers(page({}).next(i % 2 == 0 ? link_a : link_b));
    if (seen) answers(body(unreadable));
    answers(page({}).next(link_a));
    if (bench.wants_nothing()) bench.pass(1min);
    bench.okta_replies(page({event(4)}).next(link_c));
    bench.listener_takes();
    return !bench.marked_numbers().empty();
  };
  REQUIRE_FALSE(is_doubted(false));
  REQUIRE(is_doubted(true));
}

TEST_CASE("poller: after a loss of power what is published ahead of Okta's clock is in doubt, too") {
  Bench bench = settled_bench();
  bench.crashes();
  const WallTime ahead = bench.wall + 1h;
  follows(bench, {event(4, ahead), event(5, bench.wall + 500ms)}, link_b);
  REQUIRE(bench.marked_numbers() == std::vector<int>{4});
}

TEST_CASE("poller: what a stop left unanswered is marked, however late it is read, if it was dated ahead") {
  Bench bench = settled_bench();
  const WallTime ahead = bench.wall + 5min;
  bench.okta_replies(page({event(4, ahead)}).next(link_b));
  bench.pass(limits::bulk_age_max);
  REQUIRE(bench.bulks.size() == 1);
  bench.stops();
  bench.pass(limits::stop_grace);
  bench.comes_back();
  bench.pass(2h);
  follows(bench, {event(4, ahead), event(5, ahead + 1min)}, link_b);
  REQUIRE(bench.marked_numbers() == std::vector<int>{4});
}

TEST_CASE("poller: an absurd date of what a stop left unanswered does not keep everything in doubt") {
  Bench bench = settled_bench();
  bench.okta_replies(page({event(4, bench.wall + 365 * 24h)}).next(link_b));
  bench.pass(limits::bulk_age_max);
  bench.stops();
  bench.pass(limits::stop_grace);
  REQUIRE(place_of(bench).in_doubt->before <= bench.okta_now() + 15min + 1s);
}
