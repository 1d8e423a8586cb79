// What every store promises (shell/state/state_store.hpp), stated once and tested on each of them.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sqlite3.h>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"
#include "postgres/server.hpp"
#include "shell/postgres/postgres_store.hpp"
#include "shell/state/state_store.hpp"
#include "shell/state/store.hpp"
#include "shell/store_bench.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

using test::noon;
using test::row;
using test::save_of;

constexpr StreamId acme{1};
constexpr StreamId beta{2};
const std::string acme_key = "acme.okta.com";
const std::string beta_key = "beta.okta.com";

WallTime wall(std::string_view text) {
  return parse_rfc3339(text).value();
}

/// Where a state is kept, seen from outside: the runs of one daemon after the other.
class Home {
 public:
  Home() = default;
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  virtual ~Home() = default;

  [[nodiscard]] virtual std::unique_ptr<StateStore> open() = 0;
  /// What a kill -9 leaves behind, seen by the next run.
  virtual void crash(std::unique_ptr<StateStore> store) = 0;
  /// From now on no save can be written; and the repair of that.
  virtual void break_saves() = 0;
  virtual void mend_saves() = 0;
};

class SqliteHome final : public Home {
 public:
  std::unique_ptr<StateStore> open() override {
    auto opened = Store::open(dir_.path(), noon, Store::OnDamage::move_aside, [] { return Instant{}; });
    if (!opened) FAIL(opened.error().text);
    return std::make_unique<Store>(std::move(*opened));
  }
  void crash(std::unique_ptr<StateStore> store) override { store.reset(); }
  void break_saves() override { run("ALTER TABLE window RENAME TO hidden"); }
  void mend_saves() override { run("ALTER TABLE hidden RENAME TO window"); }

 private:
  void run(const char* sql) const {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open((dir_ / "state.sqlite").c_str(), &database) == SQLITE_OK);
    CHECK(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
  }

  test::TempDir dir_;
};

class PostgresHome final : public Home {
 public:
  PostgresHome() { run("DROP SCHEMA IF EXISTS logzio_okta CASCADE"); }
  std::unique_ptr<StateStore> open() override {
    return std::make_unique<PostgresStore>(PostgresOptions{
        .access = {.url = server().socket_url(), .password = {}, .password_file = {}, .ca_file = {}},
        .instance = "okta-1"});
  }
  /// Its lease has ended when the next run begins.
  void crash(std::unique_ptr<StateStore> store) override {
    store.reset();
    run("UPDATE logzio_okta.instance SET seen = seen - interval '1 hour'");
  }
  void break_saves() override { run("ALTER TABLE logzio_okta.window_row RENAME TO hidden"); }
  void mend_saves() override { run("ALTER TABLE logzio_okta.hidden RENAME TO window_row"); }

 private:
  static test::PostgresServer& server() {
    static test::PostgresServer server;
    return server;
  }
  static void run(const std::string& sql) { static_cast<void>(server().query(sql)); }
};

struct Kind {
  const char* name;
  std::unique_ptr<Home> (*home)();
};

std::vector<Kind> kinds() {
  std::vector<Kind> kinds = {
      {.name = "SQLite", .home = []() -> std::unique_ptr<Home> { return std::make_unique<SqliteHome>(); }}};
  if (test::PostgresServer::programs()) {
    kinds.push_back({.name = "PostgreSQL",
                     .home = []() -> std::unique_ptr<Home> { return std::make_unique<PostgresHome>(); }});
  } else {
    test::skip("PostgreSQL is not installed; tried on SQLite alone");
  }
  return kinds;
}

/// One daemon after the other on one state.
struct Bench {
  std::unique_ptr<Home> home;
  test::StoreClock clock;
  std::optional<test::StoreRun> run;

  explicit Bench(const Kind& kind) : home(kind.home()) {
    UNSCOPED_INFO("on " << kind.name);
    open();
  }

  [[nodiscard]] StateStore& store() { return *run->store; }
  void open() {
    run.emplace(clock, home->open());
    static_cast<void>(run->next<SetAsideSize>());
  }
  void crash() {
    std::unique_ptr<StateStore> store = std::move(run->store);
    run.reset();
    home->crash(std::move(store));
  }
  void stop() {
    CHECK(store().close(true));
    run.reset();
  }

