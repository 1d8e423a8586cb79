// The listener is away, hangs or refuses, or its answer is lost: nothing is lost, only what it may have taken
// is repeated, and Okta is not polled meanwhile.
#include <algorithm>
#include <csignal>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

constexpr std::size_t backlog = 3000;
// What was requested before the trouble was noticed, and one page to find out whether only this bulk is
// refused.
constexpr std::size_t requests_in_trouble_max = 2;

struct Outage : Bench {
  std::size_t org = add_org();
  std::size_t other = add_org();

  Outage() {
    add_listener();
    for (const std::size_t each : {org, other}) world.issue_past(each, backlog, 24h);
  }

  /// The program has seen the trouble; from here on Okta hears nothing although events keep coming.
  void okta_is_left_alone() {
    REQUIRE(says("did not take a bulk"));
    pass(500ms);
    const std::size_t asked = requests_of_all();
    const Duration span = 3s;  // Thirty poll intervals.
    for (int i = 0; i < 10; ++i) {
      for (const std::size_t each : {org, other}) world.issue(each, 10);
      pass(span / 10);
    }
    CHECK(requests_of_all() - asked <= 2 * requests_in_trouble_max);
  }

  void all_arrive_once() {
    REQUIRE(all_arrive());
    CHECK(stop() == 0);
    CHECK(proven_once());
    CHECK(daemon().log().contains("takes events again"));
  }
};

TEST_CASE_METHOD(Outage, "outage: a listener that refuses connections for a while gets every event once") {
  start();
  REQUIRE(all_arrive());
  world.refuse(world.listener_port(0), true);
  for (const std::size_t each : {org, other}) world.issue(each, 10);
  okta_is_left_alone();
  world.refuse(world.listener_port(0), false);
  all_arrive_once();
}

TEST_CASE_METHOD(Outage, "outage: a listener that is away from the start gets every event once") {
  world.refuse(world.listener_port(0), true);
  start();
  okta_is_left_alone();
  world.refuse(world.listener_port(0), false);
  all_arrive_once();
}

TEST_CASE_METHOD(Outage, "outage: after 503 for a while every event arrives once") {
  inject_listener(fault::unavailable());
  start();
  okta_is_left_alone();
  heal_listener();
  all_arrive_once();
}

TEST_CASE_METHOD(Outage, "outage: a proxy's 403 settles nothing, and every event arrives once") {
  inject_listener(fault::proxy_forbidden(), 2);
  start();
  all_arrive_once();
}

// The cause of a 400 that is not the listener's own is unknown: what is sent again is marked.
TEST_CASE_METHOD(Outage, "outage: a proxy's 400 settles nothing, and what is sent again after it is marked") {
  inject_listener(fault::proxy_bad_request(), 2);
  start();
  REQUIRE(all_arrive());
  CHECK(stop() == 0);
  CHECK(proven());
  CHECK(world.judge().repeats == 0);
}

TEST_CASE("outage: a 429 with Retry-After is heeded, and every event arrives once") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 20, 24h);  // One bulk.
  bench.inject_listener(fault::retry_after(429, 3s), 1);
  bench.start();
  REQUIRE(bench.all_arrive());
  const auto waited = bench.world.with_listener(
      0, [](model::Listener& logz) { return logz.records().at(1).at - logz.records().at(0).at; });
  CHECK(waited >= 3s);
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE_METHOD(
    Outage,
    "outage: a bulk that hung unread on a connection that broke arrives, marked as a possible repeat") {
  inject_listener(fault::CutRequest{.bytes = 0, .ending = model::Ending::stall});
  start();
  REQUIRE(wait([&] { return requests(org) > 0 && requests(other) > 0; }));
  pass(1s);
  const std::size_t asked = requests_of_all();
  pass(2s);
  CHECK(lines() == 0);
  CHECK(requests_of_all() - asked <= 2);  // The pages in hand are all there is room for.
  heal_listener();
  world.drop(world.listener_port(0));
  REQUIRE(all_arrive());
  CHECK(stop() == 0);
  CHECK(proven());
  CHECK(world.judge().repeats == 0);
  CHECK(world.judge().marked > 0);
}

TEST_CASE("outage: a bulk that was taken without an answer is sent again, every line marked") {
  using model::Ending;
  const Ending ending = GENERATE(Ending::fin, Ending::reset);
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 50, 24h);
  bench.inject_listener(fault::Unanswered{.stored = true, .ending = ending}, 1);
  bench.start();
  REQUIRE(bench.wait([&] { return bench.lines() == 100; }));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(bench.world.judge().repeats == 50);
  CHECK(bench.world.judge().marked == 50);
}

TEST_CASE("outage: an answer lost on a connection used before is not repeated behind our back") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue(org, 5);
  bench.start();
  REQUIRE(bench.all_arrive());
  bench.inject_listener(fault::Unanswered{.stored = true, .ending = model::Ending::fin}, 1);
  bench.world.issue(org, 5);
  REQUIRE(bench.wait([&] { return bench.lines() == 15; }));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(bench.world.judge().repeats == 5);
}

TEST_CASE("outage: a gateway's 502, 504, 500 and 408 leave open what was taken, so the repeat is marked") {
  const int status = GENERATE(408, 500, 502, 504);
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 20, 24h);
  bench.inject_listener(fault::StoredThen{{.status = status, .body = "<html>", .headers = {}}}, 1);
  bench.start();
  REQUIRE(bench.wait([&] { return bench.lines() == 40; }));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(bench.world.judge().repeats == 20);
}

