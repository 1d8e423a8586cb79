// Edits of the state by an operator: StateEdit where no daemon holds it, StateView also beside one.
#include "shell/state/state_edit.hpp"

#include <filesystem>

#include "catch.hpp"
#include "shell/state/state_view.hpp"
#include "shell/temp_dir.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;
using test::TempDir;
using test::write_file;

namespace {

const WallTime start = parse_rfc3339("2026-11-23T12:00:00.000Z").value();
constexpr StreamId acme{1};

Place place_at(const std::string& next) {
  Place place;
  place.next = next;
  place.since = place.first_start = start;
  return place;
}

/// A daemon, as far as the state knows of it.
struct Owner {
  Store store;
  std::uint64_t saves = 0;

  explicit Owner(const std::string& dir) : store(Store::open(dir, start).value()) {
    store.open_stream({.stream = acme, .key = "acme.okta.com"});
    while (store.next_answer()) {
    }
  }
  void saves_place(const std::string& next, std::vector<SetAside> aside = {}) {
    Save save{.stream = acme,
              .number = ++saves,
              .place = place_at(next),
              .rows = {},
              .rows_from = 0,
              .set_aside = {}};
    save.place.watermark = start + 1h;
    save.place.in_doubt = InDoubt{.events_left = 10, .before = start};
    save.rows.push_back({.page = saves, .newest = start, .events = {{.uuid = saves, .bytes = saves}}});
    save.set_aside = std::move(aside);
    store.save(std::move(save), Instant{} + 1h);
    store.work(store.deadline().value(), true);
    while (store.next_answer()) {
    }
  }
};

}  // namespace

TEST_CASE("state edit: Okta's clock is between ours and where it was by the last save") {
  const TempDir dir;
  auto edit = StateEdit::open(dir.path());
  REQUIRE(edit.has_value());
  const auto unknown = edit->okta_time("acme.okta.com", start).value();
  REQUIRE(unknown.at_least == start);
  REQUIRE(unknown.at_most == start);
  for (const auto off : {2h, -192h}) {
    Place place = place_at("");
    place.okta_offset_ms = std::chrono::milliseconds(off).count();
    REQUIRE(edit->write("acme.okta.com", place).has_value());
    const auto known = edit->okta_time("acme.okta.com", start).value();
    REQUIRE(known.at_least == std::min(start, start + off));
    REQUIRE(known.at_most == std::max(start, start + off));
  }
}

TEST_CASE("state edit: makes a state where there is none, and what is written is what a daemon opens") {
  const TempDir dir;
  {
    auto edit = StateEdit::open(dir.path());
    REQUIRE(edit.has_value());
    REQUIRE_FALSE(edit->place("acme.okta.com").value().has_value());
    REQUIRE(edit->write("acme.okta.com", place_at("/api/v1/logs?after=1")).has_value());
    // One after the other, as fast as they come, without the rest that a loop takes after a commit.
    for (int i = 0; i < 20; ++i) {
      REQUIRE(edit->write("beta" + std::to_string(i) + ".okta.com", place_at("")).has_value());
    }
    REQUIRE(edit->place("acme.okta.com").value().value() == place_at("/api/v1/logs?after=1"));
    REQUIRE(edit->close().has_value());
  }
  Store store = Store::open(dir.path(), start).value();
  store.open_stream({.stream = acme, .key = "acme.okta.com"});
  Opened opened;
  while (auto answer = store.next_answer()) {
    if (auto* each = std::get_if<Opened>(&*answer)) opened = std::move(*each);
  }
  REQUIRE(opened.place == place_at("/api/v1/logs?after=1"));
  REQUIRE(opened.clean);  // What a person wrote is not in doubt.
}

