// The command `check`: each fault is named with its cure, and nobody else notices.
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

Checked check(const Bench& bench, const Run& run = {}) {
  Words words = {"check"};
  for (const std::string& flag : bench.flags_of(run)) words.push_back(flag);
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
  CHECK(checked.says(name(eaten), {"rate limit: ", "96 are spent by others", "let them ask less"}));
  CHECK(checked.says(name(expired), {"tls: ", "has expired", "must renew"}));
  CHECK(checked.says(name(stranger), {"tls: ", "Nobody's CA", "--ca-file"}));
  CHECK(checked.says(name(wrong_name), {"tls: ", "another name", "somebody-else.example"}));
  CHECK(checked.says(name(blocked), {"connection: ", "Connection refused", "firewall"}));
  CHECK(checked.says(name(skewed), {"clock: ", "ahead of Okta's", "NTP"}));
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
  CHECK(elsewhere.says("listener", {"region: ", "listener-eu.logz.io takes it", "LOGZIO_LISTENER_HOST"}));
  CHECK(bench.lines(home) == 0);

  bench.world.refuse(proxy, true);
  const Checked no_proxy = check(bench, run);
  INFO(no_proxy.text);
  CHECK(no_proxy.code == 69);
  CHECK(no_proxy.says("acme.okta.com", {"proxy: ", "Connection refused", "HTTPS_PROXY", "NO_PROXY"}));
  CHECK(no_proxy.says("listener", {"proxy: ", "Connection refused"}));
}

TEST_CASE("check: with accounts of their own each is asked, and a wrong token is told with its tenant") {
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
  CHECK(checked.text.contains("LOGZIO_TOKEN and LOGZIO_LISTENER_HOST"));
  CHECK(bench.accepted(0) == 1);
  CHECK(bench.accepted(own) == 2);  // Two accounts, of which one has two tenants.

  // Each has its own, so that there is nothing to be said for all of them.
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

TEST_CASE("check: every problem of the configuration is told at once, and what can be asked is asked") {
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

TEST_CASE("check: a state directory that cannot be used is 74, a file for everybody's eyes a warning") {
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

}  // namespace
}  // namespace logzio_okta::e2e
