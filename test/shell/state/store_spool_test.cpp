#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sqlite3.h>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"
#include "shell/state/store.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;

constexpr StreamId globex{7};
const std::string key = "hooks - https://globex.okta.com";
const WallTime noon = parse_rfc3339("2026-11-23T12:00:00Z").value();

SpoolEvents::Event event(std::uint64_t uuid, const std::string& bytes) {
  return {.hash = {.uuid = uuid, .bytes = hash64(bytes)}, .bytes = bytes};
}

/// The store of one hook stream.
struct Bench {
  test::TempDir dir;
  std::optional<Store> store;
  Instant now{std::chrono::hours(1)};
  WallTime wall = noon;
  std::uint64_t hooks = 0;
  std::uint64_t saves = 0;

  Bench() { open(); }
  void open() {
    auto opened = Store::open(dir.path(), wall, Store::OnDamage::move_aside,
                              [] { return Instant{}; });  // Commits take no time.
    if (!opened) FAIL(opened.error().text);
    store.emplace(std::move(*opened));
    store->open_stream({.stream = globex, .key = key});
    static_cast<void>(answers());
    saves = 0;
    save({});
  }
  void crash() { store.reset(); }

  std::vector<Input> answers() {
    std::vector<Input> all;
    while (auto answer = store->next_answer()) all.push_back(std::move(*answer));
    return all;
  }
  void save(Save save) {
    save.stream = globex;
    save.number = ++saves;
    store->save(std::move(save), now);
    store->work(now, true);
    REQUIRE(std::holds_alternative<Saved>(answers().at(0)));
  }
  void queue(std::vector<SpoolEvents::Event> events) {
    store->spool({.stream = globex,
                  .hook = HookId{++hooks},
                  .at = wall,
                  .source = "\"s\"",
                  .event_id = "\"i\"",
                  .event_time = "",
                  .events = std::move(events)},
                 now);
  }
  Spooled spool(std::vector<SpoolEvents::Event> events) {
    queue(std::move(events));
    store->work(now, true);
    return std::get<Spooled>(answers().at(0));
  }
  std::vector<SpoolRow> read(std::uint64_t after = 0, std::size_t rows_max = 100,
                             std::size_t bytes_max = 1000) {
    store->read_spool({.stream = globex, .after = after, .rows_max = rows_max, .bytes_max = bytes_max});
    return std::get<SpoolRead>(answers().at(0)).rows;
  }
  void run_sql(const char* sql) const {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open((dir / "state.sqlite").c_str(), &database) == SQLITE_OK);
    CHECK(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
  }
};

}  // namespace

TEST_CASE("store spool: a state from before the spool is taken on") {
  Bench bench;
  bench.crash();
  bench.run_sql("DROP TABLE spool; DROP TABLE spool_seen; PRAGMA user_version = 1");
  bench.open();
  CHECK(bench.store->take_warnings().empty());
  CHECK(bench.spool({event(1, "{}")}).kept);
}

TEST_CASE("store spool: a disk that fails refuses at once and keeps the saves") {
  Bench bench;
  sqlite3* visitor = nullptr;  // Holds the file, so that nothing can be written.
  REQUIRE(sqlite3_open((bench.dir / "state.sqlite").c_str(), &visitor) == SQLITE_OK);
  REQUIRE(sqlite3_exec(visitor, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  Save save{.stream = globex, .number = ++bench.saves};
  bench.store->save(std::move(save), bench.now);
  const Spooled refused = [&] {
    bench.queue({event(1, "{}")});
    bench.store->work(bench.now, true);
    return std::get<Spooled>(bench.answers().at(0));
  }();
  CHECK_FALSE(refused.kept);
  CHECK_THAT(refused.why_not, Contains("cannot save in"));
  CHECK_FALSE([&] {
    bench.queue({event(1, "{}")});
    return std::get<Spooled>(bench.answers().at(0));
  }()
                  .kept);
  sqlite3_close(visitor);
  bench.now += limits::save_retry;
  bench.store->work(bench.now, true);
  CHECK(std::holds_alternative<Saved>(bench.answers().at(0)));
  CHECK(bench.spool({event(1, "{}")}).events == 1);
}

namespace {

/// The size of the state's main file.
std::uintmax_t file_bytes(const Bench& bench) {
  return std::filesystem::file_size(bench.dir / "state.sqlite");
}

/// Twice what is kept free, in rows of 256 KiB; then all of it is settled.
void fills_and_drains(Bench& bench) {
  constexpr std::size_t row_bytes = 256 * limits::KiB;
  const std::size_t rows = 2 * 4096 * limits::state_pages_kept_free / row_bytes;
  std::uint64_t newest = 0;
  for (std::size_t n = 1; n <= rows; ++n) {
    newest = bench.spool({event(n, "\"" + std::string(row_bytes, 'x') + "\"")}).newest;
  }
  Save settled;
  settled.spool_settled = newest;
  bench.save(std::move(settled));
}

/// Turns the loop for as long as the store asks for it.
int rests_until_it_wants_nothing(Bench& bench) {
  int turns = 0;
  while (const auto due = bench.store->deadline()) {
    REQUIRE(++turns < 1000);
    REQUIRE(*due < bench.now + limits::save_retry);
    bench.now = std::max(bench.now, *due);
    bench.store->work(bench.now, true);
  }
  return turns;
}

}  // namespace

TEST_CASE("store spool: the room of a drained spool is given back, a few pages at a time") {
  Bench bench;
  fills_and_drains(bench);
  const std::uintmax_t full = file_bytes(bench);
  REQUIRE(full >= 2 * 4096 * limits::state_pages_kept_free);
  CHECK(rests_until_it_wants_nothing(bench) >= limits::state_pages_kept_free / limits::state_pages_step);
  REQUIRE(bench.store->close(true));
  CHECK(file_bytes(bench) < full * 6 / 10);
  bench.open();
  CHECK(bench.spool({event(1, "\"new\"")}).kept);
}

TEST_CASE("store spool: a file from before files could shrink learns it at a start") {
  Bench bench;
  bench.crash();
  bench.run_sql("PRAGMA auto_vacuum = NONE; VACUUM");
  bench.open();
  fills_and_drains(bench);
  bench.crash();
  bench.run_sql("PRAGMA auto_vacuum = NONE; VACUUM");
  bench.open();
  fills_and_drains(bench);
  rests_until_it_wants_nothing(bench);
  REQUIRE(bench.store->close(true));
  CHECK(file_bytes(bench) < 4096 * limits::state_pages_kept_free * 12 / 10);
}

}  // namespace logzio_okta
