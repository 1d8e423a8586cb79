#include "model/okta_org.hpp"

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/http/link_header.hpp"
#include "logzio_okta/okta/rate_limit.hpp"

#include "catch.hpp"

namespace logzio_okta::model {
namespace {

const WallTime noon = *parse_rfc3339("2026-11-23T12:00:00.000Z");

/// One org with one good key, and a client that asks it.
struct Bench {
  OktaOrg org;
  WallTime now = noon;

  explicit Bench(OrgSettings settings = {}) : org(std::move(settings)) {
    org.set_key("good", KeyState::good);
  }

  void logs(int events, Duration age = 1h) {
    for (int i = 0; i < events; ++i) {
      const WallTime moment = now - to_ms(age) + std::chrono::milliseconds(i);
      org.append(
          {.bytes = "{\"n\":" + std::to_string(number++) + "}", .published = moment, .persisted = moment});
    }
  }
  Answer ask(std::string target, std::string key = "good", bool packed = false) {
    Request request{.target = std::move(target), .headers = {{"Authorization", "SSWS " + key}}, .body = {}};
    if (packed) request.headers.push_back({"Accept-Encoding", "gzip"});
    return org.handle(request, now);
  }
  static std::string first(int limit = 1000) {
    return "/api/v1/logs?since=2026-11-20T00:00:00.000Z&sortOrder=ASCENDING&limit=" + std::to_string(limit);
  }
  static std::string link(const Answer& answer, std::string_view relation) {
    const auto url = find_link(answer.headers, relation);
    static constexpr std::string_view base = "https://acme.okta.com";
    REQUIRE(url);
    REQUIRE(url->starts_with(base));
    return url->substr(base.size());
  }
  static std::string next(const Answer& answer) { return link(answer, "next"); }

