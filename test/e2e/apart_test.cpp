// Fifty tenants: the broken ones never delay the others, and idle they cost next to nothing.
#include <csignal>

#include "e2e/bench.hpp"
#include "shell/loopback_server.hpp"

namespace logzio_okta::e2e {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t good_orgs = 46;
constexpr std::size_t events_each = 200;

std::string array_of(std::string_view element, std::size_t count) {
  std::string array = "[";
  for (std::size_t i = 0; i < count; ++i) (array += element) += ',';
  array.back() = ']';
  return array;
}

struct Fifty : Bench {
  /// Adds them, writes the file with the broken ones first, and starts; returns how long it takes until the
  /// events of all good ones have arrived, and, two more times, those that were issued later.
  Duration time_to_arrive(bool with_broken_ones) {
    std::string broken;
    if (with_broken_ones) {
      for (const model::OktaFault& trouble :
           std::vector<model::OktaFault>{fault::okta_unauthorized(), fault::bad_gateway(), fault::hang()}) {
        inject(add_org({.tls = true}), trouble);
      }
      broken =
          "  - okta_api_key: 00keyOfNobodyAbCdEfGhIjKlMnOpQrStUvWxYz0123\n"
          "    okta_domain: nowhere.invalid\n";
    }
    add_listener();
    const std::size_t first = world.orgs();
    for (std::size_t i = 0; i < good_orgs; ++i) world.issue_past(add_org({.tls = true}), events_each, 24h);
    write_tenants(world.tenants_yaml() + broken);
    const auto began = Clock::now();
    start();
    REQUIRE(all_arrive());
    for (int round = 0; round < 2; ++round) {
      for (std::size_t org = first; org < world.orgs(); ++org) world.issue(org, 5);
      REQUIRE(all_arrive());
    }
    const Duration took = Clock::now() - began;
    CHECK(stop() == 0);
    CHECK(proven_once());
    return took;
  }
};

TEST_CASE(
    "apart: with one tenant refused, one unresolvable, one failing and one hanging the others are as fast as "
    "alone") {
  const Duration alone = Fifty().time_to_arrive(false);
  const Duration beside = Fifty().time_to_arrive(true);
  CAPTURE(alone.count(), beside.count());
  // A tenant that waited for a broken one would have waited for that one's whole timeout.
  CHECK(beside < 4 * alone + limits::connect_timeout);
}

TEST_CASE("apart: each way of being broken is said under its tenant's name") {
  Bench bench;
  bench.add_listener();
  const std::size_t refused = bench.add_org();
  bench.inject(refused, fault::okta_unauthorized());
  const std::size_t failing = bench.add_org();
  bench.inject(failing, fault::bad_gateway());
  bench.write_tenants(bench.world.tenants_yaml() +
                      "  - okta_api_key: 00keyOfNobodyAbCdEfGhIjKlMnOpQrStUvWxYz0123\n"
                      "    okta_domain: nowhere.invalid\n");
  bench.start();
  CHECK(bench.says("[" + bench.world.org_name(refused) + "] Okta refuses the API key"));
  CHECK(bench.says("[" + bench.world.org_name(failing) + "] Okta answered 502"));
  CHECK(bench.says("[nowhere.invalid] could not resolve nowhere.invalid"));
}

TEST_CASE("apart: every kind of bad answer delays only its own tenant, and loses nothing there") {
  Bench bench;
  bench.add_listener();
  std::size_t kinds = 0;
  const auto org_with = [&](const model::OktaFault& trouble, std::size_t times) {
    const std::size_t org = bench.add_org();
    bench.world.issue_past(org, 1100, 24h);
    bench.inject(org, trouble, times);
    ++kinds;
  };
  org_with(fault::okta_timeout(), 2);
  org_with(fault::okta_unavailable(), 2);
  org_with(fault::bad_gateway(), 2);
  org_with(fault::Status{.status = 200, .body = "<html>sign in</html>", .headers = {}}, 2);
  org_with(fault::Cut{.bytes = 20'000, .ending = model::Ending::fin}, 2);
  org_with(fault::Cut{.bytes = 20'000, .ending = model::Ending::reset}, 2);
  org_with(fault::Cut{.bytes = 0, .ending = model::Ending::fin}, 2);
  org_with(fault::TruncatedJson{}, 2);
  org_with(fault::DamagedGzip{}, 2);
  org_with(fault::NotReallyGzip{}, 2);
  org_with(fault::GzipBomb{}, 1);
  org_with(fault::Endless{}, 1);
  org_with(fault::HugeHeaders{}, 2);
  org_with(fault::Body{"{}"}, 2);
  org_with(fault::Body{"null"}, 2);
  org_with(fault::Body{""}, 2);
  org_with(fault::RawLink{"<"}, 2);
  org_with(fault::RawLink{"garbage"}, 2);
  org_with(fault::RawLink{std::string(9000, 'x')}, 2);
  org_with(fault::SameLink{}, 2);
  org_with(fault::NoLink{}, 2);
  org_with(fault::RefuseCursor{}, 1);
  org_with(fault::RefuseCursor{.status = 405}, 1);
  org_with(fault::Surplus{50}, 2);
  org_with(fault::Body{array_of("1", 100'000)}, 2);
  org_with(fault::CloseAfter{}, 4);
  const std::size_t good = bench.add_org();
  bench.world.issue_past(good, 1100, 24h);
  bench.start();
  REQUIRE(bench.wait([&] {
    return bench.world.with_ledger(
        [&](model::Ledger& ledger) { return ledger.delivered(bench.world.org_name(good)) == 1100; });
  }));
  REQUIRE(bench.all_arrive());
  for (std::size_t org = 0; org < kinds; ++org) bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  for (std::size_t org = 0; org < kinds; ++org) {
    CAPTURE(org);
    CHECK(bench.world.with_org(org, [](model::OktaOrg& okta) { return okta.counts().misuses; }) == 0);
  }
  if (Bench::measurable()) CHECK(bench.daemon().rss_peak_bytes() <= std::size_t{160} << 20U);
}

TEST_CASE(
    "apart: an org whose every answer holds a million elements is named, and costs the others nothing") {
  Bench bench;
  bench.add_listener();
  const std::size_t many = bench.add_org();
  bench.world.with_org(many,
                       [](model::OktaOrg& okta) { okta.inject(fault::Body{array_of("{}", 1'000'000)}); });
  for (int i = 0; i < 5; ++i) bench.world.issue_past(bench.add_org(), 1100, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.says("[" + bench.world.org_name(many) +
                   "] Okta answered 200 with more elements than were asked for"));
  for (std::size_t org = 1; org < bench.world.orgs(); ++org) bench.world.issue(org, 5);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  if (Bench::measurable()) CHECK(bench.daemon().rss_peak_bytes() <= std::size_t{96} << 20U);
}

TEST_CASE("apart: the first request leaves at once; idle, fifty tenants cost next to nothing") {
  Bench bench;
  bench.add_listener();
  for (std::size_t i = 0; i < 50; ++i) bench.add_org({.tls = true});
  bench.world.issue_past(0, 100, 24h);
  const WallTime began = World::now();
  bench.start({.poll_interval = "10s"});
  REQUIRE(bench.all_arrive());
  // Each asks for Okta's clock and for its log; old events are not the tail, so the one that has some asks
  // again.
  REQUIRE(bench.wait([&] { return bench.requests_of_all() == 101; }));
  WallTime first = WallTime::max();
  for (std::size_t org = 0; org < 50; ++org) {
    first = std::min(
        first, bench.world.with_org(org, [](model::OktaOrg& okta) { return okta.records().front().wall; }));
  }
  CHECK(first - began < 10s);  // The poll interval.
  if (!Bench::measurable()) return;
  const Duration spent = bench.daemon().cpu_time();
  bench.pass(5s);
  CHECK(bench.daemon().cpu_time() - spent < 250ms);
  CHECK(bench.daemon().rss_bytes() < std::size_t{32} << 20U);
}

}  // namespace
TEST_CASE("apart: an org and a listener that send only empty TLS records hold up no other") {
  std::signal(SIGPIPE, SIG_IGN);
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  const auto flood = [](test::Peer& peer) {
    static_cast<void>(peer.read());
    constexpr int many = 1000;
    while (peer.send_idle_records(many) == many) {
    }
  };
  const int version = GENERATE(TLS1_3_VERSION, TLS1_2_VERSION);
  CAPTURE(version);
  const test::LoopbackServer hostile(bench.world.authority().issue({"localhost"}), flood, version);
  bench.write_tenants(
      bench.world.tenants_yaml() +
      "  - okta_api_key: 00keyOfNobodyAbCdEfGhIjKlMnOpQrStUvWxYz0123\n    okta_domain: localhost:" +
      std::to_string(hostile.port()) + "\n");
  bench.start();
  for (int round = 0; round < 5; ++round) {
    bench.world.issue(org, 20);
    REQUIRE(bench.all_arrive(limits::ask_stall_timeout));
  }
  REQUIRE(bench.wait([&] { return hostile.connections() > 1; }));  // It was left, and asked again.
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

}  // namespace logzio_okta::e2e
