// Several daemons that share their tenants through a real PostgreSQL: which one follows, which one takes
// over, and that repeats are marked.
#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "e2e/bench.hpp"
#include "postgres/server.hpp"

namespace logzio_okta::e2e {
namespace {

using test::PostgresServer;

constexpr const char* not_installed = "PostgreSQL is not installed";

/// How a program ended and what it said.
struct Ended {
  std::optional<int> code;
  std::string text;
};

/// Daemons 0 and 1 on one database; each has its own key for each org, so that Okta knows them apart.
struct Fleet {
  PostgresServer server;
  Bench bench;
  std::vector<std::unique_ptr<Daemon>> daemons{2};

  explicit Fleet(std::size_t orgs = 1) {
    for (std::size_t org = 0; org < orgs; ++org) bench.add_org({.keys = {key(org, 0), key(org, 1)}});
    bench.add_listener();
    for (std::size_t i = 0; i < daemons.size(); ++i) {
      std::string yaml = "tenants_credentials:\n";
      for (std::size_t org = 0; org < orgs; ++org) {
        yaml +=
            "  - okta_domain: " + bench.world.org_domain(org) + "\n    okta_api_key: " + key(org, i) + "\n";
      }
      write_file(tenants(i), yaml);
    }
  }
  ~Fleet() {
    for (const auto& daemon : daemons) {
      if (daemon) look_through(daemon->log());
    }
  }
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  static std::string key(std::size_t org, std::size_t i) {
    return "00key-of-org-" + std::to_string(org) + "-for-" + std::to_string(i);
  }
  [[nodiscard]] std::string tenants(std::size_t i) const {
    return bench.path("tenants-" + std::to_string(i) + ".yml");
  }
  [[nodiscard]] Words flags(std::size_t i, const std::string& lease, const std::string& store) const {
    Words flags = bench.flags_of({});
    const auto at = std::ranges::find(flags, "--state-dir");
    flags.erase(at, at + 2);
    *(std::ranges::find(flags, "--tenants") + 1) = tenants(i);
    flags.insert(flags.end(),
                 {"--store", store, "--instance", "okta-" + std::to_string(i), "--lease", lease});
    return flags;
  }
  Daemon& start(std::size_t i, const std::string& lease = "10s") {
    daemons[i] = std::make_unique<Daemon>(sandbox::ProcessSpec{
        .binary = Bench::binary(), .args = flags(i, lease, server.url()), .env = bench.environment_of({})});
    return *daemons[i];
  }
  /// The first one follows the first org, and has delivered what was there.
  void begin() {
    bench.world.issue_past(0, 100, 24h);
    start(0);
    REQUIRE(bench.all_arrive());
  }
  std::optional<int> stop(std::size_t i) {
    daemons[i]->signal(SIGTERM);
    return daemons[i]->wait_exit(patience);
  }
  Ended run(Words args, const Variables& more = {}) const {
    Variables env = bench.environment_of({});
    env.insert(env.end(), more.begin(), more.end());
    Daemon process({.binary = Bench::binary(), .args = std::move(args), .env = std::move(env)});
    const auto code = process.wait_exit(patience);
    const std::string text = process.out() + process.log();
    look_through(text);
    return {.code = code, .text = text};
  }
  /// How often Okta was asked for an org by one of them.
  std::size_t asked_by(std::size_t i, std::size_t org = 0) {
    return bench.world.with_org(org, [&](model::OktaOrg& okta) {
      return static_cast<std::size_t>(
          std::ranges::count(okta.records(), key(org, i), &model::RequestRecord::key));
    });
  }
  [[nodiscard]] bool asks_again(std::size_t i, std::size_t org = 0) {
    const std::size_t before = asked_by(i, org);
    return bench.wait([&] { return asked_by(i, org) > before; });
  }
  void look_through(const std::string& said) const {
    for (const std::string& secret : bench.secrets()) CHECK_FALSE(said.contains(secret));
    CHECK_FALSE(said.contains(PostgresServer::password));
    CHECK_FALSE(said.contains("Sanitizer"));
  }
};

}  // namespace

TEST_CASE("replicas: after an orderly stop another one goes on at once, and nothing is repeated") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Fleet fleet(3);
  for (std::size_t org = 0; org < 3; ++org) fleet.bench.world.issue_past(org, 100, 24h);
  fleet.start(0, "2m");  // No test waits this long.
  REQUIRE(fleet.bench.all_arrive());
  fleet.start(1, "2m");
  // The orgs are shared: it gets one of the three.
  REQUIRE(fleet.bench.wait(
      [&] { return fleet.asked_by(1, 0) + fleet.asked_by(1, 1) + fleet.asked_by(1, 2) > 0; }));
  CHECK(fleet.stop(0) == 0);
  for (std::size_t org = 0; org < 3; ++org) {
    CAPTURE(org);
    CHECK(fleet.asks_again(1, org));
    fleet.bench.world.issue(org, 10);
  }
  REQUIRE(fleet.bench.all_arrive());
  CHECK(fleet.stop(1) == 0);
  CHECK(fleet.bench.proven_once());
}

