#include "logzio_okta/flow/poller.hpp"

#include "logzio_okta/okta/log_query.hpp"

#include "flow/bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

namespace {

const std::string link_a = "/api/v1/logs?after=a_1&limit=1000&since=x,y";
const std::string link_b = "/api/v1/logs?after=b_2&limit=1000";
const std::string link_c = "/api/v1/logs?after=c_3&limit=1000";

const std::string acme = "acme.okta.com";

Place place_of(const Bench& bench) {
  return bench.store.place(acme);
}

/// Okta's answer is delivered and saved, and the next question is due.
void follows(Bench& bench, const std::vector<std::string>& events, const std::string& next) {
  bench.okta_replies(page(events).next(next));
  if (!events.empty()) bench.listener_takes();
  bench.pass(bench.settings.policy.poll_interval);
}

/// Fails like this, with the waits between, until it asks something else or has failed `most` times.
int fails_until_it_asks_anew(Bench& bench, const std::function<void()>& fail, int most = 20) {
  const std::string question = bench.wants();
  int failures = 0;
  for (; failures < most && bench.wants() == question; ++failures) {
    fail();
    bench.pass(limits::ask_backoff_max);
  }
  return failures;
}

std::string since_of(const std::string& target) {
  const auto from = target.find("since=") + 6;
  return target.substr(from, target.find('&', from) - from);
}
std::string limit_of(const std::string& target) {
  return target.substr(target.rfind("limit=") + 6);
}

/// A stream that has settled events 1 to 3 after `link_a`.
Bench settled_bench(Settings settings = {}) {
  Bench bench(std::move(settings));
  follows(bench, events(1, 3), link_a);
  REQUIRE(bench.wants() == link_a);
  return bench;
}

constexpr const char* unreadable = R"([{"uuid":"u4)";
constexpr const char* one = "/api/v1/logs?after=3&limit=1";  // Before it.

/// What is left of an answer that is larger than is taken.
Reply beginning_of_a_page(std::string bytes) {
  Reply reply = body(std::move(bytes));
  reply.answer.cut_off = true;
  return reply;
}

/// Goes down to pages of one event; the last event before the unreadable one is read, and a full page is
/// tried in vain.
void meets_unreadable(Bench& bench) {
  const auto unreadable_once = [&] { bench.okta_replies(body(unreadable)); };
  while (limit_of(bench.wants()) != "1") fails_until_it_asks_anew(bench, unreadable_once);
  follows(bench, {event(3)}, one);
  fails_until_it_asks_anew(bench, unreadable_once);
}

}  // namespace

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

// Failures.

TEST_CASE("poller: a failure keeps the place and backs off, ever more gently") {
  const std::vector<std::function<void(Bench&)>> failures = {
      [](Bench& bench) { bench.okta_replies(status(503)); },
      [](Bench& bench) { bench.okta_replies(status(502)); },
      [](Bench& bench) { bench.okta_replies(status(408)); },
      [](Bench& bench) { bench.okta_fails(TransportFault::unresolved); },
      [](Bench& bench) { bench.okta_fails(TransportFault::untrusted); },
      [](Bench& bench) { bench.okta_fails(TransportFault::refused_by_us); },
  };
  for (const auto& fail : failures) {
    Bench bench = settled_bench();
    const std::size_t before = bench.asked;
    const Instant begun = bench.steady;
    while (bench.steady - begun < 1h) {
      if (bench.wants().empty()) {
        bench.pass(1s);
      } else {
        REQUIRE(bench.wants() == link_a);
        fail(bench);
      }
    }
    REQUIRE(bench.asked - before >= 60);
    REQUIRE(bench.asked - before <= 180);
    REQUIRE(std::ranges::count_if(bench.notes, [](const Note& note) { return note.level >= Level::warn; }) <
            6);
    REQUIRE(place_of(bench).next == link_a);
    bench.pass(limits::ask_backoff_max);
    follows(bench, {event(4)}, link_b);
    REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4});
    REQUIRE(bench.notes_with("answers again") == 1);
  }
}

TEST_CASE("poller: after a 429 it is silent until the moment Okta named, across a crash") {
  Bench bench = settled_bench({.okta_skew = 2h});
  bench.okta_replies(status(429).rate(120, 0, 50s));
  const auto named = std::chrono::floor<std::chrono::seconds>(bench.okta_now()) + 51s;
  // Date is cut to its second, so Okta's clock is taken to be up to a second ahead: never too early.
  const auto ahead = std::chrono::milliseconds(place_of(bench).okta_offset_ms) - 2h;
  REQUIRE(ahead <= 1s);
  REQUIRE(place_of(bench).quiet_until == bench.okta_now() + ahead + 51s);
  REQUIRE(place_of(bench).quiet_until >= named);
  bench.pass(20s);
  REQUIRE(bench.wants_nothing());
  bench.crashes(10s);
  bench.pass(19s);
  REQUIRE(bench.wants_nothing());
  bench.pass(2s + limits::rate_wait_restored);
  REQUIRE(bench.wants() == link_a);
}

TEST_CASE("poller: with a key refused the other takes over at once") {
  Bench bench = settled_bench({.keys_each = 2});
  const CredentialId first = bench.asks.begin()->second.credential;
  bench.okta_replies(status(401));
  REQUIRE(bench.wants() == link_a);
  REQUIRE(bench.asks.begin()->second.credential != first);
  REQUIRE(bench.notes_with("switching to another key") == 1);
}