  Opened open_stream(StreamId stream = acme, const std::string& key = acme_key) {
    return run->open_stream(stream, key);
  }
  WindowRead read_window(StreamId stream = acme) {
    store().read_window({.stream = stream});
    return run->next<WindowRead>();
  }
  void save(Save each) { run->save(std::move(each)); }
  void save_on_disk(Save each) { run->save_on_disk(std::move(each)); }
};

Place place_with_everything() {
  Place place;
  place.next = "/api/v1/logs?after=1%2C2&limit=10";
  place.since = wall("2026-11-16T12:00:00.001Z");
  place.first_start = wall("2026-11-23T12:00:00.002Z");
  place.pages = 123'456'789'012;
  place.limit = 10;
  place.repeated = true;
  place.watermark = wall("2026-11-22T00:00:00.003Z");
  place.window_from = wall("2026-11-21T00:00:00.004Z");
  place.restore_limit = wall("2026-11-22T00:00:00.005Z");
  place.recovering = wall("2026-11-22T00:00:00.006Z");
  place.caught_up = wall("2026-11-22T00:00:00.007Z");
  place.in_doubt =
      InDoubt{.events_left = InDoubt::up_to_the_tail, .before = wall("2026-11-23T12:00:00.008Z")};
  place.quiet_until = wall("2026-11-23T12:01:00.009Z");
  place.okta_offset_ms = -86'400'123;
  place.gap_from = wall("2026-08-01T00:00:00.010Z");
  place.gap_until = wall("2026-08-02T00:00:00.011Z");
  return place;
}

using Pages = std::vector<std::uint64_t>;
Pages pages_of(const WindowRead& window) {
  Pages pages;
  for (const WindowRow& one : window.rows) pages.push_back(one.page);
  return pages;
}

}  // namespace

// Places.

TEST_CASE("contract: a stream that is new has no place, and nothing of it is in doubt") {
  Bench bench(GENERATE(from_range(kinds())));
  const Opened opened = bench.open_stream();
  CHECK(opened.stream == acme);
  CHECK_FALSE(opened.place);
  CHECK(opened.clean);
  CHECK_FALSE(opened.overtaken);
  CHECK(opened.rows.empty());
  CHECK(opened.recent.empty());
}

TEST_CASE("contract: every field of a place survives, and so does the absence of those that may be absent") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream(acme, acme_key);
  bench.open_stream(beta, beta_key);
  Save full = save_of(acme, 1, 1);
  full.place = place_with_everything();
  const Place bare{};
  Save empty = save_of(beta, 1, 1);
  empty.place = bare;
  bench.save_on_disk(full);
  bench.save_on_disk(empty);
  bench.stop();

  bench.open();
  CHECK(bench.store().take_warnings().empty());
  const Opened first = bench.open_stream(StreamId{7}, acme_key);
  CHECK(first.stream == StreamId{7});
  CHECK(first.place == place_with_everything());
  CHECK(first.clean);
  CHECK(bench.open_stream(StreamId{8}, beta_key).place == bare);
}

TEST_CASE("contract: a stream opened again in the same run sees what is still queued, its doubt included") {
  Bench bench(GENERATE(from_range(kinds())));
  CHECK(bench.open_stream(StreamId{1}).clean);
  Save last = save_of(StreamId{1}, 1, 5);
  last.place.in_doubt = InDoubt{.events_left = 7, .before = {}};
  bench.save(std::move(last));
  bench.store().open_stream({.stream = StreamId{2}, .key = acme_key});
  // Whether the save is durable by then is the store's business.
  Input answer = bench.run->next_input();
  if (std::holds_alternative<Saved>(answer)) answer = bench.run->next_input();
  const auto& again = std::get<Opened>(answer);
  CHECK(again.clean);
  REQUIRE(again.place);
  CHECK(again.place->in_doubt == InDoubt{.events_left = 7, .before = {}});
  CHECK(again.place->pages == 5);
  CHECK(again.rows == std::vector<RowInfo>{{.page = 5, .newest = row(5, 3).newest, .events = 3}});
}

