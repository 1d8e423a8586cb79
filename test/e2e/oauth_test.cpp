// OAuth service apps: a token endpoint and a System Log as strict as Okta, against the real program.
#include <algorithm>
#include <csignal>

#include "e2e/bench.hpp"
#include "tools/key_pair.hpp"

namespace logzio_okta::e2e {
namespace {

using model::ServiceApp;
using model::TokenEndpoint;

template <class F>
auto with_oauth(Bench& bench, std::size_t org, F f) {
  return bench.world.with_org(org, [&](model::OktaOrg& okta) { return f(okta.oauth()); });
}

std::size_t token_requests(Bench& bench, std::size_t org) {
  return with_oauth(bench, org, [](TokenEndpoint& oauth) { return oauth.records().size(); });
}

std::size_t granted(Bench& bench, std::size_t org) {
  return with_oauth(bench, org, [](TokenEndpoint& oauth) { return oauth.granted(); });
}

std::size_t answered(Bench& bench, std::size_t org, int status) {
  return bench.world.with_org(org, [&](model::OktaOrg& okta) {
    return static_cast<std::size_t>(
        std::ranges::count(okta.records(), status, &model::RequestRecord::status));
  });
}

void change_app(Bench& bench, std::size_t org, const std::function<void(ServiceApp&)>& change) {
  with_oauth(bench, org, [&](TokenEndpoint& oauth) { change(oauth.app(World::client_id(org))); });
}

/// No request did what a client must never do: a proof used twice, the wrong audience, a key shown, ...
void well_behaved(Bench& bench, std::size_t org) {
  const auto misuse = with_oauth(bench, org, [](TokenEndpoint& oauth) {
    const auto found = std::ranges::find_if(
        oauth.records(), [](const model::TokenRecord& record) { return !record.misuse.empty(); });
    return found != oauth.records().end() ? found->misuse : std::string();
  });
  CHECK(misuse.empty());
  const auto other = bench.world.with_org(org, [](model::OktaOrg& okta) {
    const auto found =
        std::ranges::find_if(okta.records(), [](const auto& record) { return !record.misuse.empty(); });
    return found != okta.records().end() ? found->misuse : std::string();
  });
  CHECK(other.empty());
}

std::string entry(Bench& bench, std::size_t org, const std::string& rest) {
  return "  - okta_domain: " + bench.world.org_domain(org) +
         "\n    okta_client_id: " + World::client_id(org) + "\n    " + rest + "\n";
}
const std::string head = "tenants_credentials:\n";

void register_key(Bench& bench, std::size_t org, const test::KeyPair& pair, std::string id = "key1") {
  change_app(bench, org,
             [&](ServiceApp& app) { app.keys = {{.id = std::move(id), .jwk = pair.public_jwk()}}; });
}

// ---- The first start

TEST_CASE("oauth: a new app, with DPoP as Okta makes it or without, works from the first start") {
  struct Case {
    ServiceApp::Proofs proofs;
    std::size_t requests;
    bool tls;
    const char* says;
  };
  const auto each = GENERATE(values<Case>({
      {ServiceApp::Proofs::required, 2, true, "bound to a key by DPoP"},  // The first learns the nonce.
      {ServiceApp::Proofs::required, 2, false, "bound to a key by DPoP"},
      {ServiceApp::Proofs::ignored, 1, true, "without DPoP"},
      {ServiceApp::Proofs::refused, 2, true, "without DPoP"},
  }));
  Bench bench;
  const std::size_t org = bench.add_org({.tls = each.tls, .service_app = true});
  bench.add_listener();
  change_app(bench, org, [&](ServiceApp& app) { app.proofs = each.proofs; });
  bench.world.issue_past(org, 2500, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(token_requests(bench, org) == each.requests);
  CHECK(bench.says(each.says));
  CHECK(bench.requests(org) >= 3);
  CHECK(answered(bench, org, 200) == bench.requests(org));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  well_behaved(bench, org);
}

TEST_CASE("oauth: an org that takes RS256 proofs only gets them") {
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  change_app(bench, org, [](ServiceApp& app) { app.rsa_proofs_only = true; });
  bench.world.issue_past(org, 10, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  well_behaved(bench, org);
}

TEST_CASE(
    "oauth: a private key works in every form that people have it in, from file, YAML and environment") {
  const test::KeyPair rsa = test::KeyPair::rsa();
  const test::KeyPair p384 = test::KeyPair::ec("P-384");
  Bench bench;
  bench.add_listener();
  std::string yaml = head;
  std::vector<std::size_t> orgs;
  const auto add = [&](const test::KeyPair& pair, const std::string& rest) {
    orgs.push_back(bench.add_org({.service_app = true}));
    register_key(bench, orgs.back(), pair);
    yaml += entry(bench, orgs.back(), rest);
    bench.world.issue_past(orgs.back(), 10, 24h);
  };
  for (const auto& [name, text] :
       {std::pair("rsa8.pem", rsa.pkcs8()), std::pair("rsa1.pem", rsa.traditional()),
        std::pair("rsa.jwk", rsa.jwk(R"("kid":"key1",)")),
        std::pair("set.jwks", R"({"keys":[)" + rsa.jwk(R"("kid":"key1",)") + "]}")}) {
    write_file(bench.path(name), text);
    add(rsa, "okta_private_key_file: " + std::string(name));
  }
  write_file(bench.path("ec.pem"), p384.traditional());
  add(p384, "okta_private_key_file: ec.pem\n    okta_private_key_id: key1");
  add(p384, "okta_private_key: ${ACME_KEY}");
  bench.write_tenants(yaml);
  std::string one_line = p384.pkcs8();
  for (std::size_t at = one_line.find('\n'); at != std::string::npos; at = one_line.find('\n', at))
    one_line.replace(at, 1, "\\n");
  bench.start({.env = {{"ACME_KEY", one_line}}});
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  for (const std::size_t org : orgs) well_behaved(bench, org);
}

TEST_CASE("oauth: one tenant from the environment only") {
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  bench.world.issue_past(org, 10, 24h);
  write_file(bench.path("key.pem"), bench.world.app_key(org).pkcs8());
  sandbox::ProcessSpec spec;
  Run run{.env = {{"OKTA_DOMAIN", bench.world.org_domain(org)},
                  {"OKTA_CLIENT_ID", World::client_id(org)},
                  {"OKTA_PRIVATE_KEY_FILE", bench.path("key.pem")}}};
  spec.args = bench.flags_of(run);
  const auto tenants = std::ranges::find(spec.args, "--tenants");
  if (tenants != spec.args.end()) spec.args.erase(tenants, tenants + 2);
  spec.env = bench.environment_of(run);
  bench.start_process(spec);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

// ---- The hours after

TEST_CASE("oauth: tokens end, are revoked and nonces change, and nothing is lost or repeated") {
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  change_app(bench, org, [](ServiceApp& app) { app.token_life = 8s; });
  bench.start();
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 8; ++i) {
      bench.world.issue(org, 5);
      bench.pass(500ms);
    }
    if (round == 1 || round == 3) with_oauth(bench, org, [](TokenEndpoint& oauth) { oauth.forget_nonces(); });
    if (round == 2) {
      // A token that is fresh: one about to be renewed might never be used again.
      const std::size_t before = granted(bench, org);
      REQUIRE(bench.wait([&] { return granted(bench, org) > before; }));
      with_oauth(bench, org, [](TokenEndpoint& oauth) { oauth.revoke_tokens(); });
    }
  }
  REQUIRE(bench.all_arrive());
  CHECK(answered(bench, org, 401) == 1);
  CHECK(answered(bench, org, 400) == 0);
  CHECK(granted(bench, org) >= 4);
  CHECK(granted(bench, org) <= 8);  // In 24 seconds, and one for the revocation.
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  well_behaved(bench, org);
}

TEST_CASE("oauth: while the token endpoint is down a live token is used, and without one it is tried again") {
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  bench.world.issue_past(org, 10, 24h);
  const auto down = [&](bool is_down) {
    bench.world.with_org(org, [&](model::OktaOrg& okta) {
      if (is_down) okta.inject_token(fault::okta_unavailable());
      if (!is_down) okta.clear_token_faults();
    });
  };
  const bool at_start = GENERATE(true, false);
  if (at_start) {
    down(true);
    bench.start();
    REQUIRE(bench.wait([&] { return token_requests(bench, org) >= 3; }));
    CHECK(bench.requests(org) == 0);
    CHECK(bench.says("token endpoint is unavailable (503"));
    down(false);
  } else {
    change_app(bench, org, [](ServiceApp& app) { app.token_life = 40s; });
    bench.start();
    REQUIRE(bench.all_arrive());
    down(true);
    REQUIRE(bench.wait([&] { return token_requests(bench, org) >= 4; }));
    bench.world.issue(org, 10);
    REQUIRE(bench.all_arrive());  // With the one it has.
    CHECK(granted(bench, org) == 1 + (token_requests(bench, org) - 2));
  }
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("oauth: a clock that is far off is learned from Okta's first answer") {
  const Duration skew = GENERATE(values<Duration>({15min, -15min, 3h}));
  Bench bench;
  sandbox::OrgSpec spec{.service_app = true};
  spec.settings.clock_skew = skew;
  const std::size_t org = bench.add_org(spec);
  bench.add_listener();
  bench.world.issue_past(org, 100, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(token_requests(bench, org) <= 3);
  CHECK(answered(bench, org, 400) == 0);
  CHECK(answered(bench, org, 401) == 0);
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  well_behaved(bench, org);
}

// ---- What the System Log says of the credential

TEST_CASE("oauth: a complaint about a proof or a token never moves the place") {
  struct Case {
    int status;
    const char* error;
    const char* text;
    std::size_t mints;
  };
  const auto each = GENERATE(values<Case>({
      {400, "invalid_dpop_proof", "The DPoP proof JWT has already been used.", 1},
      {400, "invalid_dpop_proof", "The DPoP proof JWT is issued in the future.", 1},
      {401, "invalid_token", "The access token is invalid.", 2},
      {400, "invalid_request", "The resource request requires a DPoP proof.", 2},
  }));
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  bench.world.issue_past(org, 2500, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  bench.inject(org, fault::okta_challenge(each.status, each.error, each.text), 1);
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  CHECK(granted(bench, org) == each.mints);
  CHECK(bench.stop() == 0);
  CHECK_FALSE(bench.daemon().log().contains("reading again from"));
  CHECK(bench.proven_once());
}

TEST_CASE("oauth: an objection to the proof that lasts is said with its cure, and never moves the place") {
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  bench.world.issue_past(org, 2500, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  bench.inject(org, fault::okta_challenge(400, "invalid_dpop_proof", "The DPoP proof JWT is invalid."),
               model::always);
  bench.world.issue(org, 10);
  REQUIRE(bench.says("ERROR"));
  CHECK(bench.says("Okta refuses a fresh access token of the service app (400 invalid_dpop_proof"));
  CHECK(bench.says("check that no proxy changes the DPoP header"));
  bench.world.with_org(org, [](model::OktaOrg& okta) { okta.clear_faults(); });
  bench.daemon().signal(SIGHUP);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  for (const char* moved : {"reading again from", "its own next link", "refuses the query"})
    CHECK_FALSE(bench.daemon().log().contains(moved));
  CHECK(bench.proven_once());
}

TEST_CASE("oauth: a request that libcurl sends again over a new connection has its own proof") {
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  bench.world.issue_past(org, 10, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  for (int i = 0; i < 5; ++i) {
    const std::size_t asked = bench.requests(org);
    bench.inject(org, fault::Cut{.bytes = 0}, 1);  // Read and closed, as an idle connection is.
    REQUIRE(bench.wait([&] { return bench.requests(org) >= asked + 3; }));
  }
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  CHECK(answered(bench, org, 400) == 0);
  CHECK(granted(bench, org) == 1);
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  well_behaved(bench, org);
}

TEST_CASE("oauth: the error names what is wrong with the app and its cure, and the cure is picked up") {
  struct Case {
    std::function<void(ServiceApp&)> breaks;
    const char* says;
  };
  const auto index = GENERATE(0, 1, 2, 3);
  const Case cases[] = {
      {[](ServiceApp& app) { app.scope_granted = false; }, "okta.logs.read on its Okta API Scopes tab"},
      {[](ServiceApp& app) { app.has_role = false; }, "Report Administrator"},
      {[](ServiceApp& app) { app.by_key = false; }, "Public key / Private key"},
      {[](ServiceApp& app) { app.zoned = true; }, "network zone"},
  };
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  bench.world.issue_past(org, 10, 24h);
  change_app(bench, org, cases[index].breaks);
  bench.start();
  REQUIRE(bench.says(cases[index].says));
  CHECK(bench.lines() == 0);
  const test::KeyPair pair = bench.world.app_key(org);
  change_app(bench, org, [&](ServiceApp& app) {
    app = {.client_id = World::client_id(org), .keys = {{.id = "key1", .jwk = pair.public_jwk()}}};
  });
  bench.daemon().signal(SIGHUP);
  REQUIRE(bench.all_arrive(50s));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("oauth: a key that Okta does not know, and the file with the right one in its place") {
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  bench.world.issue_past(org, 10, 24h);
  write_file(bench.path("acme.pem"), test::KeyPair::rsa().pkcs8());
  bench.write_tenants(head + entry(bench, org, "okta_private_key_file: acme.pem"));
  bench.start();
  REQUIRE(bench.says("is not in the app: add it"));
  CHECK(bench.says("the private key in " + bench.path("acme.pem")));
  CHECK(token_requests(bench, org) == 1);
  write_file(bench.path("acme.pem"), bench.world.app_key(org).traditional());
  REQUIRE(bench.all_arrive(50s));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("oauth: a private key that cannot work ends the start with what to do, before anything is sent") {
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  write_file(bench.path("acme.pem"), bench.world.app_key(org).public_pem());
  bench.write_tenants(head + entry(bench, org, "okta_private_key_file: acme.pem"));
  bench.start();
  CHECK(bench.daemon().wait_exit(patience) == 78);
  CHECK(bench.says("public half"));
  CHECK(token_requests(bench, org) == 0);
}

// ---- Moving over

TEST_CASE("oauth: from an API key to a service app and back, without a gap or a repeat") {
  const bool key_first = GENERATE(true, false);
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.world.add_service_app(org);
  bench.add_secret(bench.world.app_key(org).number("priv"));
  bench.add_listener();
  bench.world.issue_past(org, 1500, 24h);
  const std::string by_key = "  - {okta_domain: \"" + bench.world.org_domain(org) +
                             "\", okta_api_key: " + bench.world.org_key(org) + "}\n";
  const std::string by_app = entry(bench, org, "okta_private_key: '" + bench.world.app_key(org).jwk() + "'");
  const auto write = [&](const std::string& entries) {
    bench.write_tenants(head + entries);
    bench.daemon().signal(SIGHUP);
  };
  const auto asked_by = [&](const std::string& key) {
    return bench.world.with_org(org, [&](model::OktaOrg& okta) {
      return std::ranges::count(okta.records(), key, &model::RequestRecord::key);
    });
  };
  bench.write_tenants(head + (key_first ? by_key : by_app));
  bench.start();
  REQUIRE(bench.all_arrive());
  write(key_first ? by_key + by_app : by_app + by_key);
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  // The one that is in use fails; the other takes over.
  if (key_first) {
    bench.world.with_org(
        org, [&](model::OktaOrg& okta) { okta.set_key(bench.world.org_key(org), model::KeyState::revoked); });
  } else {
    change_app(bench, org, [](ServiceApp& app) { app.by_key = false; });
    with_oauth(bench, org, [](TokenEndpoint& oauth) { oauth.revoke_tokens(); });
  }
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  const std::string other = key_first ? World::client_id(org) : bench.world.org_key(org);
  REQUIRE(bench.wait([&] { return asked_by(other) >= 2; }));
  write(key_first ? by_app : by_key);
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  well_behaved(bench, org);
}

TEST_CASE("oauth: neither a redirect nor a link carries a token or a proof to another host") {
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  const PortId trap = bench.world.add_trap();
  const std::string elsewhere = "http://127.0.0.1:" + std::to_string(bench.world.port(trap));
  bench.world.issue_past(org, 10, 24h);
  bench.world.with_org(org, [&](model::OktaOrg& okta) {
    okta.inject_token(fault::Redirect{.url = elsewhere + "/oauth2/v1/token"}, 1);
  });
  bench.inject(org, fault::Redirect{.url = elsewhere + "/api/v1/logs"}, 1);
  bench.inject(org, fault::NextLink{.url = elsewhere + "/api/v1/logs?after=1"}, 1);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.world.trap_calls() == 0);
  CHECK(bench.stop() == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