TEST_CASE("poller: with its only key refused it says what to do and tries ever more rarely") {
  Bench bench = settled_bench();
  const std::size_t before = bench.asked;
  bench.okta = [](const AskOkta&) { return status(401).at(birth); };
  bench.okta_replies(status(401));
  bench.pass(7 * 24h);
  REQUIRE(bench.notes_with("put a valid key into the tenants file") >= 1);
  REQUIRE(bench.asked - before >= 7);  // Okta kills a key unused for 30 days.
  REQUIRE(bench.asked - before <= 40);
  REQUIRE(bench.report().tenants[0].state == TenantState::refused);
  REQUIRE(place_of(bench).next == link_a);
}

TEST_CASE("poller: a body that is no page is a failure, not the end of the log") {
  for (const char* bytes : {"", "<html>", "[{\"a\":1}", "{\"errorCode\":\"E1\"}", "[1]x"}) {
    Bench bench = settled_bench();
    bench.okta_replies(body(bytes).next(link_b));
    REQUIRE(place_of(bench).next == link_a);
    REQUIRE(bench.report().tenants[0].requests.unusable == 1);
    bench.pass(limits::ask_backoff_max);
    REQUIRE(bench.wants() == link_a);
  }
}

TEST_CASE("poller: a login page in Okta's place is asked past again and again, with full pages") {
  Bench bench = settled_bench();
  for (int i = 0; i < 20; ++i) {
    bench.okta_replies(body("<html>Sign in</html>").foreign());
    bench.pass(limits::ask_backoff_max);
    REQUIRE(bench.wants() == link_a);
  }
  REQUIRE(bench.store.set_aside.empty());
}

TEST_CASE("poller: a page may be gzip, damaged gzip is a failure, and a bomb ends at the limit") {
  Bench bench = settled_bench();
  const std::string good = gzip(page({event(4)}).answer.body);
  bench.okta_replies(body(good.substr(0, good.size() / 2)).header("Content-Encoding", "gzip").next(link_b));
  bench.pass(limits::ask_backoff_max);
  bench.okta_replies(
      body(gzip(std::string(limits::page_bytes_max + 1, ' '))).header("Content-Encoding", "gzip"));
  bench.pass(limits::ask_backoff_max);
  REQUIRE(bench.report().tenants[0].requests.unusable == 2);
  bench.okta_replies(body(good).header("Content-Encoding", "GZIP").next(link_b));
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4});
  REQUIRE(place_of(bench).next == link_b);
}

// No wedge.

TEST_CASE("poller: five failures at one place change the question: 500, 100, 10, 1 events, then 1000 again") {
  Bench bench = settled_bench();
  const std::string from = format_rfc3339(birth - 1h + 3s - 15min);
  for (const char* limit : {"500", "100", "10", "1", "1000", "500"}) {
    REQUIRE(fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); }) ==
            limits::failures_until_recovery);
    REQUIRE(since_of(bench.wants()) == from);
    REQUIRE(limit_of(bench.wants()) == limit);
  }
}

TEST_CASE("poller: what was settled before is filtered out of the answer to another question") {
  Bench bench = settled_bench();
  fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::timed_out); });
  REQUIRE(bench.report().tenants[0].recovering);
  follows(bench, events(2, 5), link_b);
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4, 5});
  REQUIRE(bench.marked_numbers().empty());
  REQUIRE(bench.counts().deduplicated == 2);
  follows(bench, events(2, 5), link_b);  // The full page size again.
  REQUIRE(bench.delivered.size() == 5);
  REQUIRE(bench.counts().deduplicated == 6);
  REQUIRE(place_of(bench).next == link_b);
  REQUIRE(bench.report().tenants[0].recovering);  // A short page with a link is not the tail.
  bench.okta_replies(page({}).next(link_b));
  REQUIRE_FALSE(bench.report().tenants[0].recovering);
}

TEST_CASE("poller: an outage of Okta's that no other question would cure keeps the question") {
  Bench bench;
  follows(bench, {event(1)}, link_a);
  for (int i = 0; i < 20; ++i) {
    bench.pass(5min);
    REQUIRE(bench.wants() == link_a);
    bench.okta_replies(status(500));
  }
}

TEST_CASE("poller: an event that came back changed is shipped and marked, one without a uuid too") {
  Bench bench;
  follows(bench, {event(1), nameless(2)}, link_a);
  const std::string took_too_long = R"({"errorCode":"E0000009","errorSummary":"Internal Server Error"})";
  fails_until_it_asks_anew(bench, [&] { bench.okta_replies(status(500, took_too_long)); });
  const std::string changed = event(1, birth - 2h);
  follows(bench, {changed, nameless(2), event(3)}, link_b);
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 1, 2, 3});
  REQUIRE(bench.marked_numbers() == std::vector<int>{1, 2});
}

TEST_CASE(
    "poller: what was published in the second of the watermark is recovered marked, too, without a uuid") {
  Bench bench;
  bench.pass(300ms);  // Okta's Date has whole seconds, and the watermark is never later.
  const std::string late = R"({"published":")" + format_rfc3339(bench.wall) + R"(","n":7})";
  follows(bench, {late}, link_a);
  REQUIRE(place_of(bench).watermark < birth + 300ms);
  fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); });
  follows(bench, {late}, link_b);
  REQUIRE(bench.numbers() == std::vector<int>{7, 7});
  REQUIRE(bench.marked_numbers() == std::vector<int>{7});
}

