// Doors: what the surrounding system, or anyone who controls its environment or its state, gets out of the
// daemon.
#include <csignal>

#include <unistd.h>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

std::string proc(const sandbox::Daemon& daemon, std::string_view file) {
  return read_whole("/proc/" + std::to_string(daemon.pid()) + "/" + std::string(file));
}

}  // namespace

TEST_CASE_METHOD(Bench, "doors: no credential is left in the environment that others can look at") {
  const std::size_t org = add_org();
  add_listener();
  world.issue_past(org, 10, 1h);
  write_tenants("tenants_credentials:\n  - okta_api_key: ${ACME}\n    okta_domain: " + world.org_domain(org) +
                "\n");
  const std::string password = "hunter2hunter2";
  add_secret(password);
  start({.env = {{"ACME", world.org_key(org)},
                 {"HTTPS_PROXY", "http://me:" + password + "@proxy.example.com:1"}}});
  REQUIRE(all_arrive());
  const std::string left = proc(daemon(), "environ");
  CHECK(left.contains("LOGZIO_TOKEN="));
  for (const std::string& secret : secrets()) CHECK_FALSE(left.contains(secret));
  daemon().signal(SIGHUP);  // It is not needed there to be read again.
  CHECK(says(": 1 entry"));
  CHECK(stop() == 0);
}

TEST_CASE_METHOD(Bench,
                 "doors: the environment cannot have keys of connections written down, nor code loaded") {
  const std::size_t org = add_org({.tls = true});
  add_listener();
  world.issue_past(org, 10, 1h);
  write_file(path("openssl.cnf"), "openssl_conf = nonsense\n[nonsense]\nssl_conf = nothing\n");
  start({.env = {{"SSLKEYLOGFILE", path("keys")}, {"OPENSSL_CONF", path("openssl.cnf")}}});
  REQUIRE(all_arrive());
  CHECK_FALSE(std::filesystem::exists(path("keys")));
  CHECK(says("SSLKEYLOGFILE is set and ignored"));
  CHECK(says("OPENSSL_CONF is set and ignored"));
  CHECK(stop() == 0);
}

TEST_CASE_METHOD(Bench, "doors: another source of the system's certificates is logged") {
  add_org();
  add_listener();
  write_file(path("certificates.pem"), "");
  start({.env = {{"SSL_CERT_FILE", path("certificates.pem")}}});
  CHECK(says("SSL_CERT_FILE is set: the system's certificates are read from " + path("certificates.pem")));
  CHECK(stop() == 0);
}

TEST_CASE_METHOD(Bench, "doors: a credential in the wrong place is not repeated, wherever that is") {
  const std::size_t org = add_org();
  add_listener();
  write_tenants();
  for (const std::string& secret : {world.org_key(org), world.token()}) {
    for (const char* const variable : {"LOG_LEVEL",
                                       "LOGZIO_OKTA_LOG_FORMAT",
                                       "LOGZIO_OKTA_SINCE",
                                       "LOGZIO_OKTA_POLL_INTERVAL",
                                       "LOGZIO_OKTA_RATE_SHARE",
                                       "LOGZIO_OKTA_ADMIN",
                                       "LOGZIO_OKTA_HOOKS",
                                       "LOGZIO_OKTA_HOOKS_CERT",
                                       "LOGZIO_OKTA_HOOKS_SECRETS",
                                       "LOGZIO_OKTA_HOOKS_ORGS",
                                       "LOGZIO_OKTA_USER",
                                       "LOGZIO_OKTA_CA_FILE",
                                       "LOGZIO_TOKEN_FILE",
                                       "LOGZIO_OKTA_TENANTS",
                                       "LOGZIO_OKTA_TENANTS_YAML",
                                       "LOGZIO_REGION",
                                       "ENV_ID",
                                       "LOGZIO_LISTENER_HOST",
                                       "LOGZIO_OKTA_STATE_DIR",
                                       "OKTA_DOMAIN",
                                       "OKTA_TENANT",
                                       "HTTPS_PROXY",
                                       "SSL_CERT_FILE"}) {
      CAPTURE(variable);
      Variables env = environment_of({});
      std::erase_if(env, [&](const auto& each) { return each.first == variable; });
      // A directory of that name would be made.
      env.emplace_back(variable,
                       std::string(variable) == "LOGZIO_OKTA_STATE_DIR" ? "/proc/" + secret : secret);
      env.emplace_back("OKTA_API_KEY", "00notTheOneThatIsMisplaced0123456789012345");
      env.emplace_back("XDG_STATE_HOME", path("home"));
      for (const Words& words : {Words{"check"}, Words{"run", "--once"}}) {
        Daemon daemon({.binary = binary(), .args = words, .env = env});
        REQUIRE(daemon.wait_exit(30s));
        CHECK_FALSE((daemon.log() + daemon.out()).contains(secret));
      }
    }
  }
}

