#include "flow/poller_bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

// Following.

TEST_CASE("poller: a new tenant asks from its start, which is saved before it asks") {
  Settings settings;
  settings.policy.since = SinceAgo{24h};
  Bench bench(settings);
  REQUIRE(bench.wants() == "/api/v1/logs?since=2026-11-22T12:00:00.000Z&sortOrder=ASCENDING&limit=1000");
  REQUIRE(place_of(bench).since == birth - 24h);
  REQUIRE(place_of(bench).first_start == birth);

  bench.crashes(1h);  // Resolved once.
  REQUIRE(since_of(bench.wants()) == "2026-11-22T12:00:00.000Z");
}

TEST_CASE("poller: a new tenant's start is by Okta's clock, however wrong ours is") {
  for (const Duration skew : {Duration(-8 * 24h), Duration(2h), Duration(-3000 * 24h), Duration(8 * 24h)}) {
    Settings settings{.okta_skew = skew};
    settings.policy.since = SinceAgo{1h};
    Bench bench(settings);
    REQUIRE(place_of(bench).since == bench.okta_now() - 1h);
    REQUIRE(place_of(bench).first_start == bench.okta_now());
    REQUIRE(since_of(bench.wants()) == format_rfc3339(bench.okta_now() - 1h));
    REQUIRE(bench.notes_with("this machine's clock is") == 1);
    REQUIRE(bench.notes_with(skew < 0s ? "ahead of Okta's" : "behind Okta's") == 1);
    REQUIRE(bench.report().tenants[0].clock_ahead > -skew - 2s);

    // What was there before is backfill, whatever our clock says later.
    const Duration by = skew;
    bench.wall += to_ms(by);
    bench.settings.okta_skew -= by;
    bench.okta_replies(page({event(1, bench.okta_now() - 1s), event(2, bench.okta_now() + 1s)}).next(link_a));
    bench.listener_takes();
    REQUIRE((bench.delivered[0].backfill && !bench.delivered[1].backfill));
    REQUIRE(bench.notes_with("agrees with Okta's again") == 1);
  }
}

TEST_CASE("poller: an hour ago is counted from the start, not from Okta's first answer") {
  Settings settings{.shows_clock = false};
  settings.policy.since = SinceAgo{1h};
  Bench bench(settings);
  for (bench.okta_fails(TransportFault::unreachable); bench.now().wall < birth + 2h; bench.pass(1min)) {
    if (!bench.wants_nothing()) bench.okta_fails(TransportFault::unreachable);
  }
  while (bench.wants_nothing()) bench.pass(1s);
  bench.okta_replies(page({}));
  REQUIRE(std::chrono::abs(place_of(bench).since - (birth - 1h)) <= 1s);
  REQUIRE(place_of(bench).first_start > birth + 2h);
}

TEST_CASE("poller: a start that lies ahead by Okta's clock is now") {
  Settings settings{.okta_skew = Duration(-24h)};
  settings.policy.since = SinceAt{birth};
  Bench bench(settings);
  REQUIRE(place_of(bench).since == bench.okta_now());
}

TEST_CASE(
    "poller: Okta's clock is looked at until Okta itself shows it, and again if we die before it is saved") {
  Bench bench({.shows_clock = false});
  REQUIRE(bench.wants() == "/api/v1/logs?sortOrder=ASCENDING&limit=1");
  bench.okta_replies(status(403, "<html>Blocked</html>").foreign());
  bench.pass(limits::ask_backoff_max);
  bench.okta_replies(body("<html>Sign in</html>").foreign());
  bench.pass(limits::ask_backoff_max);
  bench.okta_fails(TransportFault::cut);
  REQUIRE_FALSE(bench.store.knows(acme));
  bench.pass(limits::ask_backoff_max);
  REQUIRE(bench.wants() == clock_target());

  bench.saving = false;
  bench.okta_replies(page({event(1)}).next("/api/v1/logs?after=1"));
  REQUIRE(bench.wants_nothing());
  bench.crashes(1h);
  bench.saving = true;
  REQUIRE(bench.wants() == clock_target());
  bench.okta_replies(status(401));  // It tells the time all the same.
  REQUIRE(place_of(bench).first_start <= bench.okta_now());
  REQUIRE(place_of(bench).first_start > bench.okta_now() - 1s);
  REQUIRE(bench.delivered.empty());
}