TEST_CASE(
    "poller: events without a uuid that are on their way are known by their bytes, as often as they are") {
  Bench bench = settled_bench();
  bench.okta_replies(page({event(4), nameless(5), nameless(5)}).next(link_b));
  bench.pass(bench.settings.policy.poll_interval);
  fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); });
  REQUIRE(limit_of(bench.wants()) == "500");
  bench.okta_replies(
      page({event(3), event(4), nameless(5), nameless(5), nameless(5), event(6)}).next(link_c));
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4, 5, 5, 5, 6});
  REQUIRE(bench.marked_numbers() == std::vector<int>{5});  // The third: it cannot be known.
}

TEST_CASE("poller: an event without a uuid that is refused for ever does not keep it from asking again") {
  Bench bench = settled_bench();
  bench.okta_replies(page({nameless(4)}).next(link_b));
  bench.listener = [](const SendBulk& bulk) {
    return lines_of(*bulk.packed).front().n == 4 ? says(503) : takes_all();
  };
  for (const auto& [id, bulk] : std::map(bench.bulks)) bench.verdict(id, says(503));
  bench.pass(bench.settings.policy.poll_interval);
  bool refused = false;
  const Instant begun = bench.steady;
  while (bench.store.set_aside.empty()) {
    REQUIRE(bench.steady - begun < 6h);
    if (!bench.asks.empty() && !std::exchange(refused, true)) {
      bench.okta_replies(status(400));
    } else if (!bench.asks.empty()) {
      bench.okta_replies(page({event(3), nameless(4), event(5)}).next(link_c));
    }
    bench.pass(1min);
  }
  REQUIRE(bench.store.set_aside.size() == 1);
  REQUIRE(bench.store.set_aside.at(0).bytes == nameless(4));
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 5});
}

TEST_CASE("poller: in small pages new events are not marked because the window on disk grows past its rows") {
  Bench bench = settled_bench();
  const auto fail = [&] { bench.okta_fails(TransportFault::cut); };
  while (limit_of(bench.wants()) != "1") fails_until_it_asks_anew(bench, fail);
  const std::string small = "/api/v1/logs?limit=1&after=";
  follows(bench, {event(3)}, small + "3");
  fails_until_it_asks_anew(bench, fail);  // Full pages, on trial.
  int n = 4;
  for (; place_of(bench).window_from.value_or(WallTime::min()) < birth - 1h + 3s; ++n) {
    if (bench.wants().ends_with("limit=1000")) fails_until_it_asks_anew(bench, fail);
    bench.okta_replies(page({event(n, birth - 1h + 3s)}).next(small + std::to_string(n)));
    if (n % 10 == 0) bench.listener_takes();
    if (n % 50 == 0) bench.pass(limits::rate_window);
  }
  bench.pass(limits::rate_window);
  for (const int end = n + 10; n < end; ++n)
    bench.okta_replies(page({event(n, birth - 1h + 3s)}).next(small + std::to_string(n)));
  bench.listener_takes();
  REQUIRE(bench.report().tenants[0].recovering);
  REQUIRE(bench.delivered.size() == static_cast<std::size_t>(n - 1));
  REQUIRE(bench.marked_numbers().empty());
}

TEST_CASE("poller: recovered events older than the window reaches are shipped, marked") {
  Bench bench;
  std::string from = link_a;
  int n = 0;
  for (std::size_t round = 0; round <= limits::window_rows_max; ++round) {
    n += 3;  // More than are remembered in memory.
    bench.okta_replies(page(events(n - 2, n)).next("/api/v1/logs?after=" + std::to_string(n)));
    bench.listener_takes();
    bench.pass(bench.settings.policy.poll_interval);
  }
  REQUIRE(place_of(bench).window_from == birth - 1h + 3s);
  fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); });
  bench.delivered.clear();
  follows(bench, {event(1), event(4), event(n), event(n + 1)}, link_b);
  REQUIRE(bench.numbers() == std::vector<int>{1, n + 1});
  REQUIRE(bench.marked_numbers() == std::vector<int>{1});
}

TEST_CASE("poller: a saved link that Okta refuses is replaced by a question from the watermark, at once") {
  for (const int refusal : {400, 402, 404, 405, 406, 409, 410, 411, 413, 414, 416, 418, 422, 431, 451, 499}) {
    Bench bench = settled_bench();
    bench.okta_replies(status(refusal));
    bench.pass(limits::ask_backoff_max);
    REQUIRE(since_of(bench.wants()) == format_rfc3339(birth - 1h + 3s - 15min));
    REQUIRE(limit_of(bench.wants()) == "1000");
    follows(bench, events(1, 4), link_b);
    REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4});
  }
}

TEST_CASE("poller: where every next link is refused it asks ever more rarely, and says so ever more rarely") {
  Bench bench = settled_bench();
  bench.okta = [](const AskOkta& ask) {
    if (!ask.target.contains("since=")) return status(404).at(birth);
    return page(events(1, 3)).next(link_b).at(birth);
  };
  bench.okta_replies(status(404));
  const std::size_t before = bench.asked;
  bench.pass(6h);
  REQUIRE(bench.asked - before >= 600);  // Twice a minute or so: what comes is still delivered.
  REQUIRE(bench.asked - before <= 3000);
  REQUIRE(bench.notes_with("reading again") >= 1);
  REQUIRE(bench.notes_with("reading again") <= 12);
  REQUIRE(bench.notes_with("404") - bench.notes_with("backing off: ") <=
          12);  // Without the lines of every 5 min.
}

