#include "flow/poller_bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

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