TEST_CASE("replicas: after kill -9 another one takes over, and marks what it sends again") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Fleet fleet;
  fleet.begin();
  fleet.start(1);
  REQUIRE(fleet.daemons[1]->wait_log("okta-0", patience));  // The owner.
  fleet.bench.inject_listener(fault::hang(), 1);
  fleet.bench.world.issue(0, 20);
  REQUIRE(fleet.bench.wait([&] { return fleet.bench.lines() == 120; }));
  fleet.daemons[0]->kill_hard();
  REQUIRE(fleet.asks_again(1));
  fleet.bench.world.issue(0, 20);
  REQUIRE(fleet.bench.all_arrive());
  CHECK(fleet.stop(1) == 0);
  CHECK(fleet.bench.proven());
  CHECK(fleet.bench.world.judge().repeats == 20);
}

TEST_CASE("replicas: an owner that was paused and continues neither saves nor repeats anything unmarked") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Fleet fleet;
  fleet.begin();
  fleet.start(1);
  REQUIRE(fleet.daemons[1]->wait_log("okta-0", patience));
  fleet.bench.world.issue(0, 20);
  REQUIRE(fleet.bench.wait([&] { return fleet.bench.world.judge().delivered > 100; }));
  fleet.daemons[0]->signal(SIGSTOP);
  REQUIRE(fleet.asks_again(1));
  const std::size_t asked = fleet.asked_by(0);
  fleet.daemons[0]->signal(SIGCONT);
  REQUIRE(fleet.daemons[0]->wait_log("okta-1", patience));
  for (int i = 0; i < 5; ++i) {
    fleet.bench.world.issue(0, 10);
    REQUIRE(fleet.asks_again(1));
  }
  REQUIRE(fleet.bench.all_arrive());
  CHECK(fleet.asked_by(0) <= asked + 1);  // One may have been on its way.
  CHECK(fleet.stop(0) == 0);
  CHECK(fleet.stop(1) == 0);
  CHECK(fleet.bench.proven());
}

TEST_CASE("replicas: while the database is gone nothing is sent, and afterwards everything goes on") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Fleet fleet;
  fleet.bench.world.issue_past(0, 100, 24h);
  fleet.begin();
  Daemon& daemon = *fleet.daemons[0];
  fleet.server.stop_at_once();
  fleet.bench.world.issue(0, 20);
  REQUIRE(daemon.wait_log("ERROR", patience));
  fleet.server.start();
  fleet.bench.world.issue(0, 20);
  REQUIRE(fleet.bench.all_arrive());
  CHECK(fleet.stop(0) == 0);
  CHECK(fleet.bench.proven());
}

TEST_CASE("replicas: an instance knows what the previous one has done, without a disk") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Fleet fleet;
  fleet.begin();
  CHECK(fleet.stop(0) == 0);
  CHECK_FALSE(std::filesystem::exists(fleet.bench.state_dir()));
  fleet.start(1);
  fleet.bench.world.issue(0, 10);
  REQUIRE(fleet.bench.all_arrive());
  CHECK(fleet.stop(1) == 0);
  CHECK(fleet.bench.proven_once());
}

TEST_CASE("replicas: one refused by the database is told what to change, and no password is shown") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  const Fleet fleet;
  const auto check = [&](const std::string& store, const Variables& env = {}) {
    Words words = fleet.flags(0, "10s", store);
    words.insert(words.begin(), "check");
    return fleet.run(words, env);
  };
  const Ended wrong = check(fleet.server.url("locked"), {{"PGPASSWORD", "wrong and told"}});
  INFO(wrong.text);
  CHECK(wrong.code != 0);
  CHECK(wrong.text.contains("password authentication failed"));
  CHECK(wrong.text.contains("LOGZIO_OKTA_STORE_PASSWORD_FILE"));
  CHECK_FALSE(wrong.text.contains("wrong and told"));

  write_file(fleet.bench.path("password"), std::string(PostgresServer::password) + "\n");
  static_cast<void>(fleet.server.query("CREATE SCHEMA logzio_okta AUTHORIZATION locked"));
  const Ended right =
      check(fleet.server.url("locked"), {{"LOGZIO_OKTA_STORE_PASSWORD_FILE", fleet.bench.path("password")}});
  INFO(right.text);
  CHECK(right.code == 0);  // A schema of its own is all that the role needs.

  static_cast<void>(
      fleet.server.query("ALTER SCHEMA logzio_okta OWNER TO postgres; "
                         "GRANT USAGE ON SCHEMA logzio_okta TO locked"));
  const Ended shut =
      check(fleet.server.url("locked"), {{"LOGZIO_OKTA_STORE_PASSWORD_FILE", fleet.bench.path("password")}});
  INFO(shut.text);
  CHECK(shut.code == 74);
  CHECK(shut.text.contains("grant create on schema logzio_okta to locked"));

  const Ended mistyped = check("postgresql://okta@127.0.0.1:5432x/okta");
  INFO(mistyped.text);
  CHECK(mistyped.code == 78);
  CHECK(mistyped.text.contains("its port is not a number"));
  CHECK_FALSE(mistyped.text.contains("state in "));  // It does not look elsewhere instead.

  Words words = fleet.flags(0, "10s", "postgresql://okta:hush-hush@127.0.0.1/okta");
  const Ended shown = fleet.run(words);
  INFO(shown.text);
  CHECK(shown.code == 78);
  CHECK(shown.text.contains("password"));
  CHECK_FALSE(shown.text.contains("hush-hush"));
}