TEST_CASE("poller: a 4xx about who asks, how often or when is asked again at the same place") {
  for (const int refusal : {401, 403, 407, 408, 421, 425, 429}) {
    Bench bench = settled_bench();
    bench.okta_replies(status(refusal));
    for (int i = 0; i < 3 && bench.wants_nothing(); ++i) bench.pass(1min);
    REQUIRE(bench.wants() == link_a);
  }
}

TEST_CASE(
    "poller: a saved link that leaves the org is not followed, and the place is found by the watermark") {
  for (const char* away : {"https://evil.example.com/api/v1/logs?after=1", "@evil.example.com/api/v1/logs",
                           "http://acme.okta.com/api/v1/logs?after=1", "/api/v1/users?limit=1",
                           "//evil.example.com/api/v1/logs", "/api/v1/logs?after=1\r\nX-Evil: 1"}) {
    INFO(away);
    Bench bench = settled_bench();
    bench.stops();
    bench.pass(10s);
    bench.store.disk.at(acme).place->next = away;  // Somebody else has written the state.
    bench.comes_back();
    REQUIRE(since_of(bench.wants()) == format_rfc3339(birth - 1h + 3s - 15min));
    REQUIRE(bench.report().tenants[0].hostile_links == 1);
    REQUIRE(bench.notes_with("saved in the state leaves the org") == 1);
    REQUIRE(bench.notes_with("evil") == 0);
    follows(bench, events(1, 4), link_b);
    REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4});
    REQUIRE(place_of(bench).next == link_b);
  }
}

TEST_CASE("poller: a saved page size that Okta does not know is one that it does") {
  for (const std::uint32_t limit : {0U, 5000U, 0xffffffffU}) {
    Bench bench = settled_bench();
    bench.store.disk.at(acme).place->limit = limit;
    bench.crashes();
    REQUIRE(bench.wants() == link_a);
  }
}

TEST_CASE("poller: a question that Okta refuses for going back too far is asked from what it keeps") {
  Settings settings;
  settings.policy.since = SinceAgo{90 * 24h};
  Bench bench(settings);
  const std::string first = bench.wants();
  bench.okta_fails(TransportFault::unresolved);
  bench.stops();
  bench.pass(10s);
  bench.comes_back(100 * 24h);
  REQUIRE(bench.wants() == first);  // Our clock by itself is no reason to skip anything.
  bench.okta_replies(status(400));
  bench.pass(limits::ask_backoff_max);
  REQUIRE(*parse_rfc3339(since_of(bench.wants())) > bench.wall - to_ms(limits::retention) - 2min);
  follows(bench, {event(1)}, link_a);
  REQUIRE(bench.numbers() == std::vector<int>{1});
}

TEST_CASE("poller: with our clock far ahead a lost place is still found by the watermark") {
  Bench bench = settled_bench();
  bench.wall += 24h * 365;  // Somebody set the clock.
  fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); });
  REQUIRE(since_of(bench.wants()) == format_rfc3339(birth - 1h + 3s - 15min));
}

TEST_CASE("poller: successes in between are progress; failures over weeks do not add up") {
  Bench bench = settled_bench();
  for (int i = 0; i < 20; ++i) {
    bench.okta_fails(TransportFault::cut);
    bench.pass(limits::ask_backoff_max);
    REQUIRE(bench.wants() == link_a);
    bench.okta_replies(page({}).next(link_a));
    bench.pass(bench.settings.policy.poll_interval);
  }
  REQUIRE(bench.wants() == link_a);
}

TEST_CASE("poller: it asks from the watermark when what is settled is saved") {
  Bench bench = settled_bench();
  bench.okta_replies(page(events(4, 1003)).next(link_b));
  bench.saving = false;
  bench.listener_takes();
  for (int i = 0; i < limits::failures_until_recovery; ++i) {
    REQUIRE(bench.wants() == link_b);
    bench.okta_fails(TransportFault::cut);
    bench.pass(limits::ask_backoff_max);
  }
  REQUIRE(bench.wants_nothing());
  bench.saves_again();
  REQUIRE(since_of(bench.wants()) == format_rfc3339(birth - 1h + 1003s - 15min));
}

TEST_CASE("poller: unsettled events do not keep it from asking again, and are not handed on twice") {
  Bench bench = settled_bench();
  bench.okta_replies(page(events(4, 1003)).next(link_b));
  fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); });
  REQUIRE(since_of(bench.wants()) == format_rfc3339(birth - 1h + 3s - 15min));
  bench.okta_replies(page(events(1, 500)).next("/api/v1/logs?after=4&limit=500"));
  REQUIRE(limit_of(bench.wants()) == "1000");
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  bench.okta_replies(page(events(1001, 1010)).next(link_c));
  REQUIRE(place_of(bench).watermark == birth - 1h + 3s);
  bench.listener_takes();
  REQUIRE(bench.delivered.size() == 1010);
  REQUIRE(bench.marked_numbers().empty());
  REQUIRE(place_of(bench).next == link_c);
  bench.pass(bench.settings.policy.poll_interval);
  REQUIRE(bench.wants() == link_c);
}