TEST_CASE("poller: five failures before the start is known change no question") {
  Bench bench({.shows_clock = false});
  for (int i = 0; i < 12; ++i) {
    bench.okta_fails(TransportFault::timed_out);
    bench.pass(limits::ask_backoff_max);
    REQUIRE(bench.wants() == clock_target());
  }
}

TEST_CASE("poller: if Okta's pages have no date, our clock is used, and the log says so") {
  Bench bench({.shows_clock = false});
  bench.okta_replies(page({}).undated());
  REQUIRE(place_of(bench).first_start == birth);
  REQUIRE(bench.notes_with("check that it is right") == 1);
}

TEST_CASE("poller: nothing is asked before the start is on disk") {
  Bench bench;
  bench.reloads({});
  bench.saving = false;
  bench.reloads({bench.tenant("new.okta.com")});
  bench.pass(1min);
  REQUIRE(bench.wants_nothing());
  bench.saves_again();
  REQUIRE_FALSE(bench.wants().empty());
}

TEST_CASE("poller: the next link is followed byte for byte") {
  Bench bench;
  follows(bench, events(1, 3), "https://acme.okta.com" + link_a);
  REQUIRE(bench.wants() == link_a);
}

TEST_CASE("poller: after a full page it asks again at once, after a short one with fresh events it waits") {
  Bench bench;
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  REQUIRE(bench.wants() == link_a);
  bench.listener_takes();
  std::vector<std::string> last = events(1001, 1999);
  last.back() = event(1999, bench.wall - 5s);
  bench.okta_replies(page(last).next(link_b));
  REQUIRE(bench.wants_nothing());
  bench.pass(bench.settings.policy.poll_interval - 1ms);
  REQUIRE(bench.wants_nothing());
  bench.pass(1ms);
  REQUIRE(bench.wants() == link_b);
}

TEST_CASE("poller: eleven small pages are asked past the saved place, since a full one may come next") {
  Bench bench = settled_bench();
  int pages = 0;
  for (; pages < 100; ++pages) {
    bench.pass(bench.settings.policy.poll_interval);
    if (bench.asks.empty()) break;
    bench.okta_replies(page({event(4 + pages)}).next(link_b));
  }
  REQUIRE(pages == 11);  // Ten count as a full one (limits::page_counts_min), and one more was granted.
  bench.crashes();
  REQUIRE(bench.wants() == link_a);
}

TEST_CASE("poller: at most two full pages are asked past the saved place") {
  Bench bench;
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  bench.okta_replies(page(events(1001, 2000)).next(link_b));
  bench.pass(1h);
  REQUIRE(bench.wants_nothing());
  bench.saving = false;
  bench.listener_takes();
  bench.pass(1min);
  REQUIRE(bench.wants_nothing());  // Settled, but not saved.
  bench.saves_again();
  REQUIRE(bench.wants() == link_b);
}

TEST_CASE("poller: the place moves past a page when all of it and all before it is settled") {
  Bench bench;
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  bench.pass(limits::bulk_age_max);
  bench.okta_replies(page(events(1001, 1010)).next(link_b));
  bench.pass(limits::bulk_age_max);
  REQUIRE(bench.bulks.size() == 2);
  bench.verdict(bench.bulks.rbegin()->first, takes_all());  // The later page first.
  REQUIRE(place_of(bench).next.empty());
  bench.verdict(bench.bulks.begin()->first, takes_all());
  REQUIRE(place_of(bench).next == link_b);
  REQUIRE(place_of(bench).pages == 2);
}

TEST_CASE("poller: an empty page moves the place, too") {
  Bench bench;
  follows(bench, {}, link_a);
  REQUIRE(place_of(bench).next == link_a);
  REQUIRE(bench.wants() == link_a);
}