TEST_CASE(
    "contract: what is acknowledged is there after a kill, and what was queued is whole or not at all") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream(acme, acme_key);
  bench.open_stream(beta, beta_key);
  bench.save(save_of(acme, 1, 1));
  bench.save(save_of(acme, 2, 2));
  bench.save(save_of(beta, 1, 1));
  // One answer may cover several saves of a stream.
  for (std::uint64_t of_acme = 0, of_beta = 0; of_acme < 2 || of_beta < 1;) {
    const Saved saved = bench.run->next<Saved>();
    std::uint64_t& number = saved.stream == acme ? of_acme : of_beta;
    CHECK(saved.number > number);
    number = saved.number;
  }
  bench.save(save_of(acme, 3, 3));
  bench.crash();

  bench.open();
  const Opened opened = bench.open_stream();
  REQUIRE(opened.place);
  CHECK(opened.place->pages >= 2);
  CHECK(opened.rows.size() == opened.place->pages);
}

TEST_CASE("contract: what was queued is written by an orderly close") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream();
  bench.save(save_of(acme, 1, 9));
  bench.stop();
  bench.open();
  const Opened opened = bench.open_stream();
  CHECK(opened.place->pages == 9);
  CHECK(opened.clean);
}

TEST_CASE(
    "contract: a stream is overtaken once another of its org was saved after it, until it is saved itself") {
  const std::string login = acme_key + "?q=login";
  const std::string admin = acme_key + "?q=admin";
  const std::string longer = acme_key + ".example.com";
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream(StreamId{1}, acme_key);
  bench.open_stream(StreamId{2}, login);
  bench.open_stream(StreamId{3}, longer);
  for (const auto id : {StreamId{1}, StreamId{2}, StreamId{3}}) bench.save_on_disk(save_of(id, 1, 1));
  CHECK(bench.open_stream(StreamId{4}, acme_key).overtaken);
  CHECK_FALSE(bench.open_stream(StreamId{5}, login).overtaken);
  CHECK_FALSE(bench.open_stream(StreamId{6}, longer).overtaken);
  CHECK_FALSE(bench.open_stream(StreamId{7}, admin).overtaken);  // New.
  bench.save_on_disk(save_of(StreamId{4}, 1, 2));
  CHECK_FALSE(bench.open_stream(StreamId{8}, acme_key).overtaken);
  CHECK(bench.open_stream(StreamId{9}, login).overtaken);
  bench.crash();
  bench.open();
  const Opened after_crash = bench.open_stream(StreamId{10}, login);
  CHECK(after_crash.overtaken);
  CHECK_FALSE(after_crash.clean);
  CHECK_FALSE(bench.open_stream(StreamId{11}, acme_key).overtaken);
}

// How a run ends.

TEST_CASE("contract: after an end without close a stream is unclean until its next save") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  bench.crash();

  bench.open();
  CHECK_FALSE(bench.open_stream().clean);
  bench.stop();
  bench.open();  // The run in between ended in order, but it never took the doubt over into the place.
  CHECK_FALSE(bench.open_stream().clean);
  bench.save_on_disk(save_of(acme, 1, 2));
  bench.stop();
  bench.open();
  CHECK(bench.open_stream().clean);
}

TEST_CASE("contract: an orderly end that says a bulk is unanswered counts as unclean") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  REQUIRE(bench.store().close(false));
  bench.run.reset();
  bench.open();
  CHECK_FALSE(bench.open_stream().clean);
}

TEST_CASE("contract: a start that ends before any stream was opened leaves no doubt") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  SECTION("after an orderly end") {
    bench.stop();
    bench.open();
    bench.crash();
    bench.open();
    CHECK(bench.open_stream().clean);
  }
  SECTION("nor does it take any away") {
    bench.crash();
    bench.open();
    bench.crash();
    bench.open();
    CHECK_FALSE(bench.open_stream().clean);
  }
}

