#include "flow/poller_bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

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