TEST_CASE("poller: the watermark is the greatest published settled, never later than that answer's Date") {
  Bench bench = settled_bench();
  REQUIRE(place_of(bench).watermark == birth - 1h + 3s);
  follows(bench, {event(5), event(4)}, link_b);
  REQUIRE(place_of(bench).watermark == birth - 1h + 5s);
  const WallTime date = std::chrono::floor<std::chrono::seconds>(bench.wall);
  follows(bench, {event(6, birth + 24h * 365)}, link_c);
  REQUIRE(place_of(bench).watermark == date);
}

TEST_CASE("poller: how far it is behind is bounded, whatever date an event tells") {
  Bench bench;
  const std::string ancient = R"({"uuid":"u1","published":"0001-01-01T00:00:00Z","n":1})";
  bench.okta_replies(page({ancient}).next(link_a));
  bench.listener_takes();
  bench.pass(10s);
  bench.okta_replies(status(503));
  REQUIRE(bench.report().tenants[0].behind <= std::chrono::years(101));
}

TEST_CASE("poller: an event from before the first start says backfill") {
  Bench bench;
  follows(bench, {event(1, birth - 1s), event(2, birth + 1s)}, link_a);
  REQUIRE(bench.delivered[0].backfill);
  REQUIRE_FALSE(bench.delivered[1].backfill);
}

// The tail.

TEST_CASE("poller: a short page of old events is not the tail: it asks on at once, and says it is behind") {
  Bench bench;
  for (int n = 0; n < 5; ++n) {
    bench.okta_replies(page(events(1 + 100 * n, 100 + 100 * n)).next(link_a + std::to_string(n)));
    bench.listener_takes();
    REQUIRE(bench.wants() == link_a + std::to_string(n));
    REQUIRE(bench.report().tenants[0].behind > 30min);
  }
  bench.okta_replies(page({}).next(bench.wants()));
  REQUIRE(bench.wants_nothing());
  REQUIRE(bench.report().tenants[0].behind == 0s);
  REQUIRE(bench.delivered.size() == 500);
}

TEST_CASE("poller: an empty page whose link leads on is not the tail of a backlog") {
  Bench bench;
  follows(bench, events(1, 3), link_a);
  bench.okta_replies(page({}).next(link_b));
  REQUIRE(bench.wants() == link_b);
  bench.okta_replies(page({event(4)}).next(link_c));
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("poller: at a fresh tail it asks once an interval, whatever the link of an empty page does") {
  Bench bench;
  bench.okta_replies(page({event(1, bench.wall - 1s)}).next(link_a));
  bench.listener_takes();
  const std::size_t before = bench.asked;
  for (int i = 0; i < 30; ++i) {
    bench.pass(bench.settings.policy.poll_interval);
    const std::string next = "/api/v1/logs?after=" + std::to_string(i);
    bench.okta_replies((i % 3 == 0 ? page({event(10 + i, bench.wall - 9s)}) : page({})).next(next));
    bench.listener_takes();
  }
  REQUIRE(bench.asked - before == 30);
}

TEST_CASE("poller: --once ends on an empty page, and not on a short one") {
  Settings settings;
  settings.policy.once = true;
  for (const bool fresh : {false, true}) {
    Bench bench(settings);
    bench.okta_replies(page({fresh ? event(1, bench.wall - 1s) : event(1)}).next(link_a));
    bench.listener_takes();
    bench.pass(1s);
    REQUIRE(bench.wants() == link_a);
    bench.okta_replies(page({}).next(link_b));
    REQUIRE(bench.wants() == link_b);
    bench.okta_replies(page({event(2)}).next(link_c));
    bench.listener_takes();
    bench.okta_replies(page({}).next(link_c));
    bench.pass(1s);
    REQUIRE(bench.scheduler->at_rest());
    REQUIRE(bench.scheduler->exit_code() == 0);
    REQUIRE(bench.numbers() == std::vector<int>{1, 2});
  }
}

TEST_CASE("poller: --once ends in a busy org, with what was published after its first answer") {
  Settings settings;
  settings.policy.once = true;
  Bench bench(settings);
  const WallTime start = bench.wall;
  bench.okta_replies(page({event(1, start - 1h), event(2, start + 1h)}).next(link_a));  // One ahead of time.
  bench.listener_takes();
  bench.pass(1s);
  REQUIRE(bench.wants() == link_a);
  int n = 3;
  for (; !bench.scheduler->at_rest() && n < 100; ++n) {
    REQUIRE_FALSE(bench.wants().empty());
    bench.okta_replies(page({event(n, start + 2s)}).next("/api/v1/logs?after=" + std::to_string(n)));
    bench.listener_takes();
    bench.pass(1s);
  }
  REQUIRE(n == 2 + limits::later_events_in_a_row);
  REQUIRE(bench.scheduler->exit_code() == 0);
  REQUIRE(bench.delivered.size() == static_cast<std::size_t>(n - 1));
}

TEST_CASE("poller: --once on an org whose links never come ends when a page shows nothing new") {
  Settings settings;
  settings.policy.once = true;
  Bench bench(settings);
  bench.okta_replies(page(events(1, 3)));
  bench.listener_takes();
  bench.pass(settings.policy.poll_interval);
  bench.okta_replies(page(events(1, 3)));
  bench.pass(1s);
  REQUIRE(bench.scheduler->at_rest());
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3});
}