TEST_CASE("outage: with the listener gone and a backlog in Okta, memory does not grow") {
  constexpr std::size_t orgs = 5;
  constexpr std::size_t events = 10'000;  // 23 MB in each org.
  Bench bench;
  sandbox::OrgSpec spec;
  spec.log = std::make_shared<model::EventLog>();
  for (std::size_t i = 0; i < orgs; ++i) bench.add_org(spec);
  sandbox::ListenerSpec counting;
  counting.settings.keep_lines = counting.settings.judge_lines = false;
  bench.add_listener(counting);
  bench.world.set_judging(false);
  bench.world.issue_past(0, events, 24h);
  bench.world.refuse(bench.world.listener_port(0), true);
  bench.start();
  REQUIRE(bench.says("did not take a bulk"));
  bench.pass(2s);
  const std::size_t asked = bench.requests_of_all();
  CHECK(asked <= orgs * 3);
  const std::size_t before = bench.daemon().rss_bytes();
  bench.pass(3s);
  CHECK(bench.requests_of_all() == asked);
  if (Bench::measurable()) {
    CHECK(bench.daemon().rss_bytes() <= before + (std::size_t{4} << 20U));
    CHECK(bench.daemon().rss_peak_bytes() <= std::size_t{128} << 20U);
  }
  bench.world.refuse(bench.world.listener_port(0), false);
  REQUIRE(bench.wait([&] { return bench.lines() == orgs * events; }, 120s));
  CHECK(bench.stop() == 0);
  CHECK(bench.lines() == orgs * events);
}

// The token.

TEST_CASE("outage: a refused token holds everything and says what to check; a new one in its file goes on") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 2500, 24h);
  const std::string token_file = bench.path("token");
  const std::string wrong = "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF";
  bench.add_secret(wrong);
  write_file(token_file, wrong + "\n");
  bench.start({.flags = {"--token-file", token_file}});
  REQUIRE(bench.says("the token is wrong or belongs to another region"));
  bench.pass(500ms);
  const std::size_t asked = bench.requests(org);
  const std::size_t sent = bench.bulks();
  bench.pass(3s);
  CHECK(bench.requests(org) == asked);
  CHECK(bench.bulks() == sent);  // Tried gently.
  CHECK(bench.lines() == 0);

  SECTION("seen by itself") {
    write_file(token_file, bench.world.token() + "\n");
  }
  SECTION("or by SIGHUP") {
    write_file(token_file, bench.world.token());
    bench.daemon().signal(SIGHUP);
  }
  REQUIRE(bench.all_arrive(20s));  // Without the change it would have been tried again in a minute.
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

// Sizes and poison.

TEST_CASE("outage: a listener that finds bulks too large gets smaller ones") {
  Bench bench;
  const std::size_t org = bench.add_org();
  sandbox::ListenerSpec spec;
  spec.settings.body_bytes_max = 100'000;
  bench.add_listener(spec);
  bench.world.issue_past(org, 1000, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  const auto refused = bench.world.with_listener(0, [](model::Listener& logz) {
    return std::ranges::count(logz.records(), 413, &model::BulkRecord::status);
  });
  CHECK(refused > 0);
}

TEST_CASE("outage: one event that is too large even by itself is set aside, its neighbours arrive") {
  Bench bench;
  const std::size_t org = bench.add_org();
  sandbox::ListenerSpec spec;
  spec.settings.body_bytes_max = 200'000;
  spec.settings.count_inflated = true;
  bench.add_listener(spec);
  const std::string large = R"({"uuid":"11111111-1111-4111-8111-111111111111","published":")" +
                            format_rfc3339(World::now()) + R"(","x":")" + std::string(300'000, 'x') + "\"}";
  bench.world.issue(org, 3);
  bench.world.issue_bytes(org, large, model::Fate::set_aside);
  bench.world.issue(org, 3);
  bench.start();
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.says("is set aside"));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  CHECK(bench.set_aside() == Words{large});
}

TEST_CASE("outage: no kind of event harms its neighbours, and what cannot be delivered is kept to the byte") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  Words to_be_kept;
  bench.world.issue(org, 5);
  for (const model::Special special : model::all_specials()) {
    bench.world.issue_special(org, special);
    bench.world.issue(org, 2);
  }
  bench.world.with_org(org, [&](model::OktaOrg& okta) {
    for (const model::LoggedEvent& event : okta.log().events()) {
      if (event.bytes.size() > 500'000) to_be_kept.push_back(event.bytes);
    }
  });
  REQUIRE(to_be_kept.size() == 1);
  bench.start();
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return bench.requests(org) >= 3; }));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(bench.world.judge().repeats == 0);
  CHECK(bench.world.judge().reduced == 1);

  const Words kept = bench.set_aside();
  const Words counts = bench.query_state("SELECT CAST(events AS TEXT) FROM set_aside");
  const auto all = model::all_specials();
  const auto lost_fate = [](model::Special each) { return fate_of(each) == model::Fate::set_aside; };
  CHECK(std::ranges::count(counts, "1") == std::ranges::count_if(all, lost_fate));
  CHECK(std::ranges::count(counts, "0") == 1);  // The one delivered reduced.
  CHECK(std::ranges::count(kept, to_be_kept.front()) == 1);
  bench.world.with_org(org, [&](model::OktaOrg& okta) {
    for (const std::string& bytes : kept) {
      CHECK(std::ranges::count(okta.log().events(), bytes, &model::LoggedEvent::bytes) == 1);
    }
  });
}

}  // namespace
}  // namespace logzio_okta::e2e
