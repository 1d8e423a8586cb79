// Replicas on one database beside each other: the fence, first starts, rights. Takeovers and trouble are in
// postgres_store_test.cpp, what every store promises in state/store_contract_test.cpp.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "postgres/server.hpp"
#include "postgres/wire.hpp"
#include "shell/os/clock.hpp"
#include "shell/postgres/connection.hpp"
#include "shell/postgres/lease_table.hpp"
#include "shell/postgres/postgres_store.hpp"
#include "shell/store_bench.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;
using test::PostgresServer;
using test::save_of;
using test::StoreRun;
using test::Wire;

constexpr const char* not_installed = "PostgreSQL is not installed";
constexpr StreamId acme{1};
constexpr StreamId beta{2};
const std::string acme_key = "acme.okta.com";
const std::string beta_key = "beta.okta.com";
constexpr Duration ages =
    30s;  ///< No test waits for its end. A replica that waits for an org looks seven times as often.

/// Replicas on one database.
struct Bench {
  PostgresServer server;
  test::StoreClock clock;

  std::unique_ptr<StoreRun> replica(const std::string& name, Duration lease, const std::string& url) {
    auto run = std::make_unique<StoreRun>(
        clock, std::make_unique<PostgresStore>(
                   PostgresOptions{.access = {.url = url, .password = {}, .password_file = {}, .ca_file = {}},
                                   .instance = name,
                                   .lease = lease}));
    static_cast<void>(run->next<SetAsideSize>());
    return run;
  }
  std::unique_ptr<StoreRun> replica(const std::string& name, Duration lease = ages) {
    return replica(name, lease, server.socket_url());
  }
  /// The pages of the saved place; empty if there is none.
  [[nodiscard]] std::vector<std::string> pages(const std::string& key = acme_key) const {
    return server.query("SELECT pages FROM logzio_okta.stream WHERE key = '" + key + "'");
  }
};

using Texts = std::vector<std::string>;

/// Asks for a stream without waiting.
void ask(StoreRun& run, StreamId stream = acme, const std::string& key = acme_key) {
  run.store->open_stream({.stream = stream, .key = key});
}

}  // namespace

TEST_CASE("shared store: an orderly end gives back at once, and leaves no doubt") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Bench bench;
  auto one = bench.replica("okta-1");
  const auto two = bench.replica("okta-2");
  one->open_stream(acme, acme_key);
  one->save(save_of(acme, 1, 1));
  ask(*two);
  CHECK(two->next<HeldBy>().holder == "okta-1");
  CHECK(one->store->close(true));
  one.reset();
  const auto opened = two->next<Opened>();
  CHECK(opened.clean);
  CHECK(opened.place->pages == 1);
}

TEST_CASE(
    "shared store: an org that a live replica holds cannot be taken, even by one that knows no better") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Bench bench;
  const auto one = bench.replica("okta-1");
  one->open_stream(acme, acme_key);
  const StoreAccess access{
      .url = bench.server.socket_url(), .password = {}, .password_file = {}, .ca_file = {}};
  const std::string two = "00000000-0000-4000-8000-000000000002";
  std::vector<PgStatement> statements{beat(two, "okta-2", ages, {acme_key})};
  take_orgs(statements, two, {acme_key});
  std::optional<int> taken;
  PgConnection connection(access);
  for (bool sent = false; !taken; connection.work(steady_now())) {
    if (!connection.ready() || std::exchange(sent, true)) continue;
    connection.send(
        steady_now(), statements, PgConnection::usual_patience,
        [&](const PgConnection::Outcome& answer) { taken = answer ? answer->back().count() : -1; });
  }
  CHECK(*taken == 0);
}

TEST_CASE("shared store: each replica knows of the fleet what its last round read") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Bench bench;
  auto one = bench.replica("okta-1");
  one->open_stream(acme, acme_key);
  const auto two = bench.replica("okta-2");
  ask(*two);
  CHECK(two->next<HeldBy>().holder == "okta-1");

  const auto seen = two->store->fleet_report(bench.clock.now());
  REQUIRE(seen);
  REQUIRE(seen->instances.size() == 2);
  CHECK(seen->instances[0].name == "okta-1");
  CHECK_FALSE(seen->instances[0].self);
  CHECK(seen->instances[0].orgs == Texts{acme_key});
  CHECK(seen->instances[1].self);
  CHECK(seen->instances[1].orgs.empty());
  CHECK(seen->held_by_us() == 0);
  CHECK(seen->unheld.empty());
  for (const InstanceReport& each : seen->instances) {
    CHECK(each.lease_left > 0s);
    CHECK(each.lease_left <= ages);
  }
  CHECK(seen->may_act > 0s);
  CHECK(seen->may_act < ages);
  // The leases in a report that was read long ago have ended.
  const auto later = two->store->fleet_report(bench.clock.now() + 2 * ages);
  CHECK(later->read_ago >= 2 * ages);
  CHECK(later->instances[0].lease_left == 0s);

  CHECK(one->store->close(true));
  one.reset();
  static_cast<void>(two->next<Opened>());
  while (two->store->fleet_report(bench.clock.now())->held_by_us() == 0) bench.clock.turn();
  CHECK(two->store->fleet_report(bench.clock.now())->instances.size() == 1);
}