TEST_CASE("replicas: a state moves from a disk into the database and back, and nothing is repeated") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Fleet fleet;
  Bench& bench = fleet.bench;
  bench.world.issue_past(0, 100, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.stop() == 0);

  const Ended in = fleet.run({"state", "copy", "--from", bench.state_dir(), "--store", fleet.server.url()});
  INFO(in.text);
  REQUIRE(in.code == 0);
  fleet.start(0);
  bench.world.issue(0, 10);
  REQUIRE(bench.all_arrive());
  REQUIRE(fleet.stop(0) == 0);
  CHECK(fleet.run({"state", "copy", "--from", bench.state_dir(), "--store", fleet.server.url()}).code != 0);

  const Ended out = fleet.run({"state", "copy", "--store", fleet.server.url(), "--to", bench.path("back")});
  INFO(out.text);
  REQUIRE(out.code == 0);
  std::filesystem::remove_all(bench.state_dir());
  std::filesystem::rename(bench.path("back"), bench.state_dir());
  bench.start();
  bench.world.issue(0, 10);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("replicas: once check finds that a refused key works, whoever holds the org tries it at once") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Fleet fleet;
  fleet.begin();
  const auto set_key = [&](model::KeyState state) {
    fleet.bench.world.with_org(0, [&](model::OktaOrg& okta) { okta.set_key(Fleet::key(0, 0), state); });
  };
  set_key(model::KeyState::revoked);
  REQUIRE(fleet.daemons[0]->wait_log("ERROR", patience));
  set_key(model::KeyState::good);
  fleet.bench.world.issue(0, 10);
  Words words = fleet.flags(0, "10s", fleet.server.url());
  words.insert(words.begin(), "check");
  const Ended checked = fleet.run(words);
  INFO(checked.text);
  CHECK(checked.code == 0);
  REQUIRE(fleet.daemons[0]->wait_log("keys that Okta has refused are tried again", patience));
  REQUIRE(fleet.bench.all_arrive());
  CHECK(fleet.stop(0) == 0);
  CHECK(fleet.bench.proven_once());
}

TEST_CASE("replicas: check and status show which replica holds what") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Fleet fleet;
  fleet.bench.world.issue_past(0, 10, 24h);
  fleet.start(0);
  REQUIRE(fleet.bench.all_arrive());
  const std::uint16_t port = free_port();
  Words words = fleet.flags(1, "10s", fleet.server.url());
  *(std::ranges::find(words, "--admin") + 1) = "127.0.0.1:" + std::to_string(port);
  fleet.daemons[1] = std::make_unique<Daemon>(
      sandbox::ProcessSpec{.binary = Bench::binary(), .args = words, .env = fleet.bench.environment_of({})});
  REQUIRE(fleet.daemons[1]->wait_log("okta-0", patience));
  const Ended status = fleet.run({"status", "--admin", "127.0.0.1:" + std::to_string(port)});
  INFO(status.text);
  CHECK(status.code == 0);
  CHECK(status.text.contains("standby"));
  CHECK(http_get(port, "/readyz").status == 200);  // It stands by.
  CHECK(status.text.contains("2 alive"));
  CHECK(status.text.contains("okta-0 holds 1 org, its lease lasts for "));
  CHECK(status.text.contains("okta-1 (this one) stands by"));
  const std::string metrics = http_get(port, "/metrics").body;
  CHECK(metrics.contains("\nlogzio_okta_instances 2\n"));
  CHECK(metrics.contains("\nlogzio_okta_orgs_held 0\n"));
  CHECK(metrics.contains("\nlogzio_okta_orgs_unheld 0\n"));
  CHECK(metrics.contains("\nlogzio_okta_lease_left_seconds "));

  words.insert(words.begin(), "check");
  const Ended checked = fleet.run(words);
  INFO(checked.text);
  CHECK(checked.text.contains("okta-0"));
  CHECK(checked.text.contains("PostgreSQL 1"));
}

}  // namespace logzio_okta::e2e