TEST_CASE("contract: a tenant away during a crash's aftermath still comes back in doubt") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream(acme, acme_key);
  bench.open_stream(beta, beta_key);
  bench.save_on_disk(save_of(acme, 1, 1));
  bench.save_on_disk(save_of(beta, 1, 1));
  bench.crash();
  bench.open();
  bench.open_stream(acme, acme_key);
  bench.save_on_disk(save_of(acme, 1, 2));
  bench.stop();
  bench.open();
  CHECK(bench.open_stream(acme, acme_key).clean);
  CHECK_FALSE(bench.open_stream(beta, beta_key).clean);
}

// The window, and what is set aside.

TEST_CASE("contract: the window comes back oldest first, with queued rows and without dropped ones") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream(acme, acme_key);
  bench.open_stream(beta, beta_key);
  for (std::uint64_t page = 1; page <= 4; ++page) bench.save_on_disk(save_of(acme, page, page));
  bench.save_on_disk(save_of(beta, 1, 1));
  CHECK(pages_of(bench.read_window()) == Pages{1, 2, 3, 4});

  Save next = save_of(acme, 5, 5);
  next.rows_from = 3;
  bench.save(next);
  bench.store().read_window({.stream = acme});
  Input answer = bench.run->next_input();
  if (std::holds_alternative<Saved>(answer)) answer = bench.run->next_input();
  const auto& window = std::get<WindowRead>(answer);
  CHECK(window.stream == acme);
  CHECK(pages_of(window) == Pages{3, 4, 5});
  CHECK(window.rows.at(0) == row(3, 3));
  CHECK(window.rows.at(2) == row(5, 3));
  bench.stop();

  bench.open();
  const Opened opened = bench.open_stream(acme, acme_key);
  REQUIRE(opened.rows.size() == 3);
  CHECK(opened.rows[0] == RowInfo{.page = 3, .newest = row(3, 3).newest, .events = 3});
  CHECK(pages_of(bench.read_window()) == Pages{3, 4, 5});
  bench.open_stream(beta, beta_key);
  CHECK(pages_of(bench.read_window(beta)) == Pages{1});
}

TEST_CASE("contract: the newest pages come with the place, up to what is kept in memory") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream();
  Save save = save_of(acme, 1, 3);
  save.rows = {row(1, limits::recent_events_max), row(2, 3), row(3, 4)};
  bench.save_on_disk(std::move(save));
  CHECK(bench.open_stream().recent == std::vector{row(2, 3), row(3, 4)});
}

TEST_CASE("contract: a row without a newest event and one without events survive") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream();
  Save save = save_of(acme, 1, 2);
  save.rows = {{.page = 1, .newest = std::nullopt, .events = {{.uuid = ~0ULL, .bytes = 1ULL << 63U}}},
               {.page = 2, .newest = noon, .events = {}}};
  bench.save_on_disk(save);
  CHECK(bench.read_window().rows == save.rows);
}

TEST_CASE("contract: at most window_events_max events are read back, the newest") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream();
  constexpr std::size_t events = limits::window_events_max / 4 + 1;
  for (std::uint64_t page = 1; page <= 5; ++page) {
    Save save = save_of(acme, page, page);
    save.rows = {row(page, events)};
    bench.save_on_disk(save);
  }
  CHECK(pages_of(bench.read_window()) == Pages{3, 4, 5});
}

TEST_CASE("contract: what is set aside is counted as it is packed, over a restart too") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream();
  Save save = save_of(acme, 1, 1);
  save.set_aside = {{.reason = "not JSON", .answer = "{}", .events = 1, .bytes = std::string(20'000, 'x')},
                    {.reason = "over 500,000 bytes", .answer = "", .events = 0, .bytes = ""}};
  CHECK(bench.store().set_aside_bytes() == 0);
  bench.save_on_disk(save);
  const std::uint64_t size = bench.store().set_aside_bytes();
  CHECK(size > 2 * limits::set_aside_item_bytes);
  CHECK(size < 1000);
  bench.stop();
  bench.open();
  CHECK(bench.store().set_aside_bytes() == size);
}

// Commits that fail, and those that have to wait.

TEST_CASE("contract: a save that cannot be written is reported, kept whole, and written once it can be") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  bench.home->break_saves();
  bench.save(save_of(acme, 2, 2));
  CHECK_FALSE(bench.run->next<SaveFailed>().text.empty());
  bench.save(save_of(acme, 3, 3));
  bench.home->mend_saves();
  for (std::uint64_t number = 0; number < 3;) {
    const Input answer = bench.run->next_input();
    if (const auto* saved = std::get_if<Saved>(&answer)) number = saved->number;
  }
  bench.crash();
  bench.open();
  CHECK(bench.open_stream().place->pages == 3);
  CHECK(pages_of(bench.read_window()) == Pages{1, 2, 3});
}

