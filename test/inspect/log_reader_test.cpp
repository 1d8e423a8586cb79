#include "logzio_okta/inspect/log_reader.hpp"

#include "flow/bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;
using Catch::Matchers::Contains;

namespace {

using Words = std::vector<std::string>;

/// A person reads the log of one org, and the test is Okta.
struct Reading {
  explicit Reading(std::optional<Since> until = SinceAt{birth},
                   std::vector<CredentialId> keys = {CredentialId{1}})
      : reader(now(), {.domain = Domain::parse("acme.okta.com").value(), .credentials = std::move(keys)},
               {.since = SinceAt{birth - 1h}, .until = until}, {.rate_share = 1}, Random(1)) {}

  [[nodiscard]] Now now() const { return {.steady = steady, .wall = wall}; }
  void pass(Duration duration) {
    steady += duration;
    wall += to_ms(duration);
  }
  /// The next request, after whatever wait it needs.
  std::string asks() {
    if (const Instant at = reader.deadline(now()); at > steady && at != never) pass(at - steady);
    ask = reader.next_ask(now());
    return ask ? ask->target : "";
  }
  /// Asks, is answered, and prints.
  Words reads(Reply reply) { return reads(HttpResult(std::move(reply).at(wall))); }
  Words reads(HttpResult result) {
    if (!ask) REQUIRE(!asks().empty());
    const RequestId id = std::exchange(ask, std::nullopt)->id;
    Words lines;
    for (const std::string_view line : reader.answered(now(), {.id = id, .result = std::move(result)})) {
      lines.emplace_back(line);
    }
    return lines;
  }
  Words notes() {
    Words texts;
    while (auto note = reader.next_note()) texts.push_back(note->text);
    return texts;
  }

  Instant steady = Instant{} + 1'000'000s;
  WallTime wall = birth;
  LogReader reader;
  std::optional<AskOkta> ask;
};

const std::string second_page = "/api/v1/logs?after=2";

}  // namespace

TEST_CASE("log reader: a span with an end is asked for page after page, and is done where no link leads on") {
  Reading reading;
  REQUIRE_THAT(reading.asks(), Contains("since=2026-11-23T11:00:00.000Z") && Contains("limit=1000") &&
                                   Contains("&until=2026-11-23T12:00:00.000Z"));
  REQUIRE_FALSE(reading.reader.next_ask(reading.now()).has_value());  // One at a time.
  REQUIRE(reading.reads(page(events(1, 2)).next("https://acme.okta.com" + second_page)) == events(1, 2));
  REQUIRE_FALSE(reading.reader.done());
  REQUIRE(reading.reader.deadline(reading.now()) == reading.steady);  // No pause: there is more.
  REQUIRE(reading.asks() == second_page);
  REQUIRE(reading.reads(page({event(3)})) == Words{event(3)});
  REQUIRE(reading.reader.done());
  REQUIRE_FALSE(reading.reader.failure().has_value());
  REQUIRE(reading.reader.events() == 3);
  REQUIRE(reading.reader.reached() == birth - 1h + 3s);
}

TEST_CASE("log reader: up to now is up to the end of the second that Okta's Date shows") {
  Reading reading(SinceAgo{});
  reading.wall += 400ms;
  REQUIRE_FALSE(reading.asks().empty());  // For Okta's clock.
  REQUIRE(reading.reads(page({})).empty());
  REQUIRE_THAT(reading.asks(), Contains("&until=2026-11-23T12:00:01.000Z"));
}

TEST_CASE("log reader: an empty page does not end a span whose link leads on, but very many in a row do") {
  Reading reading;
  REQUIRE(reading.reads(page({}).next(second_page)).empty());
  REQUIRE(reading.asks() == second_page);
  REQUIRE(reading.reads(page({event(1)}).next("/api/v1/logs?after=3")) == Words{event(1)});
  for (int empty = 0; empty < limits::empty_pages_max; ++empty) {
    REQUIRE_FALSE(reading.reader.done());
    REQUIRE(reading.reads(page({}).next("/api/v1/logs?after=4" + std::to_string(empty))).empty());
  }
  REQUIRE(reading.reader.done());
  REQUIRE_FALSE(reading.reader.failure().has_value());
}

TEST_CASE("log reader: an empty page whose link does not lead on ends a span with an end") {
  Reading reading;
  REQUIRE(reading.reads(page({}).next(reading.asks())).empty());
  REQUIRE(reading.reader.done());
}

