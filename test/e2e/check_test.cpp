// The command `check`: each fault is named with its cure, and nothing else is disturbed.
#include <algorithm>
#include <csignal>
#include <iterator>

#include <sys/stat.h>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

struct Checked {
  std::optional<int> code;
  std::string text;

  /// Whether a line about this subject says all of these.
  [[nodiscard]] bool says(std::string_view subject, const Words& parts) const {
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      const bool about = line.contains(std::string(subject) + ": ");
      if (about && std::ranges::all_of(parts, [&](const std::string& part) { return line.contains(part); })) {
        return true;
      }
      begin = end + 1;
    }
    return false;
  }
};

Checked check(const Bench& bench, const Run& run = {}, const std::optional<std::string>& ca_file = {}) {
  Words words = {"check"};
  for (const std::string& flag : bench.flags_of(run)) words.push_back(flag);
  if (ca_file) *std::next(std::ranges::find(words, "--ca-file")) = *ca_file;
  Daemon process({.binary = Bench::binary(), .args = words, .env = bench.environment_of(run)});
  const auto code = process.wait_exit(patience);
  Checked checked{code, process.out() + process.log()};
  for (const std::string& secret : bench.secrets()) CHECK_FALSE(checked.text.contains(secret));
  CHECK_FALSE(checked.text.contains(bench.world.token()));
  return checked;
}

TEST_CASE("check: with nothing wrong it says so, asks each key once, ships nothing and moves nothing") {
  Bench bench;
  const std::size_t acme = bench.add_org({.tls = true});
  const std::size_t quiet = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(acme, 20, 30min);
  bench.write_tenants();
  REQUIRE(::chmod(bench.tenants_file().c_str(), 0600) == 0);
  const Checked checked = check(bench);
  INFO(checked.text);
  CHECK(checked.code == 0);
  CHECK(checked.text.contains("nothing is wrong"));
  CHECK(checked.text.contains("localhost by Test CA"));
  CHECK(checked.text.contains("none in 7 d"));
  CHECK(bench.requests(acme) == 1);
  CHECK(bench.requests(quiet) == 1);
  CHECK(bench.lines() == 0);
  CHECK_FALSE(std::filesystem::exists(bench.state_dir()));
  bench.world.with_org(acme, [](auto& org) { CHECK(org.counts().misuses == 0); });

  const Checked json = check(bench, {.flags = {"--json"}});
  CHECK(json.code == 0);
  CHECK(json.text.starts_with("{\"at\":"));
  CHECK(json.text.contains(R"("findings":[])"));
}

TEST_CASE("check: beside the running daemon it works, and the daemon does not notice") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 50, 30min);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(check(bench).code == 0);
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("check: what is wrong with a tenant is named with what to do, and the others are fine") {
  Bench bench;
  const std::size_t fine = bench.add_org({.tls = true});
  const std::size_t wrong_key = bench.add_org({.tls = true});
  const std::size_t no_role = bench.add_org({.tls = true});
  const std::size_t eaten = bench.add_org({.settings = {.rate_limit = 100}});
  const std::size_t expired = bench.add_org({.tls = true, .trust = sandbox::Trust::expired});
  const std::size_t stranger = bench.add_org({.tls = true, .trust = sandbox::Trust::stranger});
  const std::size_t wrong_name = bench.add_org({.tls = true, .trust = sandbox::Trust::wrong_name});
  const std::size_t blocked = bench.add_org({.tls = true});
  const std::size_t skewed = bench.add_org({.settings = {.clock_skew = -5min}});
  const std::size_t a_year_on = bench.add_org({.settings = {.clock_skew = 24h * 365}});
  bench.add_listener();
  bench.world.with_org(
      wrong_key, [&](auto& org) { org.set_key(bench.world.org_key(wrong_key), model::KeyState::revoked); });
  bench.world.with_org(
      no_role, [&](auto& org) { org.set_key(bench.world.org_key(no_role), model::KeyState::forbidden); });
  bench.inject(eaten,
               fault::Status{.status = 200,
                             .body = "[]",
                             .headers = {{"X-Rate-Limit-Limit", "100"}, {"X-Rate-Limit-Remaining", "3"}}});
  bench.world.refuse(bench.world.org_port(blocked), true);
  bench.world.issue_past(skewed, 1, 1h);
  bench.write_tenants(bench.world.tenants_yaml() +
                      "  - okta_api_key: 00NobodyHasThisKeyAtAllNobodyHasThisKey00\n"
                      "    okta_domain: acme.nowhere.invalid\n");
  const Checked checked = check(bench);
  INFO(checked.text);
  CHECK(checked.code == 69);
  const auto name = [&](std::size_t org) { return bench.world.org_name(org); };
  CHECK_FALSE(checked.text.contains("FAIL  " + name(fine) + ":"));
  CHECK(checked.says(name(wrong_key), {"key: ", "401", "make a new one", bench.tenants_file() + ":"}));
  CHECK(checked.says(name(no_role), {"role: ", "403", "Report Administrator"}));
  CHECK(checked.says(name(eaten), {"rate limit: ", "96 are spent by clients other than this check",
                                   "reduce their requests"}));
  CHECK(checked.says(name(expired), {"tls: ", "has expired", "must renew"}));
  CHECK(checked.says(name(stranger), {"tls: ", "Nobody's CA", "--ca-file"}));
  CHECK(checked.says(name(wrong_name), {"tls: ", "another name", "somebody-else.example"}));
  CHECK(checked.says(name(blocked), {"connection: ", "Connection refused", "firewall"}));
  CHECK(checked.says(name(skewed), {"clock: ", "ahead of Okta's", "NTP"}));
  CHECK(checked.text.contains(" 1 h "));  // The newest event's age, by Okta's clock.
  CHECK_FALSE(checked.text.contains("1 h 5 min ago"));
  CHECK(checked.says(name(a_year_on), {"clock: ", "behind Okta's", "NTP"}));
  CHECK_FALSE(checked.text.contains("FAIL  " + name(a_year_on) + ":"));
  CHECK(bench.requests(a_year_on) == 2);  // The week by our clock, then by its own.
  CHECK(checked.says("acme.nowhere.invalid", {"dns: ", "could not resolve", "resolv.conf"}));
}