TEST_CASE(
    "poller: after an outage the full page size is back with the first answer, and nothing comes twice") {
  Bench bench = settled_bench();
  while (limit_of(bench.wants()) != "1")
    fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); });
  follows(bench, {event(3)}, "/api/v1/logs?after=3&limit=1");
  REQUIRE(limit_of(bench.wants()) == "1000");
  bench.okta_replies(page(events(1, 1000)).next(link_b));
  REQUIRE(bench.wants() == link_b);
  follows(bench, {event(1001), bench.fresh(1002)}, link_c);
  REQUIRE(bench.delivered.size() == 1002);
  REQUIRE(bench.marked_numbers().empty());
  REQUIRE(place_of(bench).limit == 1000);
  REQUIRE(bench.wants() == link_c);  // The next outage starts over.
  REQUIRE(fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); }) ==
          limits::failures_until_recovery);
  REQUIRE(limit_of(bench.wants()) == "500");
}

TEST_CASE("poller: where only small pages come through it stays with them until it is past the trouble") {
  Bench bench = settled_bench();
  const auto too_large = [&] { bench.okta_replies(beginning_of_a_page("[" + event(4) + "," + event(5))); };
  REQUIRE(fails_until_it_asks_anew(bench, too_large) == 1);  // The same page would be as large again.
  REQUIRE(fails_until_it_asks_anew(bench, too_large) == 1);
  REQUIRE(limit_of(bench.wants()) == "100");
  follows(bench, {event(3), event(4)}, "/api/v1/logs?after=4&limit=100");
  REQUIRE(limit_of(bench.wants()) == "1000");
  REQUIRE(fails_until_it_asks_anew(bench, too_large) == 1);
  REQUIRE(limit_of(bench.wants()) == "100");
  follows(bench, {event(3), event(4), event(5)}, "/api/v1/logs?after=5&limit=100");
  REQUIRE(bench.wants() == "/api/v1/logs?after=5&limit=100");
  REQUIRE(place_of(bench).limit == 100);
  follows(bench, {event(3000)}, "/api/v1/logs?after=6&limit=100");  // Published well after the trouble.
  follows(bench, {}, "/api/v1/logs?after=6&limit=100");
  REQUIRE(limit_of(bench.wants()) == "1000");
  follows(bench, {event(3000), bench.fresh(3001)}, link_b);
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4, 5, 3000, 3001});
  REQUIRE(bench.marked_numbers().empty());
  REQUIRE(place_of(bench).limit == 1000);
  REQUIRE(fails_until_it_asks_anew(bench, too_large) == 1);
  REQUIRE(limit_of(bench.wants()) == "500");
}

TEST_CASE(
    "poller: the full page size is on trial until the watermark is past the trouble or the tail is seen") {
  Bench bench = settled_bench();
  const auto fail = [&] { bench.okta_fails(TransportFault::timed_out); };
  fails_until_it_asks_anew(bench, fail);
  follows(bench, events(3, 502), "/api/v1/logs?after=4&limit=500");
  bench.okta_replies(page(events(1, 1000)).next(link_b));  // A full page comes through; the next does not.
  bench.listener_takes();
  REQUIRE(fails_until_it_asks_anew(bench, fail) == limits::failures_until_recovery);
  REQUIRE(limit_of(bench.wants()) == "500");
  follows(bench, events(500, 999), "/api/v1/logs?after=5&limit=500");
  REQUIRE(bench.wants() == "/api/v1/logs?after=5&limit=500");
}

TEST_CASE("poller: at a tail that does not move the full page size is tried ever more rarely") {
  Settings settings;
  settings.policy.poll_interval = 1min;
  Bench bench = settled_bench(settings);
  const auto cut = [&] { bench.okta_fails(TransportFault::cut); };
  fails_until_it_asks_anew(bench, cut);
  const std::string small = "/api/v1/logs?after=4&limit=500";
  std::vector<std::int64_t> minutes;
  Instant last = bench.steady;
  while (minutes.size() < 9) {
    if (bench.wants() != small && limit_of(bench.wants()) == "1000") {
      minutes.push_back(std::chrono::duration_cast<std::chrono::minutes>(bench.steady - last).count());
      fails_until_it_asks_anew(bench, cut);
      last = bench.steady;
      REQUIRE(limit_of(bench.wants()) == "500");
    }
    follows(bench, {}, small);
  }
  REQUIRE(minutes[0] <= 1);
  std::int64_t expected = 15;
  for (std::size_t i = 1; i < minutes.size(); ++i) {
    REQUIRE(minutes[i] <= expected + 1);
    REQUIRE(minutes[i] >= expected - 2);  // Counted from the failure, a back-off before.
    expected = std::min<std::int64_t>(2 * expected, 24 * 60);
  }
}

TEST_CASE("poller: a crash while the page size changes does not mistake full pages for the tail") {
  Bench bench = settled_bench();
  fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); });
  std::vector<std::string> full = events(3, 502);
  follows(bench, full, "/api/v1/logs?after=4&limit=500");
  REQUIRE(limit_of(bench.wants()) == "1000");        // The question that restores the size ...
  bench.okta_replies(status(429).rate(120, 0, 5s));  // ... is not answered; the place is saved,
  bench.crashes();                                   // and this is all that is left.
  bench.pass(1min);
  REQUIRE(limit_of(bench.wants()) == "500");
  bench.okta_replies(page(events(4000, 4499)).next(link_b));
  REQUIRE(bench.wants() == link_b);  // A full page of 500: asked again at once.
}