TEST_CASE("shared store: a commit window loses exactly the saves whose org was taken") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Bench bench;
  const auto one = bench.replica("okta-1");
  one->open_stream(acme, acme_key);
  one->open_stream(beta, beta_key);
  one->save_on_disk(save_of(acme, 1, 1));
  one->save_on_disk(save_of(beta, 1, 1));
  one->store->save(save_of(acme, 2, 2), bench.clock.now());
  one->store->save(save_of(beta, 2, 2), bench.clock.now());
  const std::string change = GENERATE("epoch = epoch + 1", "owner = gen_random_uuid()");
  CAPTURE(change);
  static_cast<void>(
      bench.server.query("UPDATE logzio_okta.org SET " + change + " WHERE domain = 'acme.okta.com'"));
  CHECK(one->next_of<Lost>().stream == acme);
  if (bench.pages(beta_key) != Texts{"2"}) CHECK(one->next_of<Saved>().stream == beta);
  CHECK(bench.pages(beta_key) == Texts{"2"});
  CHECK(bench.pages(acme_key) == Texts{"1"});
}

TEST_CASE("shared store: a commit whose answer was lost is written once") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Bench bench;
  Wire wire(bench.server.port());
  const auto one = bench.replica("okta-1", ages, PostgresServer::url("okta", wire.port()));
  one->open_stream(acme, acme_key);
  one->save_on_disk(save_of(acme, 1, 1));
  for (std::uint64_t number = 2; number <= 6; ++number) {
    wire.swallow_answers();
    Save save = save_of(acme, number, number);
    save.set_aside = {{.reason = "why", .answer = "", .events = 1, .bytes = "{"}};
    one->save(std::move(save));
    CHECK(one->next_of<Saved>().number == number);
  }
  CHECK(wire.swallowed() >= 5);
  CHECK(bench.server.value("SELECT count(*) FROM logzio_okta.set_aside") == "5");
  CHECK(bench.server.value("SELECT count(*) FROM logzio_okta.window_row") == "6");
  CHECK(bench.pages() == Texts{"6"});
}

TEST_CASE("shared store: first starts at the same moment make one set of tables") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Bench bench;
  std::vector<std::unique_ptr<StoreRun>> replicas;
  for (int i = 0; i < 6; ++i) {
    replicas.push_back(std::make_unique<StoreRun>(
        bench.clock,
        std::make_unique<PostgresStore>(PostgresOptions{
            .access = {.url = bench.server.socket_url(), .password = {}, .password_file = {}, .ca_file = {}},
            .instance = "okta-" + std::to_string(i),
            .lease = ages})));
    ask(*replicas.back(), acme, "org-" + std::to_string(i) + ".okta.com");
  }
  for (const auto& replica : replicas) CHECK_FALSE(replica->next_of<Opened>().place);
}

TEST_CASE("shared store: tables of a newer version are left alone, and it says so") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Bench bench;
  CHECK(bench.replica("okta-1")->store->close(true));
  static_cast<void>(bench.server.query("UPDATE logzio_okta.meta SET version = 99"));
  StoreRun late(
      bench.clock,
      std::make_unique<PostgresStore>(PostgresOptions{
          .access = {.url = bench.server.socket_url(), .password = {}, .password_file = {}, .ca_file = {}},
          .instance = "okta-2",
          .lease = ages}));
  ask(late);
  CHECK_THAT(late.next_of<SaveFailed>().text, Contains("newer") && Contains("99"));
  CHECK(bench.server.value("SELECT version FROM logzio_okta.meta") == "99");
}

TEST_CASE("shared store: a schema of its own is all a role needs; without one it is told what to do") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  Bench bench;
  const std::string url = bench.server.socket_url("guest");
  SECTION("with it") {
    static_cast<void>(bench.server.query("CREATE SCHEMA logzio_okta AUTHORIZATION guest"));
    const auto one = bench.replica("okta-1", ages, url);
    one->open_stream(acme, acme_key);
    one->save_on_disk(save_of(acme, 1, 1));
  }
  SECTION("without") {
    StoreRun one(bench.clock, std::make_unique<PostgresStore>(PostgresOptions{
                                  .access = {.url = url, .password = {}, .password_file = {}, .ca_file = {}},
                                  .instance = "okta-1",
                                  .lease = ages}));
    ask(one);
    CHECK_THAT(one.next_of<SaveFailed>().text, Contains("permission denied") && Contains("docs/replicas.md"));
  }
}

}  // namespace logzio_okta