TEST_CASE("state edit: a place that is written takes the one before with all that belonged to it") {
  const TempDir dir;
  {
    Owner owner(dir.path());
    owner.saves_place("/api/v1/logs?after=1");
    owner.saves_place("/api/v1/logs?after=2");
    REQUIRE(owner.store.close(false).has_value());
  }
  {
    auto edit = StateEdit::open(dir.path());
    REQUIRE(edit->write("acme.okta.com", place_at("/api/v1/logs?after=0")).has_value());
    REQUIRE(edit->place("acme.okta.com").value().value() == place_at("/api/v1/logs?after=0"));
    REQUIRE(edit->close().has_value());
  }
  Owner again(dir.path());
  again.store.read_window({.stream = acme});
  std::size_t rows = 0;
  while (auto answer = again.store.next_answer()) {
    if (const auto* window = std::get_if<WindowRead>(&*answer)) rows += window->rows.size();
  }
  REQUIRE(rows == 0);
}

TEST_CASE("state edit: while a daemon holds the state it says so with 75 and touches nothing") {
  const TempDir dir;
  Owner owner(dir.path());
  const auto edit = StateEdit::open(dir.path());
  REQUIRE_FALSE(edit.has_value());
  REQUIRE(edit.error().exit_code == 75);
}

TEST_CASE("state view: without a state, or with a file that is none, it says so") {
  const TempDir dir;
  REQUIRE_THAT(StateView::open(dir.path()).error().text, Contains("there is no state in " + dir.path()));
  REQUIRE(std::filesystem::is_empty(dir.path()));
  write_file(dir / "state.sqlite", std::string(5000, 'x'));
  auto view = StateView::open(dir.path());
  const std::string error = view ? (*view)->cursors().error().text : view.error().text;
  REQUIRE_THAT(error, Contains("cannot read") && Contains(dir.path()));
}

TEST_CASE("state view: shows beside a daemon where each stream stands, as it was saved last") {
  const TempDir dir;
  Owner owner(dir.path());
  owner.saves_place("/api/v1/logs?after=1");
  auto view = StateView::open(dir.path());
  REQUIRE((*view)->cursors()->at(0).next == "/api/v1/logs?after=1");
  owner.saves_place("/api/v1/logs?after=2");
  const auto rows = (*view)->cursors().value();
  REQUIRE(rows.size() == 1);
  REQUIRE(rows[0].key == "acme.okta.com");
  REQUIRE(rows[0].next == "/api/v1/logs?after=2");
  REQUIRE(rows[0].since == start);
  REQUIRE(rows[0].watermark == start + 1h);
  REQUIRE_FALSE(rows[0].caught_up.has_value());
}

TEST_CASE("state view: what is set aside is listed, read as Okta wrote it, and dropped one by one") {
  const TempDir dir;
  {
    Owner owner(dir.path());
    owner.saves_place("/api/v1/logs?after=1",
                      {{.reason = "too long", .answer = "", .events = 1, .bytes = "{\"n\":1}"},
                       {.reason = "refused", .answer = "400", .events = 2, .bytes = "{}{}"}});
    REQUIRE(owner.store.close(true).has_value());
  }
  Database database;
  REQUIRE(database.open(dir / "state.sqlite"));
  REQUIRE(database.run("UPDATE set_aside SET bytes = X'00' WHERE reason = 'refused'"));
  auto view = StateView::open(dir.path());
  const auto rows = (*view)->set_aside().value();
  REQUIRE(rows.size() == 2);
  REQUIRE(rows[0].stream == "acme.okta.com");
  REQUIRE(rows[0].reason == "too long");
  REQUIRE(rows[1].answer == "400");
  REQUIRE(rows[1].events == 2);
  REQUIRE(rows[0].bytes.empty());  // Only where one was asked for.
  REQUIRE((*view)->set_aside(rows[0].id).value().value().bytes == "{\"n\":1}");
  REQUIRE_THAT((*view)->set_aside(rows[1].id).error().text, Contains("is damaged"));
  REQUIRE_FALSE((*view)->set_aside(999).value().has_value());
  REQUIRE((*view)->drop(rows[0].id).has_value());
  REQUIRE((*view)->drop(999).has_value());
  REQUIRE((*view)->set_aside()->size() == 1);
}
