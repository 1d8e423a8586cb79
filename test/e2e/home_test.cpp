// Credentials and events stay at home: with their own org, with Logz.io, over verified TLS.
#include <algorithm>
#include <array>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

using sandbox::Trust;

TEST_CASE("home: a next link that leaves the org is never followed, and the events go on arriving") {
  Bench bench;
  bench.add_listener();
  const std::string trap = "127.0.0.1:" + std::to_string(bench.world.port(bench.world.add_trap()));
  const std::string path = "/api/v1/logs?since=2026-01-01T00%3A00%3A00Z&after=1";
  const auto hostile_links = [&](const std::string& domain) {
    const std::string own = domain.substr(domain.find("://") + 3);
    return Words{
        "http://" + trap + path,
        "https://" + trap + path,
        "//" + trap + path,
        "http://" + own + "@" + trap + path,
        "http://" + own + "\\@" + trap + path,
        "http://" + own + "%40" + trap + path,
        "http://" + own + "\t@" + trap + path,
        domain + "/../" + "@" + trap + path,
        "http:" + trap + path,
        "ftp://" + trap + path,
        "http://localhost:" + trap.substr(trap.find(':') + 1) + path,
        domain + "/api/v1/users?after=1",
        domain + "/oauth2/v1/authorize?redirect_uri=http://" + trap,
    };
  };
  const std::size_t kinds = hostile_links("http://x").size();
  for (std::size_t i = 0; i < kinds; ++i) {
    const std::size_t org = bench.add_org();
    bench.inject(org, fault::NextLink{hostile_links(bench.world.org_domain(org)).at(i)}, 2);
    bench.world.issue_past(org, 20, 24h);
  }
  bench.start();
  REQUIRE(bench.all_arrive());
  // After the hostile pages the same place is requested again, and the stream continues from there.
  for (std::size_t org = 0; org < kinds; ++org) {
    REQUIRE(bench.wait([&] { return bench.requests(org) >= 4; }));
    bench.world.issue(org, 1);
  }
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  CHECK(bench.world.trap_calls() == 0);
  CHECK(bench.daemon().log().contains("leaves the org"));
  for (std::size_t org = 0; org < kinds; ++org) {
    bench.world.with_org(org, [](model::OktaOrg& okta) {
      for (const model::RequestRecord& record : okta.records())
        CHECK(record.target.starts_with("/api/v1/logs?"));
    });
  }
}

TEST_CASE("home: redirects are not followed, neither Okta's nor the listener's") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  const std::string trap =
      "http://127.0.0.1:" + std::to_string(bench.world.port(bench.world.add_trap())) + "/";
  bench.inject(org, fault::Redirect{trap + "api/v1/logs"}, 2);
  const int status = GENERATE(302, 307, 308);
  bench.inject_listener(fault::Status{.status = status, .body = {}, .headers = {{"Location", trap}}}, 2);
  bench.world.issue_past(org, 20, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  CHECK(bench.world.trap_calls() == 0);
}

