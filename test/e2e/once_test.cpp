#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

TEST_CASE(
    "once: three tenants' ten thousand events come once and unchanged; then nothing; then what is new") {
  Bench bench;
  for (int i = 0; i < 3; ++i) bench.add_org({.tls = true});
  bench.add_listener();
  bench.world.issue_past(0, 4000, 6 * 24h);
  bench.world.issue_past(1, 3999, 6 * 24h);
  bench.world.issue_past(2, 2001, 6 * 24h);

  REQUIRE(bench.run_once() == 0);
  CHECK(bench.lines() == 10'000);
  CHECK(bench.proven_once());

  REQUIRE(bench.run_once() == 0);
  CHECK(bench.lines() == 10'000);

  for (const std::size_t org : {0U, 1U}) bench.world.issue(org, 5);
  REQUIRE(bench.run_once() == 0);
  CHECK(bench.lines() == 10'010);
  CHECK(bench.proven_once());
}

TEST_CASE("once: events older than --since are not delivered, newer ones are") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.set_judging(false);
  bench.world.issue_past(org, 48, 48h);
  REQUIRE(bench.run_once({.flags = {"--since", "24h"}}) == 0);
  // An hour apart each; the one at the edge may fall to either side.
  CHECK(bench.lines() >= 23);
  CHECK(bench.lines() <= 25);
}

TEST_CASE("once: a server that always gives the same page and no link gets each event delivered once") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 300, 24h);
  bench.inject(org, fault::SamePage{});

  SECTION("run after run") {
    for (int run = 0; run < 3; ++run) {
      REQUIRE(bench.run_once() == 0);
      CHECK(bench.lines() == 300);
    }
  }
  SECTION("in one run, and over a restart") {
    for (int run = 0; run < 2; ++run) {
      bench.start();
      const std::size_t asked = bench.requests(org);
      REQUIRE(bench.wait([&] { return bench.requests(org) >= asked + 4; }));
      REQUIRE(bench.stop() == 0);
      CHECK(bench.lines() == 300);
    }
  }
  CHECK(bench.proven_once());
}

TEST_CASE("once: a link that never moves is no reason to deliver twice") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 300, 24h);
  bench.inject(org, fault::SamePage{.link = true});
  for (int run = 0; run < 2; ++run) REQUIRE(bench.run_once() == 0);
  CHECK(bench.lines() == 300);
  CHECK(bench.proven_once());
}

TEST_CASE("once: a tenant whose key is refused ends it with 69, after the others have finished") {
  Bench bench;
  const std::size_t refused = bench.add_org();
  const std::size_t good = bench.add_org();
  bench.add_listener();
  bench.inject(refused, fault::okta_unauthorized());
  bench.world.issue_past(good, 2500, 24h);
  CHECK(bench.run_once() == 69);
  CHECK(bench.lines() == 2500);
  CHECK(bench.proven_once());
  CHECK(bench.says("every key is refused"));
}

TEST_CASE("once: links joined in one header, chunked answers without gzip: nothing changes") {
  Bench bench;
  sandbox::OrgSpec spec;
  spec.settings.links_joined = true;
  spec.settings.gzip = false;
  const std::size_t org = bench.add_org(spec);
  bench.world.set_framing(bench.world.org_port(org), model::Framing::chunked);
  bench.add_listener();
  bench.world.issue_past(org, 2500, 24h);
  REQUIRE(bench.run_once() == 0);
  CHECK(bench.lines() == 2500);
  CHECK(bench.proven_once());
  const auto misuses = bench.world.with_org(org, [](model::OktaOrg& okta) { return okta.counts().misuses; });
  CHECK(misuses == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
