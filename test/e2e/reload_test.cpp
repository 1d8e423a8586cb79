// The tenants file and the files of keys and token change while it runs.
#include <algorithm>
#include <csignal>
#include <iterator>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logzio_okta/base/random.hpp"

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

/// How many reloads had this outcome so far; nothing if there is no answer.
std::optional<long> reloads(std::uint16_t port, const std::string& outcome) {
  const std::string text = http_get(port, "/metrics").body;
  const std::string name = "\nlogzio_okta_reloads_total{outcome=\"" + outcome + "\"} ";
  const std::size_t at = text.find(name);
  if (at == std::string::npos) return std::nullopt;
  return std::stol(text.substr(at + name.size()));
}

std::string entry(const Bench& bench, std::size_t org, const std::string& key) {
  return "  - okta_api_key: " + key + "\n    okta_domain: " + bench.world.org_domain(org) + "\n";
}

TEST_CASE("reload: two hundred edits under load, some of them broken, lose nothing and send nothing twice") {
  Bench bench;
  constexpr std::size_t orgs = 5;
  constexpr std::size_t kept = 2;  // These two are in every file that works.
  std::vector<std::vector<std::string>> keys(orgs);
  for (std::size_t org = 0; org < orgs; ++org) {
    for (const char letter : {'a', 'b'}) {
      keys[org].push_back("00" + std::string(39, static_cast<char>('A' + org)) + letter);
      bench.add_secret(keys[org].back());
    }
    bench.add_org({.keys = keys[org]});
    bench.world.issue_past(org, 300, 24h);
  }
  bench.add_listener();
  bench.write_tenants();
  const std::uint16_t port = free_port();
  bench.start({.poll_interval = "100ms", .admin = "127.0.0.1:" + std::to_string(port)});
  REQUIRE(bench.wait([&] { return http_get(port, "/readyz").status == 200; }));

  Random random(5);
  long taken = 0;
  long refused = 0;
  for (int round = 0; round < 200; ++round) {
    for (std::size_t org = 0; org < orgs; ++org) bench.world.issue(org, random.below(4));
    std::vector<std::string> entries;
    for (std::size_t org = 0; org < orgs; ++org) {
      if (org >= kept && random.below(2) == 0) continue;
      const std::size_t first = random.below(2);
      entries.push_back(entry(bench, org, keys[org][first]));
      if (random.below(2) == 0) entries.push_back(entry(bench, org, keys[org][1 - first]));
    }
    std::ranges::rotate(entries, entries.begin() + static_cast<std::ptrdiff_t>(random.below(entries.size())));
    std::string yaml = "tenants_credentials:\n";
    for (const std::string& each : entries) yaml += each;
    const std::uint64_t fate = random.below(8);
    if (fate == 0) yaml = yaml.substr(0, 20 + random.below(10));
    if (fate == 1) yaml += "  - okta_domain: acme.okta.com\n";
    if (fate == 2) yaml.clear();
    (fate < 3 ? refused : taken) += 1;
    bench.write_tenants(yaml);
    bench.daemon().signal(SIGHUP);
    REQUIRE(
        bench.wait([&] { return reloads(port, "taken") >= taken && reloads(port, "refused") >= refused; }));
  }
  bench.write_tenants();
  bench.daemon().signal(SIGHUP);
  REQUIRE(bench.all_arrive());
  CHECK(bench.proven_once());
  // Those that stayed have begun once, with Okta's clock and then the log, and never again.
  for (std::size_t org = 0; org < kept; ++org) {
    const auto asked = [&](bool dated) {
      return bench.world.with_org(org, [&](auto& model) {
        return std::ranges::count_if(model.records(), [&](const auto& record) {
          return !record.target.contains("after=") && record.target.contains("since=") == dated;
        });
      });
    };
    CHECK(asked(false) == 1);
    CHECK(asked(true) == 1);
  }
  CHECK(bench.stop() == 0);
}