// Given twice.

TEST_CASE("poller: what Okta gives twice goes out once: in one page, where two meet, after a restart") {
  Bench bench;
  follows(bench, {event(1), event(2), event(2), event(1)}, link_a);
  REQUIRE(bench.numbers() == std::vector<int>{1, 2});
  REQUIRE(bench.counts().deduplicated == 2);
  follows(bench, {event(2), event(3)}, link_b);
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3});
  bench.stops();
  bench.comes_back();
  REQUIRE(bench.wants() == link_b);
  follows(bench, {event(3), event(4)}, link_c);
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4});
  REQUIRE(bench.marked_numbers().empty());
  REQUIRE(bench.wants() == link_c);
}

TEST_CASE("poller: what is still on its way and given again is not sent beside it") {
  Bench bench;
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  bench.okta_replies(page({event(1000), event(1001)}).next(link_b));
  bench.listener_takes();
  bench.pass(1s);
  REQUIRE(bench.delivered.size() == 1001);
}

TEST_CASE("poller: an event given again with other bytes is shipped and marked") {
  Bench bench;
  follows(bench, {event(1), event(1, birth - 2h)}, link_a);
  REQUIRE(bench.numbers() == std::vector<int>{1, 1});
  REQUIRE(bench.marked_numbers() == std::vector<int>{1});
}

// The same place again.

TEST_CASE("poller: without a link the place is kept, and each event goes out once") {
  Bench bench;
  const std::string question = bench.wants();
  for (int round = 1; round <= 5; ++round) {
    bench.okta_replies(page(events(1, 2 + round)));
    bench.listener_takes();
    bench.pass(bench.settings.policy.poll_interval);
    REQUIRE(bench.wants() == question);
  }
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4, 5, 6, 7});
  REQUIRE(bench.marked_numbers().empty());
  REQUIRE(bench.counts().deduplicated == 3 + 4 + 5 + 6);
}

TEST_CASE("poller: a next link that is the self link keeps the place, however Okta spells our question") {
  Bench bench;
  const std::string self = "https://acme.okta.com/api/v1/logs?since=2026-11-16T12%3A00%3A00.000Z&limit=1000";
  for (int round = 0; round < 3; ++round) {
    bench.okta_replies(page(events(1, 3)).header("Link", "<" + self + ">; rel=\"self\"").next(self));
    bench.listener_takes();
    bench.pass(bench.settings.policy.poll_interval);
  }
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3});
}

TEST_CASE("poller: the same page for ever is delivered once, restarts included") {
  for (const bool in_order : {true, false}) {
    Bench bench;
    const std::string question = bench.wants();
    for (int run = 0; run < 3; ++run) {
      for (int round = 0; round < 3; ++round) {
        REQUIRE(bench.wants() == question);
        bench.okta_replies(page({event(1), nameless(2), nameless(2), event(3)}));
        if (bench.numbers().empty()) bench.listener_takes();
        bench.pass(bench.settings.policy.poll_interval);
      }
      if (in_order) {
        bench.stops();
        bench.comes_back();
      } else {
        bench.crashes();
      }
    }
    REQUIRE(bench.numbers() == std::vector<int>{1, 2, 2, 3});
  }
}

