#include "shell/postgres/postgres_store.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <poll.h>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"
#include "postgres/server.hpp"
#include "shell/os/clock.hpp"
#include "shell/postgres/store_look.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;
using test::PostgresServer;

constexpr Duration lease = 2s;
const std::string acme = "acme.okta.com";
const std::string globex = "globex.okta.com";
const std::string pushes = "hooks - https://initech.okta.com";

/// One replica's store, driven as the daemon's loop drives it, with what it answered.
struct Replica {
  std::unique_ptr<PostgresStore> store;
  std::vector<Input> answers;
  std::vector<std::string> warnings;
  std::vector<SpoolSummary> spool;
  Duration asleep{};  ///< Added to the time since the boot.
  std::uint64_t saves = 0;
  std::uint64_t hooks = 0;

  Replica(const std::string& url, const std::string& name, Duration its_lease = lease,
          std::size_t spool_bytes_max = limits::spool_bytes_max) {
    const auto since_boot = [this] { return steady_now().time_since_epoch() + asleep; };
    store = std::make_unique<PostgresStore>(PostgresOptions{.access = {.url = url},
                                                            .instance = name,
                                                            .lease = its_lease,
                                                            .spool_bytes_max = spool_bytes_max,
                                                            .since_boot = since_boot});
  }
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  void turn() {
    store->work(steady_now(), true);
    while (auto answer = store->next_answer()) answers.push_back(std::move(*answer));
    for (std::string& warning : store->take_warnings()) warnings.push_back(std::move(warning));
    for (SpoolSummary& sum : store->take_spool_found()) spool.push_back(std::move(sum));
  }
  void open(std::uint64_t stream, const std::string& key) {
    store->open_stream({.stream = StreamId{stream}, .key = key});
  }
  void save(std::uint64_t stream, const std::string& next, std::vector<WindowRow> rows = {}) {
    Save save{
        .stream = StreamId{stream}, .number = ++saves, .place = {.next = next}, .rows = std::move(rows)};
    store->save(std::move(save), steady_now());
  }
  void spools(std::uint64_t stream, std::uint64_t uuid) {
    const std::string bytes = R"({"uuid":")" + std::to_string(uuid) + "\"}";
    store->spool({.stream = StreamId{stream},
                  .hook = HookId{++hooks},
                  .at = wall_now(),
                  .source = "\"s\"",
                  .event_id = "\"i\"",
                  .event_time = "",
                  .events = {{.hash = {.uuid = uuid, .bytes = hash64(bytes)}, .bytes = bytes}}},
                 steady_now());
  }
  template <typename Kind>
  [[nodiscard]] const Kind* last(std::optional<std::uint64_t> stream = std::nullopt) const {
    const Kind* found = nullptr;
    for (const Input& answer : answers) {
      const Kind* kind = std::get_if<Kind>(&answer);
      if constexpr (requires { kind->stream; }) {
        if (kind != nullptr && stream && kind->stream != StreamId{*stream}) continue;
      }
      if (kind != nullptr) found = kind;
    }
    return found;
  }
  template <typename Kind>
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        answers, [](const Input& answer) { return std::holds_alternative<Kind>(answer); }));
  }
};