  int number = 0;
};

TEST_CASE("okta model: following next gives every event once, and the tail's next is its self") {
  const bool joined = GENERATE(false, true);
  Bench bench({.links_joined = joined});
  bench.logs(25);
  std::string all;
  std::string target = Bench::first(10);
  for (int page = 0; page < 3; ++page) {
    const Answer answer = bench.ask(target);
    REQUIRE(answer.status == 200);
    all += *answer.body;
    target = Bench::next(answer);
  }
  std::string expected;
  for (int i = 0; i < 25; ++i) {
    expected += (i % 10 == 0 ? "[" : ",") + ("{\"n\":" + std::to_string(i) + "}");
    if (i % 10 == 9 || i == 24) expected += "]";
  }
  CHECK(all == expected);
  const Answer tail = bench.ask(target);
  CHECK(*tail.body == "[]");
  CHECK(Bench::next(tail) == target);
  CHECK(Bench::link(tail, "self") == target);
  CHECK(bench.org.counts().misuses == 0);
}

TEST_CASE("okta model: an event persisted late comes after those before it, though published earlier") {
  Bench bench;
  bench.logs(2);
  const std::string next = Bench::next(bench.ask(Bench::first()));
  bench.now += 10s;
  bench.org.append({.bytes = "{\"late\":1}", .published = noon - 2h, .persisted = bench.now});
  CHECK(*bench.ask(next).body == "[{\"late\":1}]");
}

TEST_CASE("okta model: since is compared with the moment of persistence, inclusively") {
  Bench bench;
  bench.org.append({.bytes = "{\"n\":0}", .published = noon - 3h, .persisted = noon - 1h});
  bench.org.append({.bytes = "{\"n\":1}", .published = noon - 3h, .persisted = noon - 30min});
  CHECK(*bench.ask("/api/v1/logs?since=2026-11-23T11:00:00.000Z&limit=10").body == "[{\"n\":0},{\"n\":1}]");
  CHECK(*bench.ask("/api/v1/logs?since=2026-11-23T11:00:00.001Z&limit=10").body == "[{\"n\":1}]");
}

TEST_CASE("okta model: nothing is shown before it is persisted, by the org's clock") {
  Bench bench({.clock_skew = -10s});
  bench.org.append({.bytes = "{}", .published = noon, .persisted = noon});
  CHECK(*bench.ask(Bench::first()).body == "[]");
  bench.now += 10s;
  CHECK(*bench.ask(Bench::first()).body == "[{}]");
  CHECK(bench.ask(Bench::first()).headers.front().value == format_http_date(noon));
}

TEST_CASE("okta model: events older than the retention are gone") {
  Bench bench;
  bench.org.append({.bytes = "{\"old\":1}", .published = noon - 91 * 24h, .persisted = noon - 91 * 24h});
  bench.org.append({.bytes = "{\"new\":1}", .published = noon - 89 * 24h, .persisted = noon - 89 * 24h});
  CHECK(*bench.ask("/api/v1/logs?since=2026-07-01T00:00:00Z").body == "[{\"new\":1}]");
}

TEST_CASE("okta model: what no poller may ask gets 400 and is noted") {
  Bench bench;
  bench.logs(3);
  const std::string next = Bench::next(bench.ask(Bench::first(2)));
  std::string edited = next;
  edited.replace(edited.find("limit=2"), 7, "limit=9");
  std::string own_cursor = Bench::first();
  own_cursor += next.substr(next.find("&after="), next.find("&seal=") - next.find("&after="));
  const std::vector<std::string> all_bad = {"/api/v1/logs",
                                            "/api/v1/logs?limit=10",
                                            "/api/v1/logs?since=yesterday",
                                            "/api/v1/logs?since=2025-01-01T00:00:00Z",
                                            Bench::first() + "&until=2026-11-23T00:00:00Z",
                                            Bench::first(1001),
                                            "/api/v1/logs?since=2026-11-20T00:00:00Z&limit=x",
                                            "/api/v1/logs?since=2026-11-20T00:00:00Z&sortOrder=DESCENDING",
                                            Bench::first() + "&after=1_1",
                                            own_cursor,
                                            edited};
  for (const std::string& bad : all_bad) {
    INFO(bad);
    CHECK(bench.ask(bad).status == 400);
    CHECK_FALSE(bench.org.records().back().misuse.empty());
  }
  CHECK(bench.org.counts().misuses == all_bad.size());
}

TEST_CASE("okta model: a limit of 0 is allowed and stands still") {
  Bench bench;
  bench.logs(1);
  const Answer answer = bench.ask(Bench::first(0));
  CHECK(*answer.body == "[]");
  CHECK(Bench::next(answer) == Bench::link(answer, "self"));
}

TEST_CASE("okta model: keys that are unknown, revoked or without the role") {
  Bench bench;
  bench.org.set_key("revoked", KeyState::revoked);
  bench.org.set_key("weak", KeyState::forbidden);
  CHECK(bench.ask(Bench::first(), "unknown").status == 401);
  CHECK(bench.ask(Bench::first(), "revoked").body->contains("E0000011"));
  CHECK(bench.ask(Bench::first(), "weak").status == 403);
  CHECK(bench.ask(Bench::first()).status == 200);
  CHECK(bench.org.records()[0].key == "unknown");
}

TEST_CASE("okta model: beyond the limit 429 until the fixed window ends, and a call before that is noted") {
  Bench bench({.rate_limit = 3, .window_offset = 20s});  // Windows begin at hh:mm:20.
  for (int i = 0; i < 3; ++i) CHECK(bench.ask(Bench::first()).status == 200);
  const Answer refused = bench.ask(Bench::first());
  CHECK(refused.status == 429);
  CHECK(refused.body->contains("E0000047"));
  const RateLimit limit = read_rate_limit(refused.headers);
  CHECK(limit.limit == 3);
  CHECK(limit.remaining == 0);
  CHECK(limit.reset == noon + 20s);
  CHECK(bench.org.counts().in_silence == 0);
  bench.now = noon + 19s;
  CHECK(bench.ask(Bench::first()).status == 429);
  CHECK(bench.org.counts().in_silence == 1);
  bench.now = noon + 20s;
  CHECK(bench.ask(Bench::first()).status == 200);
  CHECK(bench.org.counts().in_silence == 1);
  CHECK(bench.org.counts().busiest_window == 5);
}

TEST_CASE("okta model: other clients spend the same budget") {
  Bench bench({.rate_limit = 10, .others = 8, .window_offset = 0s});
  bench.now = noon + 30s;
  CHECK(read_rate_limit(bench.ask(Bench::first()).headers).remaining == 5);
  bench.now = noon + 59s;
  CHECK(read_rate_limit(bench.ask(Bench::first()).headers).remaining == 1);
}

TEST_CASE("okta model: gzip only for clients that ask for it") {
  Bench bench;
  bench.logs(3);
  const Answer plain = bench.ask(Bench::first());
  const Answer packed = bench.ask(Bench::first(), "good", true);
  CHECK_FALSE(find_header(plain.headers, "Content-Encoding"));
  CHECK(find_header(packed.headers, "Content-Encoding") == "gzip");
  CHECK(gunzip(*packed.body, 1 << 20) == *plain.body);
  bench.org.settings().gzip = false;
  CHECK(*bench.ask(Bench::first(), "good", true).body == *plain.body);
}

TEST_CASE("okta model: a fault lasts as often as it was asked for, and only where it matches") {
  Bench bench;
  bench.org.set_key("other", KeyState::good);
  bench.org.inject(fault::bad_gateway(), 2, match::key("good"));
  CHECK(bench.ask(Bench::first(), "other").status == 200);
  CHECK(bench.ask(Bench::first()).status == 502);
  CHECK(bench.ask(Bench::first()).status == 502);
  CHECK(bench.ask(Bench::first()).status == 200);
  bench.org.inject(fault::okta_timeout());
  CHECK(bench.ask(Bench::first()).body->contains("E0000009"));
  bench.org.clear_faults();
  CHECK(bench.ask(Bench::first()).status == 200);
}

TEST_CASE("okta model: 429 with a reset that helps, and with ones that do not") {
  Bench bench;
  using Reset = fault::RateLimited::Reset;
  const auto refused = [&](Reset reset) {
    bench.org.inject(fault::RateLimited{.reset = reset, .ahead = 30s}, 1);
    const Answer answer = bench.ask(Bench::first());
    CHECK(answer.status == 429);
    return read_rate_limit(answer.headers).reset;
  };
  CHECK_FALSE(refused(Reset::missing));
  CHECK_FALSE(refused(Reset::garbage));
  CHECK(refused(Reset::past) < noon);
  CHECK(refused(Reset::absurd) > noon + 24h);
  CHECK(bench.org.counts().in_silence == 0);
  CHECK(refused(Reset::honest) == noon + 30s);
  bench.now += 29s;
  CHECK(bench.ask(Bench::first()).status == 200);
  CHECK(bench.org.records().back().in_silence);
}

TEST_CASE("okta model: a concurrency 429 shows zeros and names no moment to keep") {
  Bench bench;
  bench.org.inject(fault::ConcurrencyLimited{}, 1);
  CHECK(read_rate_limit(bench.ask(Bench::first()).headers).concurrency());
  (void)bench.ask(Bench::first());
  CHECK(bench.org.counts().in_silence == 0);
}

TEST_CASE("okta model: faults of links") {
  Bench bench;
  bench.logs(3);
  bench.org.inject(fault::NextLink{"https://evil.example/api/v1/logs"}, 1);
  CHECK(find_link(bench.ask(Bench::first()).headers, "next") == "https://evil.example/api/v1/logs");
  bench.org.inject(fault::NoLink{}, 1);
  CHECK_FALSE(find_header(bench.ask(Bench::first()).headers, "Link"));
  bench.org.inject(fault::SameLink{}, 1);
  const Answer same = bench.ask(Bench::first());
  CHECK(Bench::next(same) == Bench::link(same, "self"));
  bench.org.inject(fault::RawLink{"<<;;>>"}, 1);
  CHECK_FALSE(find_link(bench.ask(Bench::first()).headers, "next"));
  bench.org.inject(fault::Redirect{"https://evil.example/"}, 1);
  const Answer moved = bench.ask(Bench::first());
  CHECK(moved.status == 302);
  CHECK(find_header(moved.headers, "Location") == "https://evil.example/");
}

TEST_CASE("okta model: faults of pages") {
  Bench bench;
  bench.logs(6);
  const std::string second = Bench::next(bench.ask(Bench::first(3)));
  const std::string page = *bench.ask(second).body;
  CHECK(page == R"([{"n":3},{"n":4},{"n":5}])");

  bench.org.inject(fault::TruncatedJson{}, 1);
  CHECK(page.starts_with(*bench.ask(second).body));
  bench.org.inject(fault::Body{"<html>", "text/html"}, 1);
  CHECK(*bench.ask(second).body == "<html>");
  bench.org.inject(fault::RepeatEvents{2}, 1);
  CHECK(*bench.ask(second).body == R"([{"n":1},{"n":2},{"n":3}])");
  bench.org.inject(fault::SamePage{}, 1);
  const Answer same = bench.ask(second);
  CHECK(*same.body == R"([{"n":0},{"n":1},{"n":2}])");
  CHECK_FALSE(find_header(same.headers, "Link"));
  bench.org.inject(fault::RefuseCursor{}, 2);
  CHECK(bench.ask(second).status == 400);
  CHECK(bench.ask(Bench::first()).status == 200);
}

TEST_CASE("okta model: faults of the wire") {
  Bench bench;
  bench.logs(6);
  bench.org.inject(fault::GzipBomb{.plain_bytes = 64 << 20}, 1);
  const Answer bomb = bench.ask(Bench::first());
  CHECK(bomb.body->size() < 1 << 20);
  CHECK(gunzip(*bomb.body, limits::page_bytes_max).error() == GzipFault::too_large);
  bench.org.inject(fault::DamagedGzip{}, 1);
  CHECK(gunzip(*bench.ask(Bench::first()).body, 1 << 20).error() == GzipFault::damaged);
  bench.org.inject(fault::NotReallyGzip{}, 1);
  CHECK(gunzip(*bench.ask(Bench::first()).body, 1 << 20).error() == GzipFault::damaged);
}

TEST_CASE("okta model: what a client makes of an answer that does not arrive whole") {
  Bench bench;
  bench.logs(6);
  const auto fault_of = [&](OktaFault fault) {
    bench.org.inject(std::move(fault), 1);
    const HttpResult result = as_result(bench.ask(Bench::first()));
    REQUIRE_FALSE(result);
    return result.error().fault;
  };
  CHECK(fault_of(fault::Cut{.bytes = 100, .ending = Ending::reset}) == TransportFault::cut);
  CHECK(fault_of(fault::Cut{.bytes = 100, .ending = Ending::stall}) == TransportFault::timed_out);
  CHECK(fault_of(fault::hang()) == TransportFault::timed_out);
  bench.org.inject(fault::Endless{}, 1);
  const HttpResult endless = as_result(bench.ask(Bench::first()));
  CHECK(endless->cut_off);
  CHECK(endless->body.size() == limits::beginning_bytes_max);
  CHECK(fault_of(fault::HugeHeaders{}) == TransportFault::answer_too_large);
  CHECK(as_result(bench.ask(Bench::first()))->status == 200);
}

}  // namespace
}  // namespace logzio_okta::model
