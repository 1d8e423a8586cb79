#include "shell/postgres/state_copy.hpp"

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "catch.hpp"
#include "postgres/server.hpp"
#include "shell/os/clock.hpp"
#include "shell/postgres/access.hpp"
#include "shell/postgres/postgres_view.hpp"
#include "shell/state/state_dir.hpp"
#include "shell/state/state_view.hpp"
#include "shell/state/store.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;

const std::string acme = "acme.okta.com";
const std::string pushes = "hooks - https://initech.okta.com";

template <typename Kind>
Kind next(Store& store) {
  while (auto answer = store.next_answer()) {
    if (auto* kind = std::get_if<Kind>(&*answer)) return std::move(*kind);
  }
  FAIL("no such answer");
  return {};
}

/// A place, a window row, something set aside, and two deliveries of which one is settled.
void fill(const std::string& dir) {
  Store store = Store::open(dir, wall_now()).value();
  Instant later = steady_now();
  const auto commit = [&] { store.work(later += 1h, true); };  // Past any rest between commits.
  store.open_stream({.stream = StreamId{1}, .key = acme});
  store.open_stream({.stream = StreamId{2}, .key = pushes});
  store.save({.stream = StreamId{1},
              .number = 1,
              .place = {.next = "/next", .pages = 7},
              .rows = {{.page = 7, .newest = std::nullopt, .events = {{.uuid = 1, .bytes = 2}}}},
              .set_aside = {{.reason = "not JSON", .answer = "\xff", .events = 1, .bytes = "{}"}}},
             steady_now());
  store.save({.stream = StreamId{2}, .number = 1, .place = {}}, steady_now());
  commit();
  for (std::uint64_t i = 1; i <= 2; ++i) {
    store.spool({.stream = StreamId{2},
                 .hook = HookId{i},
                 .at = wall_now(),
                 .source = "s",
                 .event_id = "i",
                 .event_time = "t",
                 .events = {{.hash = {.uuid = i, .bytes = i}, .bytes = "{}"}}},
                steady_now());
  }
  commit();
  store.save({.stream = StreamId{2}, .number = 2, .place = {.pages = 1}, .spool_settled = 1}, steady_now());
  commit();
  REQUIRE(store.close(true));
}

TEST_CASE("state copy: all of a state goes into a store and back, and neither way over another one",
          "[postgres]") {
  test::PostgresServer server;
  const test::TempDir from;
  const test::TempDir to;
  fill(from.path());
  const StoreAccess access{.url = server.url()};
  auto session = PgSession::open(access);
  REQUIRE(session);
  {
    Database database;
    REQUIRE(database.open(from.path() + "/" + state_file_name));
    const auto copied = copy_into_store(database, from.path(), *session);
    REQUIRE(copied);
    CHECK(copied->streams == 2);
    CHECK(copied->set_aside == 1);
    CHECK(copied->spooled == 1);
    auto second = PgSession::open(access);
    const auto again = copy_into_store(database, from.path(), *second);
    REQUIRE_FALSE(again);
    CHECK_THAT(again.error().text, Contains("has a state already"));
  }
  auto view = view_store(access);
  REQUIRE(view);
  CHECK((*view)->cursors()->at(0).next == "/next");
  CHECK((*view)->set_aside()->at(0).answer == "\xff");

  REQUIRE(Store::open(to.path(), wall_now())->close(true));
  {
    Database database;
    REQUIRE(database.open(to.path() + "/" + state_file_name));
    REQUIRE(copy_from_store(*session, database, to.path()));
  }
  Store store = Store::open(to.path(), wall_now()).value();
  store.open_stream({.stream = StreamId{1}, .key = acme});
  const Opened opened = next<Opened>(store);
  CHECK(opened.place->pages == 7);
  CHECK(opened.recent.at(0).events.at(0).uuid == 1);
  store.open_stream({.stream = StreamId{2}, .key = pushes});
  const std::uint64_t settled = next<Opened>(store).place->pages;
  store.read_spool({.stream = StreamId{2}, .after = settled, .rows_max = 9, .bytes_max = 999});
  CHECK(next<SpoolRead>(store).rows.size() == 1);
  // What comes next is numbered after what was settled, or it would never be read.
  store.spool({.stream = StreamId{2},
               .hook = HookId{3},
               .at = wall_now(),
               .events = {{.hash = {.uuid = 3, .bytes = 3}, .bytes = "{}"}}},
              steady_now());
  store.work(steady_now() + 1h, true);
  CHECK(next<Spooled>(store).newest > settled + 1);
}

}  // namespace
}  // namespace logzio_okta