/// Turns all loops until the condition holds. Fails after far longer than anything here takes.
void until(const std::vector<Replica*>& replicas, const std::function<bool()>& so) {
  const Instant give_up = steady_now() + 60s;
  while (!so()) {
    if (steady_now() > give_up) FAIL("it never came to that");
    std::vector<pollfd> descriptors;
    Instant at = steady_now() + 1s;
    for (Replica* replica : replicas) {
      replica->turn();
      replica->store->add_descriptors(descriptors);
      at = std::min(at, replica->store->deadline().value_or(never));
    }
    if (so()) return;
    const Duration left = std::max<Duration>(at - steady_now(), 0s);
    poll(descriptors.data(), descriptors.size(),
         static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
  }
}

TEST_CASE("postgres store: what is saved is found again after an orderly end", "[postgres]") {
  PostgresServer server;
  {
    Replica replica(server.url(), "okta-1");
    replica.open(1, acme);
    until({&replica}, [&] { return replica.last<Opened>(1) != nullptr; });
    CHECK_FALSE(replica.last<Opened>(1)->place);
    CHECK(replica.last<Opened>(1)->clean);
    CHECK(replica.store->may_act());
    replica.save(1, "/first", {{.page = 1, .newest = wall_now(), .events = {{.uuid = 1, .bytes = 2}}}});
    replica.save(1, "/second", {{.page = 2, .newest = std::nullopt, .events = {{.uuid = 3, .bytes = 4}}}});
    until({&replica}, [&] { return replica.last<Saved>(1) && replica.last<Saved>(1)->number == 2; });
    CHECK(replica.store->close(true));
  }
  Replica again(server.url(), "okta-1");
  again.open(5, acme);
  until({&again}, [&] { return again.last<Opened>(5) != nullptr; });
  const Opened& opened = *again.last<Opened>(5);
  REQUIRE(opened.place);
  CHECK(opened.place->next == "/second");
  CHECK(opened.clean);
  CHECK(opened.rows.size() == 2);
  CHECK(opened.recent.size() == 2);
  CHECK(opened.recent.at(1).events.at(0).uuid == 3);
}

TEST_CASE("postgres store: an org is held by one; whoever takes it over from the dead finds it in doubt",
          "[postgres]") {
  PostgresServer server;
  auto first = std::make_unique<Replica>(server.url(), "okta-1");
  Replica second(server.url(), "okta-2");
  first->open(1, acme);
  until({first.get()}, [&] { return first->last<Opened>(1) != nullptr; });
  first->save(1, "/first");
  until({first.get()}, [&] { return first->last<Saved>(1) != nullptr; });
  second.open(1, acme);
  until({first.get(), &second}, [&] { return second.last<HeldBy>(1) != nullptr; });
  CHECK(second.last<HeldBy>(1)->holder == "okta-1");
  CHECK(second.last<Opened>(1) == nullptr);
  first.reset();
  until({&second}, [&] { return second.last<Opened>(1) != nullptr; });
  CHECK(second.last<Opened>(1)->place->next == "/first");
  CHECK_FALSE(second.last<Opened>(1)->clean);
  CHECK_FALSE(second.last<Opened>(1)->in_flight);
}

TEST_CASE("postgres store: a replica that was suspended too long may not act, and what it saves is lost",
          "[postgres]") {
  PostgresServer server;
  Replica first(server.url(), "okta-1");
  Replica second(server.url(), "okta-2");
  first.open(1, acme);
  until({&first}, [&] { return first.last<Opened>(1) != nullptr; });
  second.open(1, acme);
  CHECK(first.store->may_act());
  first.asleep = lease;
  CHECK_FALSE(first.store->may_act());
  until({&second}, [&] { return second.last<Opened>(1) != nullptr; });
  second.save(1, "/of the second");
  until({&second}, [&] { return second.last<Saved>(1) != nullptr; });
  first.save(1, "/of the first");
  until({&first, &second}, [&] { return first.last<Lost>(1) != nullptr; });
  CHECK(first.last<Lost>(1)->holder == "okta-2");
  CHECK(first.last<Saved>(1) == nullptr);
  first.open(2, acme);
  until({&first, &second}, [&] { return first.last<HeldBy>(2) != nullptr; });
  CHECK(server.value("select convert_from(next, 'utf8') from logzio_okta.stream") == "/of the second");
}

TEST_CASE("postgres store: orgs are shared out, one at a time, and given back at the end", "[postgres]") {
  PostgresServer server;
  Replica first(server.url(), "okta-1");
  Replica second(server.url(), "okta-2");
  for (std::uint64_t i = 1; i <= 4; ++i) first.open(i, "org" + std::to_string(i) + ".okta.com");
  until({&first}, [&] { return first.count<Opened>() == 4; });
  for (std::uint64_t i = 1; i <= 4; ++i) second.open(i, "org" + std::to_string(i) + ".okta.com");
  std::size_t given = 0;
  until({&first, &second}, [&] {
    for (; given < first.count<GiveWay>(); ++given)
      first.store->let_go({.stream = first.last<GiveWay>()->stream});
    return second.count<Opened>() == 2;
  });
  CHECK(given == 2);
  CHECK(second.last<Opened>()->clean);
  CHECK(first.store->close(true));
  until({&second}, [&] { return second.count<Opened>() == 4; });
  CHECK(second.last<Opened>()->clean);
}

TEST_CASE("postgres store: a server that is killed loses nothing and writes nothing twice", "[postgres]") {
  PostgresServer server;
  Replica replica(server.url(), "okta-1");
  replica.open(1, acme);
  until({&replica}, [&] { return replica.last<Opened>(1) != nullptr; });
  for (int i = 0; i < 5; ++i) {
    replica.store->save({.stream = StreamId{1},
                         .number = ++replica.saves,
                         .place = {.next = "/" + std::to_string(i)},
                         .set_aside = {{.reason = "r\xff", .answer = "a", .events = 1, .bytes = "{}"}}},
                        steady_now());
    replica.turn();  // Sent, and not answered.
    if (i % 2 == 0) {
      server.kill_backends();
    } else {
      server.kill();
      server.start();
    }
    until({&replica},
          [&] { return replica.last<Saved>(1) && replica.last<Saved>(1)->number == replica.saves; });
    until({&replica}, [&] { return replica.store->may_act(); });
  }
  CHECK(server.value("select count(*) from logzio_okta.set_aside") == "5");
  CHECK(server.value("select convert_from(next, 'utf8') from logzio_okta.stream") == "/4");
}

TEST_CASE("postgres store: a server that hangs is reported once, with its cure, and so is its recovery",
          "[postgres]") {
  PostgresServer server;
  Replica replica(server.url(), "okta-1");
  replica.open(1, acme);
  until({&replica}, [&] { return replica.last<Opened>(1) != nullptr; });
  server.pause();
  replica.save(1, "/first");
  until({&replica}, [&] { return replica.last<SaveFailed>() != nullptr; });
  CHECK_THAT(replica.last<SaveFailed>()->text, Contains("127.0.0.1"));
  until({&replica}, [&] { return !replica.store->may_act(); });
  server.resume();
  until({&replica}, [&] { return replica.last<Saved>(1) != nullptr; });
  until({&replica}, [&] { return replica.store->may_act(); });
}

TEST_CASE("postgres store: any replica takes a push, and the owner finds it", "[postgres]") {
  PostgresServer server;
  Replica owner(server.url(), "okta-1");
  Replica other(server.url(), "okta-2");
  owner.open(1, pushes);
  until({&owner}, [&] { return owner.last<Opened>(1) != nullptr; });
  other.open(1, pushes);
  until({&owner, &other}, [&] { return other.last<HeldBy>(1) != nullptr; });
  owner.spools(1, 7);
  until({&owner, &other}, [&] { return owner.last<Spooled>() != nullptr; });
  CHECK(owner.last<Spooled>()->newest == 1);
  other.spools(1, 7);
  other.spools(1, 8);
  until({&owner, &other}, [&] { return other.count<Spooled>() == 2; });
  CHECK(other.last<Spooled>()->kept);
  until({&owner, &other}, [&] { return !owner.spool.empty(); });
  CHECK(owner.spool.size() == 1);
  CHECK(owner.spool.at(0).events == 1);
  CHECK(owner.spool.at(0).newest == 2);
  CHECK(other.spool.empty());
  owner.store->read_spool({.stream = StreamId{1}, .after = 0, .rows_max = 10, .bytes_max = 1000});
  until({&owner}, [&] { return owner.last<SpoolRead>() != nullptr; });
  const SpoolRead& read = *owner.last<SpoolRead>();
  REQUIRE(read.rows.size() == 2);
  CHECK(read.rows[0].events == R"([{"uuid":"7"}])");
  CHECK_FALSE(read.rows[0].marked);
  CHECK(read.rows[1].number == 2);

  // With a pooler between, it is not woken: its next look finds what was not announced.
  owner.spool.clear();
  static_cast<void>(
      server.query("INSERT INTO logzio_okta.spool SELECT key, 3, at_ms, source, event_id, event_time, "
                   "marked, count, events "
                   "FROM logzio_okta.spool WHERE id = 2"));
  static_cast<void>(server.query("UPDATE logzio_okta.spool_stream SET last = 3"));
  until({&owner, &other}, [&] { return !owner.spool.empty(); });
  CHECK(owner.spool.at(0).newest == 3);
}

TEST_CASE("postgres store: what waits in the spool is bounded over all replicas", "[postgres]") {
  PostgresServer server;
  Replica owner(server.url(), "okta-1");
  owner.open(1, pushes);
  until({&owner}, [&] { return owner.last<Opened>(1) != nullptr; });
  owner.spools(1, 7);
  until({&owner}, [&] { return owner.last<Spooled>() != nullptr; });
  // There is room for one byte less than two; until it has read the sum, it accepts what comes.
  Replica other(server.url(), "okta-2", lease, owner.last<Spooled>()->bytes * 2 - 1);
  other.open(1, pushes);
  until({&owner, &other}, [&] { return other.last<HeldBy>(1) && other.last<SetAsideSize>(); });
  other.spools(1, 8);
  until({&owner, &other}, [&] { return other.count<Spooled>() == 1; });
  CHECK(other.last<Spooled>()->kept);
  other.spools(1, 9);
  until({&owner, &other}, [&] { return other.count<Spooled>() == 2; });
  CHECK_FALSE(other.last<Spooled>()->kept);
  CHECK_THAT(other.last<Spooled>()->why_not, Contains("spool") && Contains("full"));
  CHECK(server.value("SELECT count(*) FROM logzio_okta.spool") == "2");
  // Once the owner has delivered something, it finds so by itself.
  static_cast<void>(server.query("DELETE FROM logzio_okta.spool"));
  until({&owner, &other}, [&] {
    other.spools(1, 10);
    const std::size_t before = other.count<Spooled>();
    until({&owner, &other}, [&] { return other.count<Spooled>() > before; });
    return other.last<Spooled>()->kept;
  });
}

TEST_CASE("postgres store: a call to retry keys reaches every replica, once each", "[postgres]") {
  PostgresServer server;
  Replica one(server.url(), "okta-1");
  Replica two(server.url(), "okta-2");
  for (Replica* each : {&one, &two}) {
    each->open(1, acme);
    until({each}, [&] { return each->last<SetAsideSize>() != nullptr; });
    CHECK_FALSE(each->store->take_nudge());
  }
  REQUIRE(nudge_replicas({.url = server.url()}));
  for (Replica* each : {&one, &two}) {
    until({&one, &two}, [&] { return each->store->take_nudge(); });
    CHECK_FALSE(each->store->take_nudge());
  }
}

TEST_CASE("postgres store: a push that another replica takes wakes the owner", "[postgres]") {
  PostgresServer server;
  // The owner's rounds are 43 s apart.
  Replica owner(server.url(), "okta-1", 300s);
  Replica other(server.url(), "okta-2", 300s);
  owner.open(1, pushes);
  until({&owner}, [&] { return owner.last<Opened>(1) != nullptr; });
  other.open(1, pushes);
  until({&owner, &other}, [&] { return other.last<HeldBy>(1) != nullptr; });
  const auto last_round = [&] {
    return server.value("SELECT seen::text FROM logzio_okta.instance WHERE name = 'okta-1'");
  };
  const std::string before = last_round();
  other.spools(1, 7);
  until({&owner, &other}, [&] { return !owner.spool.empty(); });
  CHECK(owner.spool.at(0).newest == 1);
  CHECK(last_round() == before);
  CHECK(other.spool.empty());
}

TEST_CASE("postgres store: if it lacks a right, it says so with the cure", "[postgres]") {
  PostgresServer server;
  Replica guest(server.url("guest"), "okta-1");
  guest.open(1, acme);
  until({&guest}, [&] { return guest.last<SaveFailed>() != nullptr; });
  CHECK_THAT(guest.last<SaveFailed>()->text, Contains("permission denied") && Contains("schema logzio_okta"));
}

TEST_CASE("postgres store: after a failover that lost commits everything is in doubt up to the tail",
          "[postgres]") {
  PostgresServer server;
  auto standby = server.standby();
  const auto port = [](const PostgresServer& of) { return "127.0.0.1:" + std::to_string(of.port()); };
  const std::string both = "postgresql://okta@" + port(server) + "," + port(*standby) + "/okta";
  Replica replica(both, "okta-1");
  replica.open(1, acme);
  until({&replica}, [&] { return replica.last<Opened>(1) != nullptr; });
  replica.save(1, "/first");
  until({&replica}, [&] { return replica.last<Saved>(1) != nullptr; });
  standby->stop_following();
  replica.save(1, "/lost");
  until({&replica}, [&] { return replica.last<Saved>(1)->number == 2; });
  server.kill();
  standby->promote();
  until({&replica}, [&] { return !replica.warnings.empty() && replica.store->may_act(); });
  CHECK_THAT(replica.warnings.at(0), Contains("failed over"));
  // Its memory of acknowledged saves is no longer valid.
  until({&replica}, [&] { return replica.last<Lost>(1) != nullptr; });
  CHECK(replica.last<Lost>(1)->holder.empty());
  replica.open(2, acme);
  until({&replica}, [&] { return replica.last<Opened>(2) != nullptr; });
  CHECK(replica.last<Opened>(2)->overtaken);
  CHECK(replica.last<Opened>(2)->place->next == "/first");
  // Heartbeats of another owner may be lost too: nothing is taken over for the length of a lease.
  replica.open(3, globex);
  until({&replica}, [&] { return replica.last<Opened>(3) != nullptr; });
  CHECK(standby->value("select since >= failed_over + lease from logzio_okta.org, logzio_okta.meta, "
                       "logzio_okta.instance where domain = '" +
                       globex + "'") == "t");
  // But an org released since then has no owner: it continues long before such a lease is over.
  Replica next(both, "okta-2", 1h);
  CHECK(replica.store->close(false));
  next.open(1, acme);
  until({&next}, [&] { return next.last<Opened>(1) != nullptr; });
  CHECK(next.last<Opened>(1)->overtaken);
}

}  // namespace
}  // namespace logzio_okta
