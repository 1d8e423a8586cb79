#include "flow/poller_bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

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

TEST_CASE("poller: what a recovery met at a link that does not move is known after a restart, too") {
  Bench bench = settled_bench();
  fails_until_it_asks_anew(bench, [&] { bench.okta_replies(body("[")); });
  for (int i = 0; i < 2; ++i) {  // In small pages, and then in full ones.
    bench.okta_replies(page({event(1), event(2)}).next(link_b));
    bench.pass(bench.settings.policy.poll_interval);
  }
  REQUIRE(bench.wants() == link_b);
  bench.okta_replies(page({event(3)}).next(link_b));  // The log ends here, and so does the recovery.
  bench.pass(bench.settings.policy.poll_interval);
  REQUIRE_FALSE(place_of(bench).recovering);
  REQUIRE(place_of(bench).repeated);

  bench.crashes();
  REQUIRE(bench.wants() == link_b);
  follows(bench, {event(3), event(4)}, link_c);
  REQUIRE(bench.delivered.size() == 4);
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