TEST_CASE("home: an org with a certificate that cannot be trusted gets no request") {
  const Trust trust = GENERATE(Trust::wrong_name, Trust::stranger, Trust::expired);
  Bench bench;
  const std::size_t org = bench.add_org({.tls = true, .trust = trust});
  const std::size_t good = bench.add_org({.tls = true});
  bench.add_listener();
  bench.world.issue_past(org, 20, 24h);
  bench.world.issue_past(good, 20, 24h);
  bench.start();
  REQUIRE(bench.says("ERROR [" + bench.world.org_name(org) + "] the certificate of"));
  REQUIRE(bench.wait([&] { return bench.lines() == 20; }));
  CHECK(bench.world.accepted(bench.world.org_port(org)) > 0);
  CHECK(bench.requests(org) == 0);

  bench.world.set_trust(bench.world.org_port(org), Trust::good);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("home: a listener with a certificate that cannot be trusted gets neither token nor event") {
  const Trust trust = GENERATE(Trust::wrong_name, Trust::stranger, Trust::expired);
  const Protocol protocol = GENERATE(Protocol::https_bulk, Protocol::tls_lines);
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener({.protocol = protocol, .trust = trust});
  bench.world.issue_past(org, 20, 24h);
  bench.start();
  REQUIRE(bench.says("ERROR Logz.io at"));
  CHECK(bench.accepted() > 0);
  bench.world.with_listener(0, [](model::Listener& logz) {
    for (const model::BulkRecord& record : logz.records()) CHECK(record.wire_bytes == 0);
    CHECK(logz.counts().token_refused == 0);
  });

  bench.world.set_trust(bench.world.listener_port(0), Trust::good);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("home: an authority that the system does not know is trusted only when it is named") {
  Bench bench;
  const std::size_t org = bench.add_org({.tls = true});
  bench.add_listener();
  bench.world.issue_past(org, 20, 24h);
  bench.write_tenants();
  Words flags = bench.flags_of({});
  const auto ca_flag = std::ranges::find(flags, "--ca-file");
  flags.erase(ca_flag, ca_flag + 2);

  bench.start_process({.args = flags, .env = bench.environment_of({})});
  REQUIRE(bench.says("give its certificate with --ca-file"));
  CHECK(bench.requests(org) == 0);
  CHECK(bench.stop() == 0);

  bench.start_process(
      {.args = flags,
       .env = bench.environment_of({.env = {{"LOGZIO_OKTA_CA_FILE", bench.world.ca_file()}}})});
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

// Behind a proxy.

struct BehindProxy : Bench {
  const std::string password = "p@ss:word/with%signs";
  std::size_t org = add_org({.host = "acme.okta.com"});
  PortId proxy = world.add_proxy({.user = "mallory", .password = password});

  BehindProxy() {
    add_secret(password);
    add_secret("p%40ss%3Aword%2Fwith%25signs");
    add_secret("bWFsbG9yeTpwQHNzOndvcmQvd2l0aCVzaWducw");  // Both, as basic authentication has them.
    world.issue_past(org, 2500, 24h);
  }

  [[nodiscard]] std::string proxy_url(
      const std::string& login = "mallory:p%40ss%3Aword%2Fwith%25signs@") const {
    return "http://" + login + "127.0.0.1:" + std::to_string(world.port(proxy));
  }
};

TEST_CASE_METHOD(BehindProxy, "home: behind a CONNECT proxy with its own CA unchanged domains work") {
  const Protocol protocol = GENERATE(Protocol::https_bulk, Protocol::tls_lines);
  add_listener({.protocol = protocol, .host = "listener.logz.io"});
  const char* variable = GENERATE("HTTPS_PROXY", "https_proxy");
  start({.env = {{variable, proxy_url()}}});
  REQUIRE(all_arrive());
  CHECK(stop() == 0);
  CHECK(proven_once());
  CHECK(world.tunnels_refused() == 0);
  const std::string listener_port = protocol == Protocol::https_bulk ? "8071" : "5052";
  for (const std::string& tunnel : world.tunnels()) {
    const bool known = tunnel == "acme.okta.com:443" || tunnel == "listener.logz.io:" + listener_port;
    CHECK(known);
  }
}

TEST_CASE_METHOD(BehindProxy, "home: a proxy that needs another password is named, and nothing is lost") {
  add_listener({.host = "listener.logz.io"});
  start({.env = {{"HTTPS_PROXY", proxy_url("mallory:wrong@")}}});
  REQUIRE(says("proxy"));
  REQUIRE(wait([&] { return world.tunnels_refused() > 0; }));
  CHECK(requests(org) == 0);
  CHECK(stop() == 0);
  start({.env = {{"HTTPS_PROXY", proxy_url()}}});
  REQUIRE(all_arrive());
  CHECK(proven_once());
}

TEST_CASE_METHOD(BehindProxy, "home: NO_PROXY and loopback addresses keep the proxy out") {
  const std::size_t near = add_org({.tls = true});
  add_listener();
  world.issue(near, 20);
  write_tenants("tenants_credentials:\n  - okta_api_key: " + world.org_key(near) +
                "\n    okta_domain: " + world.org_domain(near) + "\n");
  start({.env = {{"HTTPS_PROXY", proxy_url()}, {"NO_PROXY", "localhost,127.0.0.1"}}});
  REQUIRE(wait([&] { return lines() == 20; }));
  CHECK(stop() == 0);
  CHECK(world.tunnels().empty());
}

TEST_CASE_METHOD(BehindProxy, "home: no credential is in the command line, on the admin pages or in a log") {
  add_listener({.host = "listener.logz.io"});
  // Everything that makes it log: answers that echo the request, and every kind of failure.
  const auto org_with = [&](const model::OktaFault& trouble) { inject(add_org({.tls = true}), trouble); };
  org_with(fault::okta_unauthorized());
  org_with(fault::okta_forbidden());
  org_with(fault::okta_timeout());
  org_with(fault::bad_gateway());
  org_with(fault::Cut{.bytes = 100});
  org_with(fault::Redirect{"https://elsewhere.example/?token=" + world.token()});
  org_with(fault::NextLink{"https://elsewhere.example/?token=" + world.token()});
  const std::size_t echoing = add_org({.tls = true});
  const std::string key = world.org_key(echoing);
  inject(echoing, fault::okta_error(400, "E0000001", "Invalid header Authorization: SSWS " + key));
  inject_listener(fault::Status{.status = 500,
                                .body = "<p>https://listener.logz.io:8071/?token=" + world.token() +
                                        " cannot be reached through http://mallory@proxy</p>",
                                .headers = {}},
                  2);
  add_org({.host = "unknown.okta.com"});
  const std::uint16_t port = free_port();
  start({.admin = "127.0.0.1:" + std::to_string(port),
         .flags = {"--log-format", GENERATE("text", "json")},
         .env = {{"HTTPS_PROXY", proxy_url()}}});
  REQUIRE(wait([&] { return lines() == 2500; }));
  for (std::size_t each = 0; each < world.orgs(); ++each) {
    REQUIRE(wait([&] { return requests(each) > 0; }));
    REQUIRE(says(world.org_name(each)));
  }
  REQUIRE(says("E0000001"));
  std::string seen = read_whole("/proc/" + std::to_string(daemon().pid()) + "/cmdline");
  REQUIRE(seen.contains("--listener"));
  for (const char* page : {"/", "/healthz", "/readyz", "/metrics", "/status"}) {
    const HttpReply reply = http_get(port, page);
    CHECK(reply.status != 0);
    seen += reply.body;
  }
  REQUIRE(seen.contains(world.org_name(echoing)));
  for (const std::string& secret : secrets()) {
    const bool leaked = seen.contains(secret);
    CAPTURE(secret);
    CHECK_FALSE(leaked);
  }
  CHECK(stop() == 0);
}

TEST_CASE("home: the program leaves no core dump in which keys could be found") {
  Bench bench;
  bench.add_org();
  bench.add_listener();
  bench.start();
  REQUIRE(bench.wait([&] { return bench.requests(0) > 0; }));
  const std::string limits = read_whole("/proc/" + std::to_string(bench.daemon().pid()) + "/limits");
  CHECK(limits.contains("Max core file size        0                    0"));
}

TEST_CASE("home: the content of the state directory is only for its owner") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_special(org, model::Special::bad_utf8);
  bench.world.issue(org, 10);
  bench.start();
  REQUIRE(bench.all_arrive());
  using std::filesystem::perms;
  const perms others = perms::group_all | perms::others_all;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(bench.state_dir())) {
    CAPTURE(entry.path());
    CHECK((entry.status().permissions() & others) == perms::none);
    ++files;
  }
  CHECK(files >= 2);
  CHECK((std::filesystem::status(bench.state_dir()).permissions() & others) == perms::none);
}

}  // namespace
}  // namespace logzio_okta::e2e