TEST_CASE("check: a token nobody knows is told from one of another region") {
  Bench bench;
  (void)bench.add_org({.host = "acme.okta.com"});
  bench.add_listener(
      {.host = "listener.logz.io", .settings = {.tokens = {"SomebodyElsesTokenSomebodyElses"}}});
  const PortId proxy = bench.world.add_proxy();
  bench.write_tenants();
  const Run run{.env = {{"HTTPS_PROXY", "http://127.0.0.1:" + std::to_string(bench.world.port(proxy))}}};
  const Checked wrong = check(bench, run);
  INFO(wrong.text);
  CHECK(wrong.code == 69);
  CHECK(wrong.says("listener", {"token: ", "401", "Manage tokens", "region"}));
  CHECK(wrong.text.contains("by Test CA"));

  const std::size_t home = bench.add_listener({.host = "listener-eu.logz.io"});
  const Checked elsewhere = check(bench, run);
  INFO(elsewhere.text);
  CHECK(elsewhere.code == 69);
  CHECK(elsewhere.says("listener",
                       {"region: ", "listener-eu.logz.io takes it", "set by LOGZIO_TOKEN and --listener"}));
  CHECK(bench.lines(home) == 0);

  bench.world.refuse(proxy, true);
  const Checked no_proxy = check(bench, run);
  INFO(no_proxy.text);
  CHECK(no_proxy.code == 69);
  CHECK(no_proxy.says("acme.okta.com", {"proxy: ", "Connection refused", "HTTPS_PROXY", "NO_PROXY"}));
  CHECK(no_proxy.says("listener", {"proxy: ", "Connection refused"}));
}