TEST_CASE("reload: a broken file is refused loudly, is seen in the metrics, and what was in force stays") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.write_tenants();
  const std::uint16_t port = free_port();
  bench.start({.admin = "127.0.0.1:" + std::to_string(port)});
  REQUIRE(bench.wait([&] { return http_get(port, "/readyz").status == 200; }));
  CHECK(http_get(port, "/metrics").body.contains("\nlogzio_okta_last_reload_refused 0\n"));
  bench.write_tenants("tenants: nobody\n");
  REQUIRE(bench.says("The tenants read before stay in force"));
  CHECK(http_get(port, "/metrics").body.contains("\nlogzio_okta_last_reload_refused 1\n"));
  CHECK(http_get(port, "/status.txt").body.starts_with("ready; a changed file cannot be used; "));
  CHECK(http_get(port, "/status.txt").body.contains(bench.tenants_file() + ":"));
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  bench.write_tenants();
  REQUIRE(bench.wait(
      [&] { return http_get(port, "/metrics").body.contains("\nlogzio_okta_last_reload_refused 0\n"); }));
  CHECK(bench.stop() == 0);
}

TEST_CASE(
    "reload: keys and domain may come from variables, and a key file that is replaced is used in seconds") {
  Bench bench;
  const std::size_t acme = bench.add_org();
  const std::size_t beta = bench.add_org();
  bench.add_listener();
  const std::string newer = "00NewerKeyOfAcmeNewerKeyOfAcmeNewerKeyOfAc";
  bench.add_secret(newer);
  write_file(bench.path("acme-key"), bench.world.org_key(acme) + "\n");
  bench.write_tenants("tenants_credentials:\n  - okta_api_key_file: acme-key\n    okta_domain: " +
                      bench.world.org_domain(acme) +
                      "\n  - okta_api_key: ${BETA_KEY}\n    okta_domain: ${BETA_DOMAIN}\n");
  bench.world.issue(acme, 5);
  bench.world.issue(beta, 5);
  bench.start(
      {.env = {{"BETA_KEY", bench.world.org_key(beta)}, {"BETA_DOMAIN", bench.world.org_domain(beta)}}});
  REQUIRE(bench.all_arrive());

  bench.world.with_org(acme, [&](auto& org) {
    org.set_key(bench.world.org_key(acme), model::KeyState::revoked);
    org.set_key(newer, model::KeyState::good);
  });
  REQUIRE(bench.says("401"));
  bench.world.issue(acme, 5);
  write_file(bench.path("acme-key.new"), newer);
  std::filesystem::rename(bench.path("acme-key.new"), bench.path("acme-key"));
  REQUIRE(bench.all_arrive(50s));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("reload: a file that names a missing token or key file is taken as soon as that file is there") {
  Bench bench;
  const std::size_t acme = bench.add_org();
  const std::size_t beta = bench.add_org();
  bench.add_listener();
  const std::string token(32, 'q');
  bench.add_secret(token);
  const std::size_t account = bench.add_listener({.settings = {.tokens = {token}}});
  const std::string first = "tenants_credentials:\n  - okta_api_key: " + bench.world.org_key(acme) +
                            "\n    okta_domain: " + bench.world.org_domain(acme) + "\n";
  bench.write_tenants(first);
  bench.world.issue(acme, 3);
  bench.world.issue(beta, 3);
  bench.start();
  REQUIRE(bench.wait([&] { return bench.lines(0) == 3; }));

  bench.write_tenants(first + "  - okta_api_key_file: beta-key\n    okta_domain: " +
                      bench.world.org_domain(beta) + "\n    logzio_token_file: beta-token\n" +
                      "    logzio_listener_host: " + bench.world.listener_address(account) + "\n");
  REQUIRE(bench.says("beta-key cannot be read"));
  // One after the other, as people do it; what is missing then is said.
  write_file(bench.path("beta-key"), bench.world.org_key(beta) + "\n");
  REQUIRE(bench.says("beta-token cannot be read"));
  CHECK(bench.requests(beta) == 0);
  write_file(bench.path("beta-token"), token);
  REQUIRE(bench.wait([&] { return bench.lines(account) == 3; }));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  const std::string log = bench.daemon().log();
  const std::string words = "beta-key cannot be read";
  CHECK(log.find(words) == log.rfind(words));  // Said once, however often it was looked for.
}

TEST_CASE("reload: a key valid again at Okta is tried at once after SIGHUP, wherever the tenants came from") {
  const bool piped = GENERATE(false, true);
  CAPTURE(piped);
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  const std::string key = bench.world.org_key(org);
  const auto set_key = [&](model::KeyState state) {
    bench.world.with_org(org, [&](auto& okta) { okta.set_key(key, state); });
  };
  Words flags = bench.flags_of({.admin = "127.0.0.1:" + std::to_string(free_port())});
  const auto tenants = std::ranges::find(flags, "--tenants");
  Variables variables = bench.environment_of({});
  const std::string fifo = bench.path("fifo");
  std::jthread writer;
  if (piped) {
    REQUIRE(::mkfifo(fifo.c_str(), S_IRUSR | S_IWUSR) == 0);
    *std::next(tenants) = fifo;
    writer = std::jthread([yaml = bench.world.tenants_yaml(), fifo] {
      const sandbox::Fd end(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));  // Waits for the reader.
      [[maybe_unused]] const auto written = ::write(end.get(), yaml.data(), yaml.size());
    });
  } else {
    flags.erase(tenants, tenants + 2);
    variables.emplace_back("OKTA_API_KEY", key);
    variables.emplace_back("OKTA_DOMAIN", bench.world.org_domain(org));
  }
  bench.start_process({.args = flags, .env = variables});
  bench.world.issue(org, 3);
  REQUIRE(bench.all_arrive());

  set_key(model::KeyState::revoked);
  REQUIRE(bench.says("Okta refuses the API key"));
  bench.pass(1s);
  const std::size_t before = bench.requests(org);
  set_key(model::KeyState::good);
  bench.world.issue(org, 3);
  bench.daemon().signal(SIGHUP);
  // Before the minute after which it would have tried by itself.
  REQUIRE(bench.all_arrive(50s));
  CHECK(bench.requests(org) > before);
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("reload: without a listener and a token for all, a tenant that brings none is refused") {
  Bench bench;
  const std::size_t acme = bench.add_org();
  const std::size_t beta = bench.add_org();
  bench.add_listener();
  const auto entry = [&](std::size_t org) {
    return "  - okta_api_key: " + bench.world.org_key(org) +
           "\n    okta_domain: " + bench.world.org_domain(org) + "\n";
  };
  const std::string own = "    logzio_token: " + bench.world.token() +
                          "\n    logzio_listener_host: " + bench.world.listener_address(0) + "\n";
  bench.write_tenants("tenants_credentials:\n" + entry(acme) + own);
  Words flags = bench.flags_of({});
  const auto at = std::ranges::find(flags, "--listener");
  flags.erase(at, at + 2);
  bench.start_process({.args = flags});
  bench.world.issue(acme, 3);
  REQUIRE(bench.wait([&] { return bench.lines() == 3; }));
  CHECK(bench.says("to listeners of their own"));

  bench.write_tenants("tenants_credentials:\n" + entry(acme) + own + entry(beta));
  REQUIRE(bench.says(bench.world.org_name(beta) + " (" + bench.tenants_file() +
                     ":6) has no logzio_listener_host of its own"));
  bench.world.issue(acme, 3);
  REQUIRE(bench.wait([&] { return bench.lines() == 6; }));
  bench.write_tenants("tenants_credentials:\n" + entry(acme) + own + entry(beta) + own);
  bench.world.issue(beta, 3);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

}  // namespace
}  // namespace logzio_okta::e2e