TEST_CASE_METHOD(Bench,
                 "doors: the process that asks Okta is not root, although root had to read its files") {
  if (::geteuid() != 0) {
    WARN("not tried: only root can become somebody else");
    return;
  }
  const std::size_t org = add_org();
  add_listener();
  write_tenants();  // 0600, of root.
  std::size_t asked = 0;
  for (const Words& words : {Words{"check"}, Words{"events"}}) {
    CAPTURE(words[0]);
    inject(org, fault::hang());
    Words args = words;
    args.insert(args.end(), {"--tenants", tenants_file(), "--user", "12345:12346"});
    Variables env = environment_of({});
    env.emplace_back("LOGZIO_LISTENER_HOST", world.listener_address(0));
    Daemon asking({.binary = binary(), .args = args, .env = env});
    REQUIRE(wait([&] { return requests(org) > asked; }));
    asked = requests(org);
    const std::string status = proc(asking, "status");
    CHECK_THAT(status, Catch::Matchers::Contains("Uid:\t12345\t12345\t12345\t12345\n"));
    CHECK_THAT(status, Catch::Matchers::Contains("CapPrm:\t0000000000000000\n"));
  }
}

TEST_CASE_METHOD(Bench, "doors: a link that somebody has written into the state takes no key anywhere") {
  const std::size_t org = add_org();
  add_listener();
  world.issue_past(org, 20, 24h);
  start();
  REQUIRE(all_arrive());
  REQUIRE(stop() == 0);
  const std::string trap = "127.0.0.1:" + std::to_string(world.port(world.add_trap()));
  for (const std::string& link : {"http://" + trap + "/api/v1/logs", "@" + trap + "/api/v1/logs",
                                  std::string("/api/v1/users?limit=1")}) {
    CAPTURE(link);
    (void)query_state("UPDATE stream SET next = '" + link + "' RETURNING key");
    world.issue(org, 1);
    start();
    CHECK(says("saved in the state leaves the org"));
    REQUIRE(all_arrive());
    REQUIRE(stop() == 0);
  }
  CHECK(world.trap_calls() == 0);
  world.with_org(org, [](model::OktaOrg& okta) {
    for (const model::RequestRecord& record : okta.records())
      CHECK(record.target.starts_with("/api/v1/logs?"));
  });
  CHECK(proven());
}

TEST_CASE_METHOD(Bench, "doors: an intruder in the running daemon could start nothing and write nowhere") {
  if (!measurable()) return;  // A sanitizer has to be loaded before anything else.
  const std::size_t org = add_org();
  add_listener();
  world.issue_past(org, 10, 1h);
  start({.env = {{"LD_PRELOAD", LOGZIO_OKTA_BURGLAR}, {"BURGLAR_FILE", path("loot")}}});
  REQUIRE(all_arrive());
  if (!daemon().wait_log("from now on starts no program", 1s) ||
      !daemon().wait_log("from now on writes files in", 1s)) {
    WARN("not tried: this kernel has no Landlock or no seccomp");
    return;
  }
  CHECK(proc(daemon(), "status").contains("Seccomp:\t2\n"));
  daemon().signal(SIGUSR2);
  CHECK(says("burglar: exec refused, fork refused, write refused, thread done"));
  CHECK_FALSE(std::filesystem::exists(path("loot")));
  world.issue(org, 10);
  REQUIRE(all_arrive());
  CHECK(stop() == 0);
  CHECK(proven_once());
}

}  // namespace logzio_okta::e2e