TEST_CASE("check: with separate accounts each is asked, and a wrong token is reported with its tenant") {
  Bench bench;
  const std::string bought(32, 'q');
  const std::string mistyped(32, 'z');
  bench.add_secret(bought);
  bench.add_secret(mistyped);
  for (int i = 0; i < 4; ++i) (void)bench.add_org();
  bench.add_listener();
  const std::size_t own = bench.add_listener({.settings = {.tokens = {bought}}});
  write_file(bench.path("account"), bought + "\n");
  const auto entry = [&](std::size_t org, const std::string& more) {
    return "  - okta_api_key: " + bench.world.org_key(org) +
           "\n    okta_domain: " + bench.world.org_domain(org) + "\n" + more;
  };
  const std::string listener = "    logzio_listener_host: " + bench.world.listener_address(own) + "\n";
  const std::string by_file = "    logzio_token_file: account\n" + listener;
  bench.write_tenants("tenants_credentials:\n" + entry(0, "") + entry(1, by_file) + entry(2, by_file) +
                      entry(3, "    logzio_token: " + mistyped + "\n" + listener));
  const Checked checked = check(bench);
  INFO(checked.text);
  CHECK(checked.code == 69);
  CHECK(checked.says("listener", {"token: ", "does not know the token (401)",
                                  "set by logzio_token and logzio_listener_host (for " +
                                      bench.world.org_name(3) + " in the tenants file)"}));
  CHECK(checked.text.contains("1 thing is wrong"));
  CHECK(checked.text.contains("LOGZIO_TOKEN and --listener "));
  CHECK(bench.accepted(0) == 1);
  CHECK(bench.accepted(own) == 2);  // Two accounts, of which one has two tenants.

  // Each has its own, so no default is needed.
  bench.write_tenants("tenants_credentials:\n" + entry(1, by_file) + entry(2, by_file));
  Words words = {"check"};
  for (const std::string& flag : bench.flags_of({})) words.push_back(flag);
  const auto at = std::ranges::find(words, "--listener");
  words.erase(at, at + 2);
  Daemon process({.binary = Bench::binary(), .args = words});
  CHECK(process.wait_exit(patience) == 0);
  INFO(process.out());
  CHECK(process.out().contains("nothing is wrong"));
  CHECK_FALSE(process.out().contains("LOGZIO_TOKEN"));
  CHECK(bench.accepted(0) == 1);
  CHECK(bench.lines(0) + bench.lines(own) == 0);
}

TEST_CASE("check: every problem of the configuration is reported at once, and what can be asked is asked") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.write_tenants(bench.world.tenants_yaml() +
                      "  - okta_api_key: 00NobodyHasThisKeyAtAllNobodyHasThisKey00\n"
                      "    okta_domain: acme-admin.okta.com\n"
                      "  - okta_api_key: SSWS 00NobodyHasThisKeyAtAllNobodyHasThisKey00\n"
                      "    okta_domain: globex.okta.com\n");
  const Checked checked =
      check(bench, {.flags = {"--since", "whenever"}, .env = {{"LOGZIO_TOKEN", "short"}}});
  INFO(checked.text);
  CHECK(checked.code == 78);
  CHECK(checked.says("configuration", {"LOGZIO_TOKEN", "32"}));
  CHECK(checked.says("configuration", {"--since", "whenever", "write for example"}));
  CHECK(checked.says("configuration", {bench.tenants_file() + ":", "acme.okta.com"}));
  CHECK(checked.says("configuration", {bench.tenants_file() + ":", "without \"SSWS\""}));
  CHECK(bench.requests(org) == 1);
}

TEST_CASE("check: a state directory that cannot be used is 74, a file that everybody can read a warning") {
  Bench bench;
  (void)bench.add_org();
  bench.add_listener();
  bench.write_tenants();
  REQUIRE(::chmod(bench.tenants_file().c_str(), 0644) == 0);
  const Checked readable = check(bench);
  INFO(readable.text);
  CHECK(readable.code == 0);
  CHECK(readable.says("configuration", {bench.tenants_file(), "every user", "chmod 600"}));

  write_file(bench.state_dir(), "not a directory");
  const Checked unwritable = check(bench);
  INFO(unwritable.text);
  CHECK(unwritable.code == 74);
  CHECK(unwritable.says("state", {bench.state_dir(), "is a file", "--state-dir"}));
}

TEST_CASE("check: offline it makes no connection, and still judges configuration, files and state") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.write_tenants();
  REQUIRE(::chmod(bench.tenants_file().c_str(), 0600) == 0);
  const std::uint16_t port = free_port();
  const Checked fine = check(bench, {.admin = "127.0.0.1:" + std::to_string(port), .flags = {"--offline"}});
  INFO(fine.text);
  CHECK(fine.code == 0);
  CHECK(fine.text.contains("state in " + bench.state_dir() + " (created at the first start)"));
  CHECK_FALSE(fine.text.contains("daemon"));
  write_file(bench.path("ca.pem"), "nothing");
  const Checked bad =
      check(bench, {.flags = {"--offline"}, .env = {{"LOGZIO_TOKEN", "short"}}}, bench.path("ca.pem"));
  INFO(bad.text);
  CHECK(bad.code == 78);
  CHECK(bad.says("configuration", {"LOGZIO_TOKEN", "32"}));
  CHECK(bad.says("configuration", {"ca.pem"}));
  CHECK(bench.world.accepted(bench.world.org_port(org)) + bench.accepted() == 0);
}