TEST_CASE("log reader: what Okta gives twice where two pages meet is printed once") {
  Reading reading;
  REQUIRE(reading.reads(page({event(1), event(2), event(2)}).next(second_page)) == events(1, 2));
  REQUIRE(reading.reads(page({event(2), event(3)})) == Words{event(3)});
}

TEST_CASE("log reader: without an end it follows, and what a page says again is printed once") {
  Reading reading(std::nullopt);
  REQUIRE_THAT(reading.asks(), !Contains("until"));
  REQUIRE(reading.reads(page(events(1, 2))) == events(1, 2));  // No link: the same question again.
  const Instant before = reading.steady;
  REQUIRE_THAT(reading.asks(), Contains("since="));
  REQUIRE(reading.steady - before == Policy{}.poll_interval);
  REQUIRE(reading.reads(page(events(1, 3))) == Words{event(3)});
  REQUIRE(reading.reads(page(events(1, 3)).next("https://acme.okta.com" + second_page)).empty());
  REQUIRE(reading.asks() == second_page);
  REQUIRE(reading.reads(page({event(4)})) == Words{event(4)});
  REQUIRE_FALSE(reading.reader.done());
}

TEST_CASE("log reader: each event is one line, otherwise byte for byte") {
  Reading reading;
  REQUIRE(reading.reads(body("[{\"uuid\":\"u1\",\r\n \"n\": 1.50},{\"uuid\":\"\\u0075\"}]")) ==
          Words{"{\"uuid\":\"u1\",   \"n\": 1.50}", "{\"uuid\":\"\\u0075\"}"});
}

TEST_CASE("log reader: with a key refused the other one reads on, with all refused it says what to do") {
  Reading reading(SinceAt{birth}, {CredentialId{1}, CredentialId{2}});
  REQUIRE_FALSE(reading.asks().empty());
  REQUIRE(reading.ask->credential == CredentialId{1});
  REQUIRE(reading.reads(status(401)).empty());
  REQUIRE_FALSE(reading.asks().empty());
  REQUIRE(reading.ask->credential == CredentialId{2});
  REQUIRE(reading.reads(status(401)).empty());
  REQUIRE(reading.reader.done());
  REQUIRE_THAT(reading.reader.failure().value(), Contains("acme.okta.com") && Contains("tenants file"));
}

TEST_CASE("log reader: a 429 silences it until the moment Okta named, and is said once") {
  Reading reading;
  REQUIRE(reading.reads(status(429).rate(60, 0, 30s)).empty());
  REQUIRE_THAT(reading.notes().at(0), Contains("429") && Contains("waiting until"));
  const Instant before = reading.steady;
  REQUIRE_FALSE(reading.asks().empty());
  REQUIRE(reading.steady - before >= 29s);
  REQUIRE(reading.reads(page({event(1)})).size() == 1);
  REQUIRE(reading.reader.done());
}

TEST_CASE("log reader: an error in the query names the flags to check") {
  for (const auto& [code, words] : {std::pair(400, "--since"), std::pair(404, "renamed")}) {
    Reading reading;
    REQUIRE(reading.reads(status(code)).empty());
    REQUIRE(reading.reader.done());
    REQUIRE_THAT(reading.reader.failure().value(), Contains(words));
  }
}

TEST_CASE("log reader: a link that leaves the org is not followed, and what came with it is printed") {
  Reading reading;
  REQUIRE(reading.reads(page({event(1)}).next("https://evil.example/api/v1/logs?after=2")).size() == 1);
  REQUIRE(reading.reader.done());
  REQUIRE_THAT(reading.reader.failure().value(), Contains("leaves the org"));
}

TEST_CASE(
    "log reader: trouble is tried again and said once; after five minutes of it a span with an end ends") {
  Reading bounded;
  Reading following(std::nullopt);
  for (Reading* reading : {&bounded, &following}) {
    const Instant begun = reading->steady;
    int tries = 0;
    while (!reading->reader.done() && reading->steady - begun < 10min) {
      ++tries;
      if (tries % 3 == 0) {
        REQUIRE(reading->reads(body("<html>")).empty());
      } else {
        REQUIRE(reading->reads(std::unexpected(broken(TransportFault::unreachable))).empty());
      }
    }
    REQUIRE(tries < 100);
    REQUIRE_FALSE(reading->notes().empty());
    REQUIRE(reading->reader.done() == (reading == &bounded));
    if (reading->reader.done()) {
      REQUIRE(reading->steady - begun >= limits::once_patience);
      REQUIRE_THAT(reading->reader.failure().value(), Contains("no progress for 5 minutes"));
    } else {
      REQUIRE(reading->reads(page({event(1)})).size() == 1);
    }
  }
}