TEST_CASE("contract: saves are held as long as something else has to be on disk first, and tried again") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream();
  bool free = false;
  bench.store().hold_saves([&]() -> std::optional<SaveFailed> {
    return free ? std::nullopt : std::optional(SaveFailed{.text = "no room for copies", .copy = true});
  });
  bench.save(save_of(acme, 1, 1));
  for (int times = 0; times < 2; ++times) {
    const auto failed = bench.run->next<SaveFailed>();
    CHECK(failed.text == "no room for copies");
    CHECK(failed.copy);
  }
  free = true;
  CHECK(bench.run->next<Saved>().number == 1);
}

TEST_CASE("contract: what is held at the end is not saved, and the next run finds an unclean end") {
  Bench bench(GENERATE(from_range(kinds())));
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  bench.store().hold_saves([] { return SaveFailed{.text = "no room for copies", .copy = true}; });
  bench.save(save_of(acme, 2, 2));
  const auto closed = bench.store().close(true);
  REQUIRE_FALSE(closed);
  CHECK_THAT(closed.error().text, Catch::Matchers::Contains("cannot save: "));
  bench.crash();
  bench.open();
  const Opened opened = bench.open_stream();
  CHECK_FALSE(opened.clean);
  CHECK(opened.place->pages == 1);
}

// The spool.

namespace {

constexpr StreamId globex{7};
const std::string hooks_key = "hooks - https://globex.okta.com";

SpoolEvents::Event event(std::uint64_t uuid, const std::string& bytes) {
  return {.hash = {.uuid = uuid, .bytes = hash64(bytes)}, .bytes = bytes};
}

/// The store of one hook stream.
struct Spool : Bench {
  WallTime at = noon;
  std::uint64_t hooks = 0;
  std::uint64_t saves = 0;

  explicit Spool(const Kind& kind) : Bench(kind) { begin(); }
  /// A new run has been opened.
  void begin() {
    open_stream(globex, hooks_key);
    saves = 0;
    save_place({});
  }
  void save_place(Save save) {
    save.stream = globex;
    save.number = ++saves;
    save_on_disk(std::move(save));
  }
  void queue(std::vector<SpoolEvents::Event> events) {
    store().spool({.stream = globex,
                   .hook = HookId{++hooks},
                   .at = at,
                   .source = "\"s\"",
                   .event_id = "\"i\"",
                   .event_time = "",
                   .events = std::move(events)},
                  clock.now());
  }
  Spooled spool(std::vector<SpoolEvents::Event> events) {
    queue(std::move(events));
    return run->next<Spooled>();
  }
  std::vector<SpoolRow> read(std::uint64_t after = 0, std::size_t rows_max = 100,
                             std::size_t bytes_max = 1000) {
    store().read_spool({.stream = globex, .after = after, .rows_max = rows_max, .bytes_max = bytes_max});
    return run->next<SpoolRead>().rows;
  }
};

}  // namespace