TEST_CASE("check: with --strict a warning is a failure") {
  Bench bench;
  (void)bench.add_org();
  bench.add_listener();
  bench.write_tenants();
  REQUIRE(::chmod(bench.tenants_file().c_str(), 0644) == 0);
  const Checked lenient = check(bench);
  CHECK(lenient.code == 0);
  CHECK(lenient.text.contains("nothing is wrong"));
  const Checked strict = check(bench, {.flags = {"--strict"}});
  INFO(strict.text);
  CHECK(strict.code == 69);
  CHECK(strict.text.contains("1 thing is wrong"));
  REQUIRE(::chmod(bench.tenants_file().c_str(), 0600) == 0);
  CHECK(check(bench, {.flags = {"--strict"}}).code == 0);
}

TEST_CASE("check: the running daemon is asked for its status, and retries a key that works again") {
  Bench bench;
  const std::size_t org = bench.add_org();
  const std::size_t other = bench.add_org();
  bench.add_listener();
  const auto set_key = [&](std::size_t whose, model::KeyState state) {
    bench.world.with_org(whose, [&](auto& okta) { okta.set_key(bench.world.org_key(whose), state); });
  };
  bench.world.issue(org, 3);
  const std::uint16_t port = free_port();
  const Run run{.admin = "127.0.0.1:" + std::to_string(port)};
  bench.start(run);
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return http_get(port, "/readyz/all").status == 200; }));
  const Checked fine = check(bench, run);
  INFO(fine.text);
  CHECK(fine.text.contains("daemon at " + run.admin + ": ready; running for"));
  CHECK(fine.text.contains("nothing set aside"));
  CHECK_FALSE(fine.text.contains("retries keys"));

  set_key(org, model::KeyState::revoked);
  set_key(other, model::KeyState::revoked);
  REQUIRE(bench.says("[" + bench.world.org_name(org) + "] Okta refuses the API key"));
  REQUIRE(bench.says("[" + bench.world.org_name(other) + "] Okta refuses the API key"));
  const Checked refused = check(bench, run);
  INFO(refused.text);
  CHECK(refused.says("daemon", {"the running daemon says: NOT READY", "logzio-okta status"}));
  CHECK_FALSE(refused.text.contains("retries keys"));
  bench.pass(3s);  // The daemon looks every two.
  CHECK_FALSE(bench.daemon().log().contains("tried again"));

  set_key(org, model::KeyState::good);
  bench.world.issue(org, 3);
  CHECK(check(bench, run).text.contains("it now retries keys that Okta has refused"));
  REQUIRE(bench.says("check has found a key that works: keys that Okta has refused are tried again"));
  REQUIRE(bench.all_arrive(50s));  // Before the minute after which it would have tried by itself.
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("check: a daemon that hangs with this state is noticed") {
  Bench bench;
  (void)bench.add_org();
  bench.add_listener();
  const Run run{.admin = "127.0.0.1:" + std::to_string(free_port())};
  bench.start(run);
  REQUIRE(bench.says("starts with the events since"));
  bench.daemon().signal(SIGSTOP);
  const Checked checked = check(bench, run);
  bench.daemon().signal(SIGCONT);
  CAPTURE(checked.text);
  CHECK(checked.says("daemon", {"the state is in use by process " + std::to_string(bench.daemon().pid()),
                                "no daemon answers at " + run.admin, "restart it"}));
  CHECK(bench.stop() == 0);
  CHECK_FALSE(check(bench, run).text.contains("in use"));
}