TEST_CASE("poller: one unreadable event is set aside with its page of one, and the stream goes on") {
  Bench bench = settled_bench();
  meets_unreadable(bench);
  follows(bench, {event(3)}, one);
  REQUIRE(bench.wants() == one);
  const Instant first = bench.steady;
  while (bench.store.set_aside.empty()) {
    REQUIRE(bench.wants() == one);
    REQUIRE(bench.steady - first < 2 * limits::unreadable_patience);
    bench.okta_replies(body(unreadable).next("/api/v1/logs?after=4&limit=1"));
    bench.pass(limits::ask_backoff_max);
  }
  REQUIRE(bench.steady - first >= limits::unreadable_patience);
  REQUIRE(bench.wants() == "/api/v1/logs?after=4&limit=1");
  REQUIRE(bench.store.set_aside.at(0).bytes == unreadable);
  REQUIRE(bench.counts().set_aside == 1);
  bench.okta_replies(page({event(5)}).next("/api/v1/logs?after=5&limit=1"));
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 5});
  const std::string behind = "/api/v1/logs?after=5&limit=1";
  SECTION("a full page would only meet it again, until the watermark is well past it") {
    for (int i = 0; i < 22; ++i) {
      bench.pass(1h);
      REQUIRE(bench.wants() == behind);
      bench.okta_replies(page({}).next(behind));
    }
    bench.pass(1h);
    follows(bench, {event(3000)}, "/api/v1/logs?after=6&limit=1");
    follows(bench, {event(3001)}, "/api/v1/logs?after=7&limit=1");
    REQUIRE(limit_of(bench.wants()) == "1000");
  }
  SECTION("met again it is waited for again: the same bytes may hide another event") {
    REQUIRE(bench.wants() == behind);
    bench.okta_replies(status(400));
    while (bench.wants_nothing()) bench.pass(1s);
    while (limit_of(bench.wants()) != "1")
      fails_until_it_asks_anew(bench, [&] { bench.okta_replies(body(unreadable)); });
    bench.okta_replies(page({event(3)}).next(one));
    REQUIRE(bench.wants() == one);
    bench.okta_replies(body(unreadable).next("/api/v1/logs?after=4&limit=1"));
    bench.pass(limits::ask_backoff_max);
    REQUIRE(bench.wants() == one);
    REQUIRE(bench.store.set_aside.size() == 1);
    REQUIRE(bench.counts().set_aside == 1);
  }
}

TEST_CASE("poller: one event that is too large is set aside by its beginning, and the stream goes on") {
  const bool packed = GENERATE(false, true);
  Bench bench = settled_bench();
  const std::string whole = R"([{"published":"2026-11-23T11:00:04Z","uuid":"u4","filler":")" +
                            std::string(limits::page_bytes_max, 'x') + R"("}])";
  const auto too_large = [&] {
    const std::string next = "/api/v1/logs?after=4&limit=1";
    if (packed) {
      bench.okta_replies(body(gzip(whole)).header("Content-Encoding", "gzip").next(next));
    } else {
      bench.okta_replies(beginning_of_a_page(whole.substr(0, limits::beginning_bytes_max))
                             .header("Content-Length", std::to_string(whole.size()))
                             .next(next));
    }
  };
  for (const char* limit : {"500", "100", "10", "1"}) {
    REQUIRE(fails_until_it_asks_anew(bench, too_large) == 1);
    REQUIRE(limit_of(bench.wants()) == limit);
  }
  follows(bench, {event(3)}, one);
  if (limit_of(bench.wants()) == "1000") fails_until_it_asks_anew(bench, too_large);
  if (bench.wants() != one) follows(bench, {event(3)}, one);
  const Instant first = bench.steady;
  while (bench.store.set_aside.empty()) {
    REQUIRE(bench.wants() == one);
    REQUIRE(bench.steady - first < 10min);
    too_large();
    bench.pass(limits::ask_backoff_max);
  }
  const SetAside& kept = bench.store.set_aside.at(0);
  REQUIRE(kept.bytes == whole.substr(0, limits::beginning_bytes_max));
  REQUIRE(kept.reason == "too large to be read: the first " + std::to_string(limits::beginning_bytes_max) +
                             " of " + std::to_string(whole.size()) + " or more bytes");
  REQUIRE(kept.events == 1);
  REQUIRE(bench.notes_with("one event makes its page unreadable") == 1);
  REQUIRE(bench.wants() == "/api/v1/logs?after=4&limit=1");
}

TEST_CASE("poller: a large page that is no event is asked for long before it is given up") {
  Bench bench = settled_bench();
  const auto spaces = [&] {
    bench.okta_replies(beginning_of_a_page(std::string(limits::beginning_bytes_max, ' ')).next(link_b));
  };
  while (limit_of(bench.wants()) != "1") fails_until_it_asks_anew(bench, spaces);
  const Instant first = bench.steady;
  while (bench.store.set_aside.empty()) {
    spaces();
    bench.pass(limits::ask_backoff_max);
  }
  REQUIRE(bench.steady - first >= limits::unreadable_patience);
}