TEST_CASE("poller: two events alike without a uuid are two, on one page and on two") {
  Bench bench;
  follows(bench, {nameless(1), nameless(1)}, link_a);
  follows(bench, {nameless(1)}, link_b);
  REQUIRE(bench.numbers() == std::vector<int>{1, 1, 1});
  REQUIRE(bench.marked_numbers().empty());
}

TEST_CASE("poller: a full page without a link that leads on is asked from elsewhere, never sent twice") {
  Bench bench;
  for (int round = 0; round < 40; ++round) {
    if (bench.wants().empty()) bench.pass(limits::ask_backoff_max);
    bench.okta_replies(page(events(1, std::stoi(limit_of(bench.wants())))));
    bench.listener_takes();
    bench.pass(limits::ask_backoff_max);
  }
  REQUIRE(bench.delivered.size() == 1000);
  REQUIRE(bench.report().tenants[0].requests.ok == 41);  // And the look at Okta's clock.
}

TEST_CASE("poller: what a place that never moves brings is not remembered without bound") {
  Bench bench;
  constexpr int pages = 2 * static_cast<int>(limits::window_events_max) / 1000 + 1;
  const std::string question = bench.wants();
  for (int n = 0; n < pages; ++n) {
    if (n > 0) bench.pass(bench.settings.policy.poll_interval);
    REQUIRE(bench.wants() == question);
    bench.okta_replies(page(events(1 + 1000 * n, 1000 + 1000 * n)));
    bench.listener_takes();
  }
  bench.pass(bench.settings.policy.poll_interval);
  REQUIRE(bench.wants() != question);
  REQUIRE(bench.notes_with("reading again from") == 1);
  bench.okta_replies(page(events(1000 * pages - 999, 1000 * pages)));  // Known again, by what is on disk.
  bench.listener_takes();
  REQUIRE(bench.delivered.size() == 1000 * std::size_t{pages});
  REQUIRE(bench.marked_numbers().empty());
}

// Links that lead away.

TEST_CASE("poller: a next link that leaves the org is never followed, its page is settled, the place kept") {
  for (const char* away :
       {"https://evil.example.com/api/v1/logs?after=1", "http://acme.okta.com/api/v1/logs?after=1",
        "https://acme.okta.com:8443/api/v1/logs", "https://acme.okta.com/api/v1/users",
        "https://acme.okta.com@evil.example.com/api/v1/logs", "//evil.example.com/api/v1/logs",
        "/api/v1/logs/../x", "https://acme.okta.com\\@evil.example.com/api/v1/logs"}) {
    INFO(away);
    Bench bench = settled_bench();
    bench.okta_replies(page({event(4)}).next(away));
    bench.listener_takes();
    REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4});
    REQUIRE(place_of(bench).next == link_a);
    bench.pass(limits::ask_backoff_max);
    REQUIRE(bench.wants() == link_a);
    const TenantReport report = bench.report().tenants[0];
    REQUIRE(report.hostile_links == 1);
    REQUIRE(report.requests.unusable == 1);
    REQUIRE(report.requests.ok == 2);  // And the look at Okta's clock.
    REQUIRE(bench.notes_with("leaves the org") == 1);
    REQUIRE(bench.notes_with("evil") == 0);
    // The same event again, with a link that is good.
    follows(bench, {event(4), event(5)}, link_b);
    REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4, 5});
    REQUIRE(bench.wants() == link_b);
  }
}

TEST_CASE("poller: a redirect is not followed") {
  Bench bench = settled_bench();
  bench.okta_replies(status(302).header("Location", "https://evil.example.com/"));
  bench.pass(limits::ask_backoff_max);
  REQUIRE(bench.wants() == link_a);
  REQUIRE(bench.notes_with("redirect") == 1);
}