TEST_CASE("check: what is set aside is counted, and the state stays as it was") {
  Bench bench;
  const std::size_t org = bench.add_org();
  sandbox::ListenerSpec spec;
  spec.settings.body_bytes_max = 200'000;
  spec.settings.count_inflated = true;
  bench.add_listener(spec);
  const std::string large = R"({"uuid":"11111111-1111-4111-8111-111111111111","published":")" +
                            format_rfc3339(World::now()) + R"(","x":")" + std::string(300'000, 'x') + "\"}";
  bench.world.issue_bytes(org, large, model::Fate::set_aside);
  bench.start();
  REQUIRE(bench.says("is set aside"));
  CHECK(bench.stop() == 0);
  const Checked checked = check(bench);
  INFO(checked.text);
  CHECK(checked.text.contains("state in " + bench.state_dir() + ": owned by uid "));
  CHECK(checked.text.contains(", mode 0700, "));
  CHECK(checked.text.contains("; 1 event set aside ("));
  CHECK(checked.text.contains("WARN  state: 1 event could not be delivered; see why"));
  CHECK(checked.text.contains(" of 256 MiB; logzio-okta set-aside list shows them)"));
  CHECK(check(bench, {.flags = {"--json"}}).text.contains(R"("set_aside_events":1,)"));
  // It has left the state as it was: nothing is in doubt after it.
  bench.start();
  bench.world.issue(org, 3);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("check: a slow answer does not distort the others' clocks") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener({.protocol = Protocol::http_bulk});
  bench.write_tenants();
  std::string address = bench.world.listener_address(0);
  address.replace(0, address.find(':'), "https");
  Words words = {"check", "--json"};
  for (const std::string& flag : bench.flags_of({})) words.push_back(flag);
  *std::next(std::ranges::find(words, "--listener")) = address;
  Daemon process({.binary = Bench::binary(), .args = words, .env = bench.environment_of({})});
  CHECK(process.wait_exit(patience) == 69);
  INFO(process.out());
  CHECK(process.out().contains("within 10 s"));  // It waits for the rest of what it takes for a request.
  const std::string ahead = "\"clock_ahead_seconds\":";
  const std::size_t at = process.out().find(ahead);
  REQUIRE(at != std::string::npos);
  CHECK(std::stod(process.out().substr(at + ahead.size())) < 8);
  CHECK(bench.requests(org) == 1);
}

TEST_CASE("check: an admin address that another daemon has is reported") {
  Bench bench;
  (void)bench.add_org();
  bench.add_listener();
  const Run run{.admin = "127.0.0.1:" + std::to_string(free_port())};
  bench.start(run);
  REQUIRE(bench.says("starts with the events since"));
  const Run other{.admin = run.admin, .env = {{"LOGZIO_OKTA_STATE_DIR", bench.path("other")}}};
  Words words = {"check"};
  for (const std::string& flag : bench.flags_of(other)) words.push_back(flag);
  const auto at = std::ranges::find(words, "--state-dir");
  words.erase(at, at + 2);
  Daemon process({.binary = Bench::binary(), .args = words, .env = bench.environment_of(other)});
  CHECK(process.wait_exit(patience) == 0);
  INFO(process.out());
  CHECK(process.out().contains("WARN  admin: " + run.admin + " is in use by the daemon whose state is in " +
                               bench.state_dir()));
  CHECK(bench.stop() == 0);
}

TEST_CASE("check: a service app is asked again with a fresh proof or token, as by the daemon") {
  const auto [status, error, text] = GENERATE(values<std::tuple<int, const char*, const char*>>({
      {400, "invalid_dpop_proof", "The DPoP proof JWT has already been used."},
      {401, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof."},
      {401, "invalid_token", "The access token is invalid."},
  }));
  CAPTURE(error);
  const bool lasts = GENERATE(false, true);
  Bench bench;
  const std::size_t org = bench.add_org({.service_app = true});
  bench.add_listener();
  bench.write_tenants();
  bench.inject(org, model::fault::okta_challenge(status, error, text), lasts ? model::always : 1);
  const Checked checked = check(bench);
  CAPTURE(checked.text);
  CHECK(checked.code == (lasts ? 69 : 0));
  if (!lasts) return;
  CHECK(checked.text.contains("the System Log rejects it (" + std::to_string(status) + ": " + error));
  CHECK_FALSE(checked.text.contains("no System Log under this domain"));
}

TEST_CASE(
    "check: service apps that are refused after different numbers of attempts do not keep each other going") {
  Bench bench;
  const std::size_t quick = bench.add_org({.service_app = true});
  const std::size_t slow = bench.add_org({.service_app = true});
  bench.add_listener();
  bench.write_tenants();
  const auto lasts = [&](std::size_t org, const model::fault::Status& fault) {
    bench.inject(org, fault, model::always);
  };
  lasts(quick, model::fault::okta_challenge(401, "invalid_token", "The access token is invalid."));
  lasts(slow,
        model::fault::okta_challenge(400, "invalid_dpop_proof", "The DPoP proof JWT has already been used."));
  const Checked checked = check(bench);
  CAPTURE(checked.text);
  CHECK(checked.code == 69);
  for (const std::size_t org : {quick, slow})
    CHECK(checked.says(bench.world.org_name(org), {"the System Log rejects it"}));
}

}  // namespace
}  // namespace logzio_okta::e2e