TEST_CASE(
    "poller: more elements than were asked for are a fault that names itself, and smaller pages are asked") {
  Bench bench = settled_bench();
  std::string many = "[{}";
  for (int i = 0; i < 100'000; ++i) many += ",{}";
  many += "]";
  const bool packed = GENERATE(false, true);
  const auto too_many = [&] {
    if (packed) {
      bench.okta_replies(body(gzip(many)).header("Content-Encoding", "gzip").next(link_b));
    } else {
      bench.okta_replies(body(many).next(link_b));
    }
  };
  for (const char* limit : {"500", "100", "10", "1"}) {
    REQUIRE(fails_until_it_asks_anew(bench, too_many) == 1);
    REQUIRE(limit_of(bench.wants()) == limit);
  }
  REQUIRE(bench.notes_with("more elements than were asked for") > 0);
  REQUIRE(bench.counts().fetched == 3);
  // Not for ever: when the same answer has come for long enough, its beginning is set aside.
  const Instant first = bench.steady;
  while (bench.store.set_aside.empty()) {
    REQUIRE(bench.steady - first < 2 * limits::unreadable_patience);
    too_many();
    bench.pass(limits::ask_backoff_max);
  }
  REQUIRE(bench.store.set_aside.at(0).bytes == many.substr(0, limits::beginning_bytes_max));
  REQUIRE(bench.counts().set_aside == 1);
}

TEST_CASE(
    "poller: a few more events than were asked for are taken; an org that does not heed a small limit gets "
    "the full one") {
  Bench bench = settled_bench();
  fails_until_it_asks_anew(bench, [&] { bench.okta_fails(TransportFault::cut); });
  REQUIRE(limit_of(bench.wants()) == "500");
  SECTION("within the margin") {
    bench.okta_replies(page(events(4, 603)).next(link_b));
    bench.listener_takes();
    REQUIRE(bench.delivered.size() == 603);
  }
  SECTION("beyond it") {
    bench.okta_replies(page(events(4, 1003)).next(link_b));
    bench.pass(limits::ask_backoff_max);
    REQUIRE(bench.notes_with("1000 elements where 500 events were asked for") == 1);
    REQUIRE(bench.delivered.size() == 3);
    REQUIRE(limit_of(bench.wants()) == "1000");
    follows(bench, events(4, 1003), link_b);
    REQUIRE(bench.delivered.size() == 1003);
    REQUIRE(bench.marked_numbers().empty());
  }
}

TEST_CASE("poller: an encoding that was not asked for is named, and no page is set aside for it") {
  Bench bench = settled_bench();
  for (int i = 0; i < 200; ++i) {
    REQUIRE(bench.wants() == link_a);
    bench.okta_replies(body("\x0b\x02\x80[]\x03").header("Content-Encoding", "br").next(link_b));
    bench.pass(limits::ask_backoff_max);
  }
  REQUIRE(bench.notes_with("a Content-Encoding that was not asked for (br)") > 0);
  REQUIRE(bench.store.set_aside.empty());
  bench.okta_replies(
      body(gzip(page({event(4)}).answer.body)).header("Content-Encoding", "x-gzip").next(link_b));
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("poller: a next link that is no link is called malformed") {
  for (const char* link : {"nonsense", "/api/v1/logs#x", "ftp:x"}) {
    Bench bench = settled_bench();
    bench.okta_replies(page({event(4)}).next(link));
    REQUIRE(bench.notes_with("next link is malformed (") == 1);
    REQUIRE(bench.notes_with("leaves the org") == 0);
  }
}

TEST_CASE("poller: small pages lead on from an unreadable event, however far the trouble before it lies") {
  Bench bench = settled_bench();
  meets_unreadable(bench);
  bench.okta_replies(page({event(3)}).next(one));
  bench.okta_replies(page({event(3000)}).next("/api/v1/logs?after=4&limit=1"));
  REQUIRE(bench.wants() == "/api/v1/logs?after=4&limit=1");
  bench.listener_takes();
  for (int i = 0; bench.store.set_aside.empty(); ++i) {
    REQUIRE(i < 1000);
    bench.okta_replies(body(unreadable).next("/api/v1/logs?after=5&limit=1"));
    bench.pass(limits::ask_backoff_max);
  }
  REQUIRE(bench.wants() == "/api/v1/logs?after=5&limit=1");
}

TEST_CASE("poller: an unreadable page that leads nowhere is not given up") {
  Bench bench = settled_bench();
  for (int i = 0; i < 60; ++i) {
    bench.okta_replies(body("[{").next(bench.wants()));
    bench.pass(limits::ask_backoff_max);
  }
  REQUIRE(bench.store.set_aside.empty());
  REQUIRE(bench.counts().fetched == 3);
}

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

// What Okta keeps.

TEST_CASE("poller: from a backlog of 60 days an hourly error names the day loss begins") {
  Bench bench = settled_bench();
  bench.okta_replies(page({event(4)}).next(link_b));  // Nobody answers any more.
  bench.pass(59 * 24h);
  REQUIRE(bench.notes_with("behind, and Okta keeps events") == 0);
  bench.pass(1 * 24h + 3h);
  const std::size_t said = bench.notes_with("loss begins on 2027-02-21");
  REQUIRE(said >= 2);
  REQUIRE(said <= 4);
  bench.pass(10h);
  REQUIRE(bench.notes_with("loss begins on 2027-02-21") == said + 10);
}

TEST_CASE("poller: events Okta has forgotten are a gap: said, saved and counted") {
  Bench bench = settled_bench();
  bench.okta_replies(page({event(4)}).next(link_b));  // Nobody answers any more.
  bench.pass(91 * 24h);
  REQUIRE(bench.report().tenants[0].gaps == 1);
  REQUIRE(bench.notes_with("are lost") >= 1);
  const Place place = place_of(bench);
  REQUIRE(place.gap_from.has_value());
  REQUIRE(*place.gap_until > bench.wall - to_ms(limits::retention) - 2h);
  bench.crashes();
  REQUIRE(place_of(bench).gap_from == place.gap_from);
}

TEST_CASE("poller: a quiet tenant is not a backlog") {
  Bench bench;
  bench.okta = [&](const AskOkta& ask) -> std::optional<HttpResult> {
    return page({}).next(ask.target).at(bench.wall);
  };
  bench.settings.policy.poll_interval = 10min;
  bench.stops();
  bench.comes_back();
  bench.pass(100 * 24h);
  REQUIRE(bench.notes_with("behind") == 0);
  REQUIRE(bench.report().tenants[0].gaps == 0);
  bench.stops();
  bench.comes_back(30 * 24h);
  REQUIRE(bench.notes_with("behind, and") == 0);
}

TEST_CASE("poller: the tail counts as seen when it was, not when its page was settled") {
  Bench bench = settled_bench();
  bench.okta_replies(page({bench.fresh(4)}).next(link_b));
  const WallTime seen = bench.wall;
  bench.pass(1s);
  bench.listener_says(cannot_be_reached());
  bench.pass(12h);
  bench.listener_takes();
  REQUIRE(*place_of(bench).caught_up <= seen + 1s);
}

TEST_CASE("poller: a gap is recorded by Okta's clock only") {
  Bench bench = settled_bench();
  bench.stops();
  REQUIRE(bench.scheduler->at_rest());
  bench.wall += 200 * 24h;  // Ours is set wrong unnoticed.
  bench.settings.okta_skew = -200 * 24h;
  bench.comes_back();
  REQUIRE(bench.notes_with("if this machine's clock is right") == 1);
  REQUIRE(bench.report().tenants[0].gaps == 0);
  bench.okta_replies(page({}).next(link_a));
  REQUIRE(bench.report().tenants[0].gaps == 0);
  REQUIRE_FALSE(place_of(bench).gap_from.has_value());
}

// Who answers.

TEST_CASE("poller: a firewall's page is reported as one, and the key stays") {
  Bench bench = settled_bench();
  for (int i = 0; i < 4; ++i) {
    bench.okta_replies(status(i % 2 == 0 ? 403 : 401, "<html>Blocked</html>").foreign());
    bench.pass(limits::ask_backoff_max);
    REQUIRE(bench.wants() == link_a);
  }
  REQUIRE(bench.notes_with("a proxy or firewall answers in Okta's place (403 ") == 1);
  REQUIRE(bench.notes_with("key") == 0);
  REQUIRE(bench.report().tenants[0].keys_refused == 0);
  REQUIRE(bench.report().tenants[0].state == TenantState::backing_off);
  bench.okta_replies(page({}).next(link_a));
  REQUIRE(bench.report().tenants[0].last_error.empty());
}

TEST_CASE("poller: a proxy's 400 does not make it leave its place, but it is not asked there for ever") {
  Bench bench = settled_bench();
  REQUIRE(fails_until_it_asks_anew(bench, [&] {
            bench.okta_replies(status(400, "<html>Bad</html>").foreign());
          }) == limits::failures_until_recovery);
}

TEST_CASE("poller: a renamed org is said to be one") {
  Bench bench = settled_bench();
  bench.okta_replies(status(404, R"({"errorCode":"E0000007","errorSummary":"Not found"})"));
  REQUIRE(bench.notes_with("Okta has no System Log under this domain (404 E0000007 Not found") == 1);
  REQUIRE(bench.notes.back().text.contains("renamed") == false);  // It asks again from the watermark.
  REQUIRE(bench.notes_with("renamed") == 1);
  // The place under the old name is kept under the new one only if someone gives it to it.
  const WallTime moment = *place_of(bench).watermark - to_ms(limits::recovery_overlap);  // Some come late.
  REQUIRE(bench.notes_with("run logzio-okta cursor set NEW-DOMAIN " + format_rfc3339(moment)) == 1);
}

TEST_CASE("poller: a domain that never had a System Log has no cursor to move") {
  Bench bench;
  bench.okta_replies(status(404, R"({"errorCode":"E0000007","errorSummary":"Not found"})"));
  REQUIRE(bench.notes_with("set okta_domain to its new domain") == 1);
  REQUIRE(bench.notes_with("cursor set") == 0);
}

TEST_CASE("poller: links that name another of Okta's hosts are asked of the configured one") {
  const std::string custom = "login.example.com";
  Bench bench({.domains = {custom}});
  for (int n = 1; n <= 2; ++n) {
    const std::string link = "/api/v1/logs?after=" + std::to_string(n);
    bench.okta_replies(page({event(n)}).next("https://example.okta.com" + link));
    bench.listener_takes();
    bench.pass(10s);
    REQUIRE(bench.wants(custom) == link);
  }
  REQUIRE(bench.numbers() == std::vector{1, 2});
  REQUIRE(bench.report().tenants[0].hostile_links == 0);
  REQUIRE(bench.notes_with("Okta's links name example.okta.com") == 1);
}

TEST_CASE("poller: one org under two names is noticed by its events, and said once") {
  Bench bench({.domains = {"example.okta.com", "login.example.com"}});
  for (int n = 0; n < 3; ++n) {
    for (const std::string domain : {"example.okta.com", "login.example.com"}) {
      bench.okta_replies(
          domain, page(events(1000 * n, 1000 * n + 500)).next("/api/v1/logs?after=" + std::to_string(n)));
      bench.listener_takes();
    }
    bench.pass(10s);
  }
  REQUIRE(bench.notes_with("example.okta.com and login.example.com are one org") == 1);
}

TEST_CASE("poller: a wrong clock of ours is no backlog, for Okta's clock was saved") {
  Bench bench({.okta_skew = Duration(-70 * 24h)});
  follows(bench, {event(1, bench.okta_now())}, link_a);
  bench.stops();
  bench.comes_back();
  REQUIRE(bench.notes_with("behind, and") == 0);
}