TEST_CASE("contract: a delivery that was kept is there after a kill, in order, with its envelope") {
  Spool bench(GENERATE(from_range(kinds())));
  const Spooled first = bench.spool({event(1, "{\"a\":1}"), event(2, "{\"b\":2}")});
  CHECK(first.kept);
  CHECK(first.events == 2);
  CHECK(first.duplicates == 0);
  bench.crash();
  bench.open();
  const std::vector<SpoolSummary> found = bench.store().take_spool_found();
  REQUIRE(found.size() == 1);
  CHECK(found[0].key == hooks_key);
  CHECK(found[0].newest == first.newest);
  CHECK(found[0].events == 2);
  CHECK(found[0].bytes == first.bytes);
  CHECK(found[0].bytes == spool_bytes_charged(std::string(R"([{"a":1},{"b":2}]"s""i")").size(), 2));
  CHECK(found[0].oldest == noon);
  bench.begin();
  const auto rows = bench.read();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].events == R"([{"a":1},{"b":2}])");
  CHECK(rows[0].source == "\"s\"");
  CHECK(rows[0].event_id == "\"i\"");
  CHECK(rows[0].event_time.empty());
  CHECK(rows[0].marked);  // It may have been in flight.
}

TEST_CASE("contract: an event is kept once in a day, another of its uuid as one that may be a repeat") {
  Spool bench(GENERATE(from_range(kinds())));
  CHECK(bench.spool({event(1, "{}"), event(1, "{}")}).duplicates == 1);
  CHECK(bench.spool({event(1, "{}")}).newest == 0);
  const Spooled changed = bench.spool({event(1, "{\"x\":1}"), event(2, "{}")});
  CHECK(changed.events == 2);
  const auto rows = bench.read(1);
  REQUIRE(rows.size() == 2);
  CHECK_FALSE(rows[0].marked);
  CHECK(rows[1].marked);
  CHECK(rows[1].events == "[{\"x\":1}]");

  bench.at += 24h;
  CHECK(bench.spool({event(2, "{}")}).duplicates == 1);
  bench.at += 2h;
  CHECK(bench.spool({event(9, "{}")}).events == 1);  // Forgets two of the oldest ...
  CHECK(bench.spool({event(2, "{}")}).events == 1);  // ... and this was one.
}

TEST_CASE(
    "contract: spooled rows go with the save that settles them, and are marked by one that doubts them") {
  Spool bench(GENERATE(from_range(kinds())));
  for (std::uint64_t n = 1; n <= 3; ++n) bench.spool({event(n, "{}")});
  const std::uint64_t first = bench.read().at(0).number;
  bench.save_place({.spool_settled = first});
  bench.save_place({.spool_doubted = first + 1});
  const auto rows = bench.read();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].number == first + 1);
  CHECK(rows[0].marked);
  CHECK_FALSE(rows[1].marked);
  CHECK(bench.spool({event(4, "{}")}).newest == first + 3);  // A number is never used again.
  bench.save_place({.spool_settled = first + 3});
  CHECK(bench.spool({event(5, "{}")}).newest == first + 4);
}

TEST_CASE("contract: the spool is read in bounded pieces, at least a row") {
  Spool bench(GENERATE(from_range(kinds())));
  for (std::uint64_t n = 1; n <= 5; ++n) bench.spool({event(n, R"({"some":"bytes"})")});
  CHECK(bench.read(0, 2).size() == 2);
  CHECK(bench.read(2, 100).size() == 3);
  CHECK(bench.read(0, 100, 1).size() == 1);
  CHECK(bench.read(5).empty());
}

TEST_CASE("contract: after an orderly end no spooled row is marked") {
  Spool bench(GENERATE(from_range(kinds())));
  bench.spool({event(1, "{}")});
  bench.stop();
  bench.open();
  bench.begin();
  CHECK_FALSE(bench.read().at(0).marked);
}

TEST_CASE("contract: what holds saves keeps no delivery from being kept") {
  Spool bench(GENERATE(from_range(kinds())));
  bench.store().hold_saves([] { return SaveFailed{.text = "no room for copies", .copy = true}; });
  bench.save({.stream = globex, .number = ++bench.saves});
  bench.queue({event(1, "{}")});
  bool kept = false;
  bool held = false;
  while (!kept || !held) {
    const Input answer = bench.run->next_input();
    if (const auto* spooled = std::get_if<Spooled>(&answer)) kept = spooled->kept;
    if (const auto* failed = std::get_if<SaveFailed>(&answer)) held = failed->copy;
  }
  bench.store().hold_saves({});
  CHECK(bench.run->next<Saved>().number == bench.saves);
}

}  // namespace logzio_okta
