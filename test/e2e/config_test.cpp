// Bad settings: one line that says what to change, the right exit code, and no connection is made.
#include <algorithm>
#include <functional>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

constexpr int usage = 64;
constexpr int configuration = 78;

const std::string domain_of_org = "{domain}";
const std::string key_of_org = "{key}";
const std::string good_entry = "  - okta_api_key: {key}\n    okta_domain: {domain}\n";
const std::string head = "tenants_credentials:\n";

struct Mistake {
  std::string name;
  std::string tenants = head + good_entry;
  Words flags = {};  ///< Replacing the bench's own of that name, where there is one.
  Variables env = {};
  bool token = true;
  int exit_code = configuration;
  Words says = {};  ///< All of these are in the line.
};

const std::vector<Mistake>& mistakes() {
  static const std::vector<Mistake> all = {
      // Flags.
      {.name = "a misspelt flag", .flags = {"--listner", "x"}, .exit_code = usage, .says = {"--listener"}},
      {.name = "an unknown flag", .flags = {"--frobnicate"}, .exit_code = usage, .says = {"--frobnicate"}},
      {.name = "one dash", .flags = {"-once"}, .exit_code = usage, .says = {"--once"}},
      {.name = "a flag without its value", .flags = {"--since"}, .exit_code = usage, .says = {"--since"}},
      {.name = "a flag twice",
       .flags = {"--since", "1d", "--since", "2d"},
       .exit_code = usage,
       .says = {"--since", "twice"}},
      {.name = "an unknown command", .flags = {"rum"}, .exit_code = usage, .says = {"rum"}},
      {.name = "the token as a flag's value",
       .flags = {"--token", "abcdefghijklmnopqrstuvwxyzABCDEF"},
       .exit_code = usage,
       .says = {"LOGZIO_TOKEN"}},
      // Values.
      {.name = "a bad --since", .flags = {"--since", "yesterday"}, .says = {"yesterday", "7d"}},
      {.name = "a --since beyond 90 days", .flags = {"--since", "91d"}, .says = {"91d", "90"}},
      {.name = "a bad interval", .flags = {"--poll-interval", "fast"}, .says = {"--poll-interval", "fast"}},
      {.name = "a bad share", .flags = {"--rate-share", "150%"}, .says = {"--rate-share", "0.5"}},
      {.name = "a bad admin address", .flags = {"--admin", "9810"}, .says = {"--admin", "127.0.0.1:9810"}},
      {.name = "a bad level", .flags = {"--log-level", "loud"}, .says = {"--log-level", "debug"}},
      {.name = "a bad format",
       .env = {{"LOGZIO_OKTA_LOG_FORMAT", "xml"}},
       .says = {"LOGZIO_OKTA_LOG_FORMAT", "json"}},
      {.name = "a CA file that is none", .flags = {"--ca-file", "/dev/null"}, .says = {"/dev/null"}},
      {.name = "a CA file that is missing", .flags = {"--ca-file", "/no/such.pem"}, .says = {"/no/such.pem"}},
      {.name = "a bad proxy", .env = {{"HTTPS_PROXY", "ftp://proxy:1"}}, .says = {"HTTPS_PROXY"}},
      // The listener.
      {.name = "an empty listener", .flags = {"--listener", ""}, .exit_code = usage, .says = {"--listener"}},
      {.name = "lumberjack's port", .flags = {"--listener", "listener.logz.io:5006"}, .says = {"8071"}},
      {.name = "an unknown scheme", .flags = {"--listener", "udp://listener.logz.io"}, .says = {"https://"}},
      {.name = "an unknown port", .flags = {"--listener", "listener.logz.io:1234"}, .says = {"1234", "8071"}},
      {.name = "cleartext without the scheme",
       .flags = {"--listener", "listener.logz.io:8070"},
       .says = {"unencrypted", "8071"}},
      {.name = "the token in the listener's place",
       .flags = {"--listener", "abcdefghijklmnopqrstuvwxyzABCDEF"},
       .says = {"token"}},
      // The token.
      {.name = "no token", .token = false, .says = {"LOGZIO_TOKEN"}},
      {.name = "a short token",
       .env = {{"LOGZIO_TOKEN", "abc"}},
       .token = false,
       .says = {"LOGZIO_TOKEN", "32"}},
      {.name = "a placeholder",
       .env = {{"LOGZIO_TOKEN", "<<LOG-SHIPPING-TOKEN>>"}},
       .token = false,
       .says = {"placeholder"}},
      {.name = "a token file that is missing",
       .flags = {"--token-file", "/no/such/token"},
       .says = {"/no/such/token"}},
      // The tenants file.
      {.name = "no such tenants file", .flags = {"--tenants", "/no/such.yml"}, .says = {"/no/such.yml"}},
      {.name = "a directory, as docker makes them", .flags = {"--tenants", "/usr"}, .says = {"directory"}},
      {.name = "an empty file", .tenants = "", .says = {"tenants.yml:1:1"}},
      {.name = "no list", .tenants = "tenants_credentials:\n", .says = {"tenants.yml:", "no value"}},
      {.name = "a misspelt key",
       .tenants = head + "  - okta_api_key: {key}\n    okta_domian: {domain}\n",
       .says = {"tenants.yml:3:5", "okta_domain"}},
      {.name = "a misspelt top key",
       .tenants = "tenant_credentials:\n" + good_entry,
       .says = {"tenants.yml:1:1", "tenants_credentials"}},
      {.name = "a tab", .tenants = head + "\t- okta_api_key: {key}\n", .says = {"tenants.yml:2", "tab"}},
      {.name = "not YAML", .tenants = head + "  - {okta_api_key: [\n", .says = {"tenants.yml:"}},
      {.name = "no key",
       .tenants = head + "  - okta_domain: {domain}\n",
       .says = {"tenants.yml:2:5", "okta_api_key"}},
      {.name = "an empty key",
       .tenants = head + "  - okta_api_key: \"\"\n    okta_domain: {domain}\n",
       .says = {"tenants.yml:2:", "empty"}},
      {.name = "a key with its scheme",
       .tenants = head + "  - okta_api_key: SSWS {key}\n    okta_domain: {domain}\n",
       .says = {"tenants.yml:2:", "SSWS"}},
      {.name = "the two swapped",
       .tenants = head + "  - okta_api_key: {domain}\n    okta_domain: {key}\n",
       .says = {"tenants.yml:2:", "swapped"}},
      {.name = "the admin console's address",
       .tenants = head + "  - okta_api_key: {key}\n    okta_domain: acme-admin.okta.com\n",
       .says = {"tenants.yml:3:18", "use acme.okta.com"}},
      {.name = "an IP address",
       .tenants = head + "  - okta_api_key: {key}\n    okta_domain: 192.0.2.1\n",
       .says = {"tenants.yml:3:18", "IP address"}},
      {.name = "user info",
       .tenants = head + "  - okta_api_key: {key}\n    okta_domain: https://me:secret@acme.okta.com\n",
       .says = {"tenants.yml:3:18", "acme.okta.com"}},
      {.name = "cleartext beyond loopback",
       .tenants = head + "  - okta_api_key: {key}\n    okta_domain: http://acme.okta.com\n",
       .says = {"tenants.yml:3:18", "https://acme.okta.com"}},
      {.name = "51 tenants",
       .tenants =
           [] {
             std::string yaml = head;
             for (int i = 0; i < 51; ++i) {
               yaml += "  - okta_api_key: {key}\n    okta_domain: t" + std::to_string(i) + ".okta.com\n";
             }
             return yaml;
           }(),
       .says = {"tenants.yml:", "51", "50"}},
      {.name = "a second document", .tenants = head + good_entry + "---\n" + head, .says = {"tenants.yml:"}},
  };
  return all;
}

