// Keys, rate limits and the tenants file: which org is asked with which key and when, and what a change does.
#include <algorithm>
#include <csignal>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

const std::string first_key = "00firstKeyOfTheOrgAbCdEfGhIjKlMnOpQrStUvWx";
const std::string second_key = "00secondKeyOfTheOrgAbCdEfGhIjKlMnOpQrStUvW";

std::size_t asked_with(Bench& bench, std::size_t org, const std::string& key, int status) {
  return bench.world.with_org(org, [&](model::OktaOrg& okta) {
    return static_cast<std::size_t>(std::ranges::count_if(
        okta.records(), [&](const auto& record) { return record.key == key && record.status == status; }));
  });
}

void set_key(Bench& bench, std::size_t org, const std::string& key, model::KeyState state) {
  bench.world.with_org(org, [&](model::OktaOrg& okta) { okta.set_key(key, state); });
}

std::size_t in_silence(Bench& bench, std::size_t org) {
  return bench.world.with_org(org, [](model::OktaOrg& okta) { return okta.counts().in_silence; });
}

// Two keys.

TEST_CASE("keys: two keys of one org are one stream, and the second takes over when the first is refused") {
  Bench bench;
  const std::size_t org = bench.add_org({.keys = {first_key, second_key}});
  bench.add_listener();
  bench.world.issue_past(org, 2500, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(asked_with(bench, org, first_key, 200) > 0);
  CHECK(asked_with(bench, org, second_key, 200) == 0);

  set_key(bench, org, first_key, model::KeyState::revoked);
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return asked_with(bench, org, second_key, 200) >= 5; }));
  CHECK(asked_with(bench, org, first_key, 401) == 1);  // It stays with the second.
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("keys: three 403 in a row refuse a key, and the other one goes on") {
  Bench bench;
  const std::size_t org = bench.add_org({.keys = {first_key, second_key}});
  bench.add_listener();
  set_key(bench, org, first_key, model::KeyState::forbidden);
  bench.world.issue_past(org, 10, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(asked_with(bench, org, first_key, 403) == 3);
  CHECK(bench.says("Report Administrator"));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

// Rate limits.

TEST_CASE(
    "keys: after a 429 nobody asks before the moment the org named by its own clock, even after a restart") {
  const auto [skew, killed] = GENERATE(table<Duration, bool>({{0s, false}, {3h, true}, {-3h, false}}));
  CAPTURE(skew.count(), killed);
  Bench bench;
  sandbox::OrgSpec spec{.keys = {first_key, second_key}};
  spec.settings.clock_skew = skew;
  const std::size_t org = bench.add_org(spec);
  bench.add_listener();
  bench.world.issue_past(org, 1500, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  bench.inject(org, fault::RateLimited{.ahead = 3s}, 1);
  bench.world.issue(org, 10);
  REQUIRE(bench.says("waiting until"));
  REQUIRE(bench.wait(
      [&] { return !bench.query_state("SELECT 1 FROM stream WHERE quiet_until_ms IS NOT NULL").empty(); }));
  if (killed) {
    bench.kill();
  } else {
    CHECK(bench.stop() == 0);
  }
  const std::size_t asked = bench.requests(org);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.requests(org) > asked);
  CHECK(in_silence(bench, org) == 0);
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(bench.world.judge().repeats == 0);
}

TEST_CASE("keys: a 429 whose moment is missing, garbled, past or absurd is still a reason to wait") {
  using Reset = fault::RateLimited::Reset;
  Bench bench;
  bench.add_listener();
  for (const Reset reset : {Reset::missing, Reset::garbage, Reset::past, Reset::absurd}) {
    bench.inject(bench.add_org(), fault::RateLimited{.reset = reset});
  }
  const std::size_t good = bench.add_org();
  bench.world.issue(good, 10);
  bench.start();
  REQUIRE(bench.all_arrive());
  bench.pass(3s);
  for (std::size_t org = 0; org < good; ++org) {
    CHECK(bench.requests(org) >= 1);
    CHECK(bench.requests(org) <= 4);
  }
  CHECK(bench.stop() == 0);
}

TEST_CASE("keys: a 429 for too many at once is a short pause, not the two minutes its header suggests") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue(org, 10);
  bench.inject(org, fault::ConcurrencyLimited{}, 2);
  bench.start();
  REQUIRE(bench.all_arrive(90s));
  CHECK(bench.requests(org) >= 3);
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("keys: we spend our share of the limit that Okta shows and no more") {
  Bench bench;
  sandbox::OrgSpec spec{.keys = {first_key, second_key}};
  spec.settings.rate_limit = 60;
  const std::size_t org = bench.add_org(spec);
  bench.add_listener();
  bench.start({.poll_interval = "1ms", .rate_share = "0.5"});
  REQUIRE(bench.wait([&] { return bench.requests(org) >= 25; }));
  bench.pass(2s);
  const auto counts = bench.world.with_org(org, [](model::OktaOrg& okta) { return okta.counts(); });
  CHECK(counts.busiest_window <= 30);
  CHECK(counts.limited == 0);
}

// The tenants file.

TEST_CASE("keys: a refused key says what to do, and the key that replaces it in the file is picked up") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  const std::string fresh_key = "00freshKeyOfTheOrgAbCdEfGhIjKlMnOpQrStUvWx";
  bench.add_secret(fresh_key);
  bench.world.issue_past(org, 100, 24h);
  set_key(bench, org, bench.world.org_key(org), model::KeyState::revoked);
  bench.start();
  REQUIRE(bench.says("put a valid key into line "));
  set_key(bench, org, fresh_key, model::KeyState::good);
  const std::string yaml = "tenants_credentials:\n  - {okta_api_key: " + fresh_key +
                           ", okta_domain: " + bench.world.org_domain(org) + "}\n";
  SECTION("when the file is replaced") {
    bench.write_tenants(yaml);
  }
  SECTION("when the file is written in place") {
    std::filesystem::copy_file(bench.tenants_file(), bench.path("draft"));
    write_file(bench.path("draft"), yaml);
    std::filesystem::copy_file(bench.path("draft"), bench.tenants_file(),
                               std::filesystem::copy_options::overwrite_existing);
  }
  REQUIRE(bench.all_arrive(50s));  // Without the change it would have been tried again in a minute.
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE(
    "keys: SIGHUP reads the tenants again: new ones begin, those gone are left alone, a broken file changes "
    "nothing") {
  Bench bench;
  const std::size_t first = bench.add_org();
  const std::size_t second = bench.add_org();
  bench.add_listener();
  const auto entry = [&](std::size_t org) {
    return "  - {okta_api_key: " + bench.world.org_key(org) +
           ", okta_domain: " + bench.world.org_domain(org) + "}\n";
  };
  const std::string head = "tenants_credentials:\n";
  bench.world.issue_past(first, 100, 24h);
  bench.world.issue_past(second, 100, 24h);
  bench.write_tenants(head + entry(first));
  bench.start();
  REQUIRE(bench.wait([&] { return bench.lines() == 100; }));
  CHECK(bench.requests(second) == 0);

  bench.write_tenants("tenants_credentials:\n  - okta_domian: nobody\n");
  bench.daemon().signal(SIGHUP);
  REQUIRE(bench.says("The tenants read before stay in force"));
  bench.world.issue(first, 10);
  REQUIRE(bench.wait([&] { return bench.lines() == 110; }));

  bench.write_tenants(head + entry(second) + entry(first));
  bench.daemon().signal(SIGHUP);
  REQUIRE(bench.all_arrive());

  bench.write_tenants(head + entry(second));
  bench.daemon().signal(SIGHUP);
  REQUIRE(bench.says("no longer in the tenants file"));
  bench.pass(500ms);
  const std::size_t asked = bench.requests(first);
  bench.pass(1s);
  CHECK(bench.requests(first) == asked);

  bench.write_tenants(head + entry(first) + entry(second));
  bench.world.issue(first, 10);
  bench.daemon().signal(SIGHUP);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(bench.world.judge().repeats == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