std::string filled_in(std::string text, const std::string& placeholder, const std::string& value) {
  for (std::size_t at = text.find(placeholder); at != std::string::npos; at = text.find(placeholder, at)) {
    text.replace(at, placeholder.size(), value);
  }
  return text;
}

/// The bench's flags without those that the mistake brings itself.
Words flags_with(Words flags, const Words& wrong) {
  if (!wrong.empty()) {
    const auto own = std::ranges::find(flags, wrong.front());
    if (own != flags.end()) flags.erase(own, own + 2);
  }
  flags.insert(flags.end(), wrong.begin(), wrong.end());
  return flags;
}

TEST_CASE(
    "config: every kind of mistake ends it with one line that says what to change, and nobody was spoken "
    "to") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.add_secret("me:secret");
  REQUIRE(mistakes().size() >= 40);
  for (const Mistake& mistake : mistakes()) {
    CAPTURE(mistake.name);
    bench.write_tenants(filled_in(filled_in(mistake.tenants, domain_of_org, bench.world.org_domain(org)),
                                  key_of_org, bench.world.org_key(org)));
    Variables env = mistake.env;
    if (mistake.token) env.emplace_back("LOGZIO_TOKEN", bench.world.token());
    bench.start_process({.args = flags_with(bench.flags_of({}), mistake.flags), .env = env});
    CHECK(bench.daemon().wait_exit(patience) == mistake.exit_code);
    const std::string log = bench.daemon().log();
    CAPTURE(log);
    CHECK(std::ranges::count(log, '\n') == 1);
    CHECK(bench.daemon().out().empty());
    for (const std::string& words : mistake.says) {
      CAPTURE(words);
      CHECK(log.contains(words));
    }
    CHECK_FALSE(log.contains("abcdefghijklmnopqrstuvwxyzABCDEF"));
    CHECK_FALSE(std::filesystem::exists(bench.state_dir()));
  }
  CHECK(bench.world.accepted(bench.world.org_port(org)) == 0);
  CHECK(bench.accepted() == 0);
}

TEST_CASE("config: the same settings without a mistake work") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue(org, 1);
  bench.write_tenants(filled_in(filled_in(head + good_entry, domain_of_org, bench.world.org_domain(org)),
                                key_of_org, bench.world.org_key(org)));
  CHECK(bench.run_once() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("config: an unknown level in the environment is a warning and info, as it was with the old image") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.write_tenants();
  bench.world.issue(org, 1);
  bench.start_process(
      {.args = flags_with(bench.flags_of({}), {"--log-level"}), .env = bench.environment_of({})});
  CHECK(bench.daemon().wait_exit(patience) == usage);

  Words flags = bench.flags_of({});
  const auto level = std::ranges::find(flags, "--log-level");
  flags.erase(level, level + 2);
  bench.start_process({.args = flags, .env = bench.environment_of({.env = {{"LOG_LEVEL", "verbose"}}})});
  REQUIRE(bench.says("LOG_LEVEL"));
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
}

TEST_CASE("config: --help and --version print to stdout, need no settings and make no connection") {
  const auto [flag, word] = GENERATE(table<std::string, std::string>(
      {{"--help", "LOGZIO_LISTENER_HOST"}, {"-h", "--tenants"}, {"--version", "1."}, {"-V", "logzio-okta"}}));
  Daemon daemon({.binary = Bench::binary(), .args = {flag}});
  CHECK(daemon.wait_exit(patience) == 0);
  CHECK(daemon.out().contains(word));
  CHECK(daemon.log().empty());
}

}  // namespace
}  // namespace logzio_okta::e2e
