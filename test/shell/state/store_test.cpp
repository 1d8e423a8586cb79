#include "shell/state/store.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>
#include <variant>

#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"
#include "shell/flaky_disk.hpp"
#include "shell/store_bench.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;
using test::names_like;
using test::read_file;
using test::row;
using test::save_of;
using test::TempDir;
using test::write_file;

constexpr StreamId acme{1};
constexpr StreamId beta{2};

const WallTime start = test::noon;

/// Until told otherwise, a commit takes no time, so that nothing here depends on the machine's speed.
struct Bench {
  TempDir dir;
  Instant now{std::chrono::hours(1)};
  Duration commit_takes{0};
  Instant clock{};
  std::optional<Store> store;
  std::vector<std::string> warnings;

  [[nodiscard]] std::expected<Store, StoreError> try_open() {
    return Store::open(dir.path(), start, Store::OnDamage::move_aside,
                       [this] { return clock += commit_takes; });
  }
  void open() {
    auto opened = try_open();
    if (!opened) FAIL(opened.error().text);
    store.emplace(std::move(*opened));
    warnings = store->take_warnings();
    CHECK(next<SetAsideSize>().bytes == store->set_aside_bytes());
  }
  /// What a kill -9 leaves behind.
  void crash() { store.reset(); }
  void stop() {
    CHECK(store->close(true));
    store.reset();
  }

  template <class Answer>
  Answer next() {
    auto answer = store->next_answer();
    REQUIRE(answer);
    REQUIRE(std::holds_alternative<Answer>(*answer));
    return std::get<Answer>(*answer);
  }
  [[nodiscard]] bool says_nothing() { return !store->next_answer(); }

  Opened open_stream(StreamId stream = acme, const std::string& key = "acme.okta.com") {
    store->open_stream({.stream = stream, .key = key});
    return next<Opened>();
  }
  WindowRead read_window(StreamId stream = acme) {
    store->read_window({.stream = stream});
    return next<WindowRead>();
  }
  void save(Save save) { store->save(std::move(save), now); }
  void about_to_block() { store->work(now, true); }
  void pass(Duration time) { now += time; }
  void save_on_disk(Save save) {
    const std::uint64_t number = save.number;
    this->save(std::move(save));
    about_to_block();
    REQUIRE(next<Saved>().number == number);
  }
  [[nodiscard]] std::string file() const { return dir / "state.sqlite"; }
};

/// Another program with the file open.
class Visitor {
 public:
  explicit Visitor(const std::string& path) { REQUIRE(sqlite3_open(path.c_str(), &handle_) == SQLITE_OK); }
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;
  ~Visitor() { sqlite3_close(handle_); }

  void run(const std::string& sql) {
    INFO(sql);
    REQUIRE(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  std::string text(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, 0));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, 0));
    std::string value(size == 0 ? "" : data, size);
    sqlite3_finalize(statement);
    return value;
  }

 private:
  sqlite3* handle_ = nullptr;
};

mode_t mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

std::vector<std::uint64_t> pages_of(const WindowRead& window) {
  std::vector<std::uint64_t> pages;
  for (const WindowRow& one : window.rows) pages.push_back(one.page);
  return pages;
}

using Pages = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("store: a first start makes the directory and the file for only its owner and warns") {
  const TempDir parent;
  const std::string dir = parent / "a/b";
  auto store = Store::open(dir, start);
  REQUIRE(store);
  CHECK(mode_of(dir) == 0700);
  CHECK(mode_of(dir + "/state.sqlite") == 0600);
  CHECK(mode_of(dir + "/lock") == 0600);
  const auto warnings = store->take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], Contains("no state found in " + dir));
  CHECK(store->take_warnings().empty());
}

TEST_CASE("store: what was in flight is known after a kill, until a save passes it") {
  Bench bench;
  bench.open();
  REQUIRE(bench.open_stream().in_flight->empty());
  bench.save_on_disk(save_of(acme, 1, 1));
  const std::vector<EventHash> second = row(2, 3).events;
  const std::vector<EventHash> third = row(3, 2).events;
  bench.store->note({.stream = acme, .page = 2, .events = second}, bench.now);
  bench.store->note({.stream = acme, .page = 3, .events = third}, bench.now);
  REQUIRE(bench.store->notes_written());
  bench.crash();

  bench.open();
  Opened again = bench.open_stream();
  REQUIRE_FALSE(again.clean);
  std::vector<EventHash> both = second;
  both.insert(both.end(), third.begin(), third.end());
  REQUIRE(again.in_flight == both);
  Save passes = save_of(acme, 1, 2);
  passes.in_flight_from = 3;
  bench.save_on_disk(std::move(passes));
  bench.crash();

  bench.open();
  REQUIRE(bench.open_stream().in_flight == third);
  bench.save_on_disk(save_of(acme, 1, 2));  // Passes nothing.
  bench.stop();
  bench.open();
  REQUIRE(bench.open_stream().in_flight == third);
}

TEST_CASE(
    "store: after the machine went down, or a run that noted nothing, nobody knows what was in flight") {
  for (const char* change : {"UPDATE in_flight_run SET boot = 'another'", "UPDATE run SET started_ms = 1",
                             "DELETE FROM in_flight_run"}) {
    INFO(change);
    Bench bench;
    bench.open();
    static_cast<void>(bench.open_stream());
    bench.save_on_disk(save_of(acme, 1, 1));
    bench.store->note({.stream = acme, .page = 2, .events = row(2, 3).events}, bench.now);
    bench.crash();
    Visitor(bench.file()).run(change);
    bench.open();
    REQUIRE_FALSE(bench.open_stream().in_flight);
    bench.crash();
    bench.open();
    REQUIRE_FALSE(bench.open_stream().in_flight);  // As long as it is not passed.
    Save passes = save_of(acme, 1, 2);
    passes.in_flight_from = 3;
    bench.save_on_disk(std::move(passes));
    bench.crash();
    bench.open();
    REQUIRE(bench.open_stream().in_flight->empty());
  }
}

TEST_CASE("store: what cannot be noted is noted as soon as it can, and until then it says so") {
  Bench bench;
  bench.open();
  static_cast<void>(bench.open_stream());
  bench.save_on_disk(save_of(acme, 1, 1));
  {
    Visitor visitor(bench.file());
    visitor.run("BEGIN IMMEDIATE");
    bench.store->note({.stream = acme, .page = 2, .events = row(2, 3).events}, bench.now);
    REQUIRE_FALSE(bench.store->notes_written());
    REQUIRE(bench.store->deadline() == bench.now + limits::save_retry);
    visitor.run("ROLLBACK");
  }
  bench.about_to_block();
  REQUIRE_FALSE(bench.store->notes_written());
  bench.pass(limits::save_retry);
  bench.about_to_block();
  REQUIRE(bench.store->notes_written());
  bench.crash();
  bench.open();
  REQUIRE(bench.open_stream().in_flight == row(2, 3).events);
}

TEST_CASE("store: saves are gathered until the loop is about to block") {
  Bench bench;
  bench.open();
  bench.open_stream(acme, "acme.okta.com");
  bench.open_stream(beta, "beta.okta.com");
  CHECK_FALSE(bench.store->deadline());
  bench.save(save_of(acme, 1, 1));
  bench.save(save_of(acme, 2, 2));
  bench.save(save_of(beta, 1, 1));
  bench.store->work(bench.now, false);
  CHECK(bench.says_nothing());
  bench.about_to_block();
  CHECK(bench.next<Saved>().number == 2);
  const Saved second = bench.next<Saved>();
  CHECK(second.stream == beta);
  CHECK(second.number == 1);
  CHECK(bench.says_nothing());
  CHECK_FALSE(bench.store->deadline());
}

TEST_CASE("store: a busy loop commits commit_delay after the oldest save") {
  Bench bench;
  bench.open();
  bench.open_stream();
  bench.save(save_of(acme, 1, 1));
  const Instant due = bench.now + limits::commit_delay;
  CHECK(bench.store->deadline() == due);
  bench.pass(limits::commit_delay - 1ms);
  bench.save(save_of(acme, 2, 2));
  bench.store->work(bench.now, false);
  CHECK(bench.says_nothing());
  CHECK(bench.store->deadline() == due);
  bench.pass(1ms);
  bench.store->work(bench.now, false);
  CHECK(bench.next<Saved>().number == 2);
}

TEST_CASE("store: after a slow commit it rests nine times as long") {
  Bench bench;
  bench.open();
  bench.open_stream();
  bench.commit_takes = 20ms;
  bench.save_on_disk(save_of(acme, 1, 1));
  const Instant rested = bench.now + 20ms + limits::commit_rest * 20ms;
  bench.pass(100ms);
  bench.save(save_of(acme, 2, 2));
  bench.about_to_block();
  CHECK(bench.says_nothing());
  CHECK(bench.store->deadline() == rested);
  bench.now = rested - 1ns;
  bench.about_to_block();
  CHECK(bench.says_nothing());
  bench.now = rested;
  bench.store->work(bench.now, false);
  CHECK(bench.next<Saved>().number == 2);
}

TEST_CASE("store: after a single very slow commit it goes on soon") {
  Bench bench;
  bench.open();
  bench.open_stream();
  bench.commit_takes = 1500ms;
  bench.save_on_disk(save_of(acme, 1, 1));
  const Instant rested = bench.now + 1500ms + limits::commit_rest_max;
  bench.save(save_of(acme, 2, 2));
  bench.about_to_block();
  CHECK(bench.says_nothing());
  CHECK(bench.store->deadline() == rested);
  bench.now = rested;
  bench.store->work(bench.now, false);
  CHECK(bench.next<Saved>().number == 2);
}

TEST_CASE("store: what is set aside is kept packed with its reason, and counted over a restart") {
  Bench bench;
  bench.open();
  bench.open_stream();
  const std::string bytes = R"({"uuid":"1",)" + std::string(20'000, 'x');
  Save save = save_of(acme, 1, 1);
  save.set_aside = {{.reason = "not JSON", .answer = "{\"malformedLines\":1}", .events = 1, .bytes = bytes},
                    {.reason = "over 500,000 bytes", .answer = "", .events = 0, .bytes = ""}};
  CHECK(bench.store->set_aside_bytes() == 0);
  bench.save_on_disk(save);
  const std::uint64_t size = bench.store->set_aside_bytes();
  CHECK(size > 0);
  CHECK(size < 1000);
  bench.stop();

  Visitor visitor(bench.file());
  const std::string packed = visitor.text("SELECT bytes FROM set_aside WHERE id = 1");
  CHECK(gunzip(packed, limits::MiB) == bytes);
  CHECK(visitor.text("SELECT reason || '|' || answer || '|' || events FROM set_aside WHERE id = 1") ==
        R"(not JSON|{"malformedLines":1}|1)");
  CHECK(visitor.text("SELECT count(*) FROM set_aside JOIN stream ON stream.id = set_aside.stream"
                     " WHERE key = 'acme.okta.com' AND at_ms > 1700000000000") == "2");
  bench.open();
  CHECK(bench.store->set_aside_bytes() == size);
}

TEST_CASE(
    "store: a disk that stops taking bytes fails the save, which is kept and written when it takes them "
    "again") {
  Bench bench;
  bench.open();
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));

  // A limit on file size fails writes for root as well; ignoring the signal turns it into an errno.
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
  const struct rlimit tight{.rlim_cur = 4096, .rlim_max = limit.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
  Save save = save_of(acme, 2, 2);
  save.set_aside = {{.reason = "why", .answer = "", .events = 1, .bytes = "{"}};
  bench.save(save);
  bench.about_to_block();
  std::optional<Input> answer = bench.store->next_answer();
  const Instant again = bench.now + limits::save_retry;
  const bool waits = bench.store->deadline() == again;
  bench.save(save_of(acme, 3, 3));
  bench.pass(limits::save_retry - 1ms);
  bench.about_to_block();
  const bool rests = bench.says_nothing();
  bench.pass(1ms);
  bench.about_to_block();
  const auto repeated = bench.store->next_answer();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  std::signal(SIGXFSZ, previous);

  REQUIRE(answer);
  REQUIRE(std::holds_alternative<SaveFailed>(*answer));
  CHECK_THAT(std::get<SaveFailed>(*answer).text,
             Contains("cannot save in " + bench.file()) && Contains("File too large"));
  CHECK(waits);
  CHECK(rests);
  REQUIRE(repeated);
  CHECK(std::holds_alternative<SaveFailed>(*repeated));

  bench.pass(limits::save_retry);
  bench.about_to_block();
  CHECK(bench.next<Saved>().number == 3);
  bench.crash();
  bench.open();
  CHECK(bench.open_stream().place->pages == 3);
  CHECK(pages_of(bench.read_window()) == Pages{1, 2, 3});
  CHECK(bench.store->set_aside_bytes() > 0);
}

TEST_CASE("store: a full disk is named, and when space is freed the save goes through") {
  const TempDir mount_point;
  if (::mount("tmpfs", mount_point.path().c_str(), "tmpfs", 0, "size=512k") != 0) {
    WARN("not allowed to mount a small disk here; the file size limit above covers the same path");
    return;
  }
  {
    const std::string dir = mount_point / "state";
    auto store = Store::open(dir, start);
    REQUIRE(store);
    while (store->next_answer()) {
    }
    store->open_stream({.stream = acme, .key = "acme.okta.com"});
    REQUIRE(store->next_answer());
    write_file(mount_point / "filler", std::string(limits::MiB, 'x'));
    Save save = save_of(acme, 1, 1);
    save.rows = {row(1, 1000)};
    Instant now{1h};
    store->save(std::move(save), now);
    store->work(now, true);
    auto answer = store->next_answer();
    REQUIRE(answer);
    REQUIRE(std::holds_alternative<SaveFailed>(*answer));
    CHECK_THAT(std::get<SaveFailed>(*answer).text, Contains("full") && Contains("free space for " + dir));

    std::filesystem::remove(mount_point / "filler");
    now += limits::save_retry;
    store->work(now, true);
    answer = store->next_answer();
    REQUIRE(answer);
    CHECK(std::holds_alternative<Saved>(*answer));
    CHECK(store->close(true));
  }
  CHECK(::umount(mount_point.path().c_str()) == 0);
}

TEST_CASE("store: a save that another program's lock fails is tried again") {
  Bench bench;
  bench.open();
  bench.open_stream();
  Visitor visitor(bench.file());
  visitor.run("BEGIN IMMEDIATE");
  bench.save(save_of(acme, 1, 1));
  bench.about_to_block();
  CHECK_THAT(bench.next<SaveFailed>().text, Contains("locked") && Contains("another program"));
  visitor.run("COMMIT");
  bench.pass(limits::save_retry);
  bench.about_to_block();
  CHECK(bench.next<Saved>().number == 1);
}

TEST_CASE("store: a save that fails halfway is undone whole, and what it held is let go") {
  Bench bench;
  bench.open();
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  Visitor visitor(bench.file());
  visitor.run("ALTER TABLE window RENAME TO hidden");
  bench.save(save_of(acme, 2, 2));
  bench.about_to_block();
  CHECK_THAT(bench.next<SaveFailed>().text, Contains("cannot save in " + bench.file()));
  CHECK(visitor.text("SELECT pages FROM stream") == "1");

  visitor.run("ALTER TABLE hidden RENAME TO window");
  bench.pass(limits::save_retry);
  bench.about_to_block();
  CHECK(bench.next<Saved>().number == 2);
  CHECK(visitor.text("SELECT pages FROM stream") == "2");
}

TEST_CASE("store: a place that cannot be read is warned of and asked for again, never answered as new") {
  Bench bench;
  bench.open();
  bench.open_stream(beta, "beta.okta.com");
  bench.save_on_disk(save_of(beta, 1, 1));
  Visitor visitor(bench.file());
  visitor.run("ALTER TABLE stream RENAME TO hidden");
  bench.store->open_stream({.stream = acme, .key = "beta.okta.com"});
  bench.about_to_block();
  CHECK(bench.says_nothing());
  const auto warnings = bench.store->take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], Contains("cannot read " + bench.file()));
  CHECK(bench.store->deadline() == bench.now + limits::save_retry);

  visitor.run("ALTER TABLE hidden RENAME TO stream");
  bench.pass(limits::save_retry);
  bench.about_to_block();
  const Opened opened = bench.next<Opened>();
  CHECK(opened.place);
  CHECK_FALSE(bench.store->deadline());
}

TEST_CASE("store: a close that cannot write says so and leaves an unclean end") {
  Bench bench;
  bench.open();
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  {
    Visitor visitor(bench.file());
    visitor.run("BEGIN IMMEDIATE");
    const auto closed = bench.store->close(true);
    REQUIRE_FALSE(closed);
    CHECK_THAT(closed.error().text, Contains("cannot save in " + bench.file()));
    visitor.run("COMMIT");
  }
  bench.crash();
  bench.open();
  CHECK_FALSE(bench.open_stream().clean);
}

TEST_CASE("store: a second owner learns who holds the state, and the first is not disturbed") {
  Bench bench;
  bench.open();
  bench.open_stream();
  const auto second = bench.try_open();
  REQUIRE_FALSE(second);
  CHECK(second.error().exit_code == 75);
  CHECK_THAT(second.error().text, Contains("process " + std::to_string(::getpid())) &&
                                      Contains("since 2026-11-23T12:00:00.000Z") && Contains("in use") &&
                                      Contains(bench.dir.path()));
  CHECK(OwnerLock::holder(bench.dir.path()).starts_with("process " + std::to_string(::getpid())));
  bench.save_on_disk(save_of(acme, 1, 1));
  bench.stop();
  CHECK(OwnerLock::holder(bench.dir.path()).empty());
  CHECK(bench.try_open());
}

TEST_CASE(
    "store: kill -9 in the middle of saving loses nothing acknowledged, frees the lock and is noticed") {
  const TempDir dir;
  std::uint64_t page = 0;
  for (int round = 0; round < 8; ++round) {
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto store = Store::open(dir.path(), start);
      if (!store) ::_exit(1);
      store->open_stream({.stream = acme, .key = "acme.okta.com"});
      for (std::uint64_t number = 1;; ++number) {
        Save save = save_of(acme, number, page + number);
        save.set_aside = {{.reason = "why", .answer = "", .events = 1, .bytes = "{"}};
        store->save(std::move(save), Instant(std::chrono::hours(number)));
        store->work(Instant(std::chrono::hours(number)), true);
        while (auto answer = store->next_answer()) {
          const auto* saved = std::get_if<Saved>(&*answer);
          if (saved == nullptr) continue;
          const std::uint64_t acknowledged = page + saved->number;
          if (::write(pipe[1], &acknowledged, sizeof acknowledged) != sizeof acknowledged) ::_exit(1);
        }
      }
    }
    ::close(pipe[1]);
    std::uint64_t acknowledged = 0;
    for (int heard = 0; heard < 3 + round; ++heard) {
      REQUIRE(::read(pipe[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged);
    }
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    while (::read(pipe[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    }
    ::close(pipe[0]);

    auto store = Store::open(dir.path(), start);
    REQUIRE(store);
    store->open_stream({.stream = acme, .key = "acme.okta.com"});
    REQUIRE(store->next_answer());
    const auto answer = store->next_answer();
    REQUIRE(answer);
    const Opened& opened = std::get<Opened>(*answer);
    CHECK_FALSE(opened.clean);
    REQUIRE(opened.place);
    CHECK(opened.place->pages >= acknowledged);
    CHECK(opened.place->pages <= acknowledged + 1);
    page = opened.place->pages;
    // Whole or not at all: each save brought one row and one thing set aside.
    CHECK(opened.rows.size() == page);
    CHECK(opened.rows.back().page == page);
    CHECK(Visitor(dir / "state.sqlite").text("SELECT count(*) FROM set_aside") == std::to_string(page));
  }
}

TEST_CASE("store: a damaged file is moved aside, never deleted, and a new one begun") {
  Bench bench;
  bench.open();
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  bench.stop();
  const std::string whole = read_file(bench.file());
  std::string damaged;
  SECTION("random bytes") {
    for (unsigned i = 0; i < 20'000; ++i) damaged.push_back(static_cast<char>(i * 2'654'435'761U >> 24U));
  }
  SECTION("cut off in the middle") {
    damaged = whole.substr(0, whole.size() / 2);
  }
  SECTION("cut off in its header") {
    damaged = whole.substr(0, 50);
  }
  SECTION("empty") {
    damaged = "";
  }
  SECTION("a page overwritten") {
    damaged = whole;
    damaged.replace(4096, 512, std::string(512, '\xff'));
  }
  SECTION("its identity flipped") {
    damaged = whole;
    damaged[70] = static_cast<char>(~damaged[70]);
  }
  write_file(bench.file(), damaged);

  bench.open();
  REQUIRE(bench.warnings.size() == 1);
  const std::string aside = bench.file() + ".damaged-20261123T120000Z";
  CHECK_THAT(bench.warnings[0], Contains("THE STATE IS LOST") && Contains(bench.file()) && Contains(aside));
  CHECK(read_file(aside) == damaged);
  const Opened opened = bench.open_stream();
  CHECK_FALSE(opened.place);
  CHECK_FALSE(opened.clean);
  bench.save_on_disk(save_of(acme, 1, 7));
  bench.stop();
  bench.open();
  CHECK(bench.warnings.empty());
  CHECK(bench.open_stream().place->pages == 7);
}

TEST_CASE("store: no byte of the header can be flipped into a silent fresh start") {
  Bench bench;
  bench.open();
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  bench.stop();
  const std::string whole = read_file(bench.file());
  for (std::size_t at = 0; at < 100; ++at) {
    INFO("byte " << at);
    const TempDir dir;
    std::string damaged = whole;
    damaged[at] = static_cast<char>(~damaged[at]);
    write_file(dir / "state.sqlite", damaged);
    auto store = Store::open(dir.path(), start);
    if (!store) {
      CHECK(store.error().exit_code == 74);
      CHECK(read_file(dir / "state.sqlite").size() == whole.size());
      continue;
    }
    if (!names_like(dir.path(), "state.sqlite.damaged-").empty()) {
      CHECK_FALSE(store->take_warnings().empty());
      continue;
    }
    REQUIRE(store->next_answer());
    store->open_stream({.stream = acme, .key = "acme.okta.com"});
    const auto answer = store->next_answer();
    REQUIRE(answer);
    REQUIRE(std::get<Opened>(*answer).place);
    CHECK(std::get<Opened>(*answer).place->pages == 1);
  }
}

TEST_CASE(
    "store: a disk that fails to read is an error, whatever SQLite makes of it, and never a fresh start") {
  Bench bench;
  bench.open();
  bench.open_stream();
  Save save = save_of(acme, 1, 1);
  save.rows = {row(1, 1000)};
  bench.save_on_disk(save);
  bench.stop();
  const std::string whole = read_file(bench.file());
  test::FlakyDisk disk;
  int read = 1;
  for (;; ++read) {
    INFO("read " << read);
    disk.fail_read(read);
    const auto opened = bench.try_open();
    if (!disk.failed()) break;
    REQUIRE_FALSE(opened);
    CHECK(opened.error().exit_code == 74);
    CHECK_THAT(opened.error().text, Contains("Input/output error"));
    CHECK(names_like(bench.dir.path(), "state.sqlite.damaged-").empty());
  }
  CHECK(read > 8);
  CHECK(read_file(bench.file()).size() == whole.size());
}

TEST_CASE("store: another program's database is moved aside with its log, unchanged") {
  Bench bench;
  {
    Visitor visitor(bench.file());
    visitor.run("PRAGMA journal_mode = WAL; CREATE TABLE song(title TEXT); INSERT INTO song VALUES ('la')");
    std::filesystem::copy_file(bench.file(), bench.dir / "copy");
    std::filesystem::copy_file(bench.file() + "-wal", bench.dir / "copy-wal");
  }
  std::filesystem::rename(bench.dir / "copy", bench.file());
  std::filesystem::rename(bench.dir / "copy-wal", bench.file() + "-wal");

  bench.open();
  REQUIRE(bench.warnings.size() == 1);
  CHECK_THAT(bench.warnings[0], Contains("not a state of logzio-okta"));
  const std::string aside = bench.file() + ".damaged-20261123T120000Z";
  CHECK(std::filesystem::exists(aside + "-wal"));
  CHECK(Visitor(aside).text("SELECT title FROM song") == "la");
}

TEST_CASE("store: nothing in a state that another program has written runs by itself") {
  Bench bench;
  bench.open();
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  bench.stop();
  Visitor(bench.file())
      .run(
          "CREATE TABLE loot(next TEXT) STRICT;"
          "CREATE TRIGGER spy AFTER UPDATE ON stream BEGIN INSERT INTO loot VALUES (new.next); END;"
          "CREATE TRIGGER thief AFTER INSERT ON window BEGIN DELETE FROM stream; END;"
          "CREATE TRIGGER cuckoo BEFORE UPDATE ON stream BEGIN UPDATE stream SET next = 'http://evil/'; END");
  bench.open();
  REQUIRE(bench.warnings.size() == 1);
  CHECK_THAT(bench.warnings[0], Contains("is not as the last stop left it"));  // And usable.
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 2));
  CHECK(bench.open_stream().place->next == save_of(acme, 1, 2).place.next);
  bench.stop();
  CHECK(Visitor(bench.file()).text("SELECT count(*) || '' FROM loot") == "0");
}

TEST_CASE("store: a view in place of a table is no state of ours") {
  Bench bench;
  bench.open();
  bench.stop();
  Visitor(bench.file())
      .run("ALTER TABLE window RENAME TO hidden; CREATE VIEW window AS SELECT * FROM hidden");
  bench.open();
  REQUIRE(bench.warnings.size() == 1);
  CHECK_THAT(bench.warnings[0], Contains("THE STATE IS LOST"));
}

TEST_CASE("store: in a directory that group root shares, what is made is made for it too") {
  if (::geteuid() != 0) return;
  Bench bench;
  REQUIRE(::chmod(bench.dir.path().c_str(), 0770) == 0);
  bench.open();
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  for (const char* const name : {"state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "lock"}) {
    CAPTURE(name);
    CHECK(mode_of(bench.dir / name) == 0660);
  }
}

TEST_CASE("store: a file in place of the lock is not written to") {
  for (const std::string content : {"root:x:0:0:", "process"}) {
    Bench bench;
    write_file(bench.dir / "lock", content);
    const bool ours = content == "process";  // Cut short by a crash.
    CHECK(bench.try_open().has_value() == ours);
    CHECK((read_file(bench.dir / "lock") == content) == !ours);
  }
  Bench bench;
  REQUIRE(::mkfifo((bench.dir / "lock").c_str(), 0600) == 0);
  const auto refused = bench.try_open();
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().text, Contains("is not a lock of logzio-okta"));
}

TEST_CASE("store: a second damaged file of the same second does not replace the first") {
  Bench bench;
  write_file(bench.file(), "one");
  bench.open();
  bench.crash();
  write_file(bench.file(), "two");
  std::filesystem::remove(bench.file() + "-wal");
  bench.open();
  CHECK(read_file(bench.file() + ".damaged-20261123T120000Z") == "one");
  CHECK(read_file(bench.file() + ".damaged-20261123T120000Z-2") == "two");
}

TEST_CASE("store: a log without its file is kept") {
  Bench bench;
  write_file(bench.file() + "-wal", "what was in the log");
  bench.open();
  REQUIRE(bench.warnings.size() == 1);
  CHECK_THAT(bench.warnings[0], Contains("THE STATE IS LOST"));
  CHECK(read_file(bench.file() + ".damaged-20261123T120000Z-wal") == "what was in the log");
}

TEST_CASE("store: a state written by a newer version is refused by name and left alone") {
  Bench bench;
  bench.open();
  bench.stop();
  Visitor(bench.file()).run("PRAGMA user_version = 9");
  const auto opened = bench.try_open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().exit_code == 74);
  CHECK_THAT(opened.error().text,
             Contains("newer logzio-okta") && Contains("schema is 9") && Contains("knows 2"));
  CHECK(Visitor(bench.file()).text("PRAGMA user_version") == "9");
}

TEST_CASE("store: a directory that is a file and a file that is a directory are refused, not replaced") {
  Bench bench;
  SECTION("the directory") {
    write_file(bench.dir / "file", "mine");
    const auto opened = Store::open(bench.dir / "file", start);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().exit_code == 74);
    CHECK_THAT(opened.error().text, Contains("not a directory") && Contains("--state-dir"));
    CHECK(read_file(bench.dir / "file") == "mine");
  }
  SECTION("above the directory") {
    write_file(bench.dir / "file", "mine");
    const auto opened = Store::open(bench.dir / "file/state", start);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().exit_code == 74);
    CHECK_THAT(opened.error().text, Contains("Not a directory"));
  }
  SECTION("the file") {
    std::filesystem::create_directory(bench.file());
    const auto opened = bench.try_open();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().exit_code == 74);
    CHECK(std::filesystem::is_directory(bench.file()));
  }
}

TEST_CASE("store: a state that another user owns is an error that names us and the cure") {
  if (::geteuid() != 0) {
    WARN("only root can become another user");
    return;
  }
  Bench bench;
  bench.open();
  bench.stop();
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::setuid(65534) != 0) ::_exit(1);
    const auto opened = Store::open(bench.dir.path(), start);
    const std::string text = opened ? "" : std::to_string(opened.error().exit_code) + opened.error().text;
    ::_exit(::write(pipe[1], text.data(), text.size()) < 0 ? 1 : 0);
  }
  ::close(pipe[1]);
  std::string text(1000, '\0');
  const ssize_t size = ::read(pipe[0], text.data(), text.size());
  ::close(pipe[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  REQUIRE(size > 0);
  text.resize(static_cast<std::size_t>(size));
  CHECK_THAT(text, Contains("74") && Contains("Permission denied") && Contains("runs as uid 65534") &&
                       Contains("chown -R 65534 " + bench.dir.path()));
  CHECK(names_like(bench.dir.path(), "state.sqlite.damaged-").empty());
}

TEST_CASE("store: a crash while the first file was being made leaves nothing in the way") {
  Bench bench;
  write_file(bench.file() + ".new", "half");
  bench.open();
  CHECK_FALSE(std::filesystem::exists(bench.file() + ".new"));
  CHECK_THAT(bench.warnings.at(0), Contains("no state found"));
}

// Copies, and a directory that goes away.

namespace {

/// A bench whose state has ended in order with one page of acme, and a copy of its directory.
struct Copied : Bench {
  TempDir copies;

  Copied() {
    open();
    open_stream();
    save_on_disk(save_of(acme, 1, 1));
    stop();
    copy(dir.path(), copy_dir());
  }
  [[nodiscard]] std::string copy_dir() const { return copies / "copy"; }
  static void copy(const std::string& from, const std::string& to) {
    using std::filesystem::copy_options;
    std::filesystem::create_directories(to);
    std::filesystem::copy(from, to, copy_options::recursive | copy_options::overwrite_existing);
    // As cp -a copies it: only the time of the change itself cannot be copied.
    for (const auto& entry : std::filesystem::directory_iterator(from)) {
      std::filesystem::last_write_time(to / entry.path().filename(), entry.last_write_time());
    }
  }
  [[nodiscard]] bool warned() const {
    return std::ranges::any_of(warnings, [](const std::string& each) { return each.contains("put back"); });
  }
};

}  // namespace

TEST_CASE_METHOD(Copied, "store: a state that was put back from a copy is in doubt up to its tail") {
  open();
  CHECK_FALSE(warned());
  open_stream();
  save_on_disk(save_of(acme, 1, 2));
  stop();
  SECTION("over the files that are there") {}
  SECTION("into an empty directory") {
    for (const std::string& name : names_like(dir.path(), "")) std::filesystem::remove(dir / name);
  }
  SECTION("the state alone") {
    std::filesystem::remove(copy_dir() + "/clean-end");
  }
  copy(copy_dir(), dir.path());
  open();
  CHECK(warned());
  const Opened opened = open_stream();
  CHECK_FALSE(opened.clean);
  CHECK(opened.overtaken);
  // What a stream has saved since carries its doubt itself.
  save_on_disk(save_of(acme, 1, 2));
  stop();
  open();
  CHECK_FALSE(warned());
  CHECK(open_stream().clean);
}

TEST_CASE_METHOD(Copied, "store: the copy itself is in doubt too, wherever it is started") {
  auto moved = Store::open(copy_dir(), start);
  REQUIRE(moved);
  CHECK(moved->take_warnings().size() == 1);
}

TEST_CASE_METHOD(Copied, "store: another mode alone is no copy") {
  REQUIRE(::chmod(file().c_str(), 0640) == 0);
  open();
  CHECK_FALSE(warned());
  CHECK(open_stream().clean);
}

TEST_CASE("store: a directory or file that is removed or replaced holds, until it is back") {
  const TempDir elsewhere;
  Bench bench;
  bench.open();
  bench.open_stream();
  bench.save_on_disk(save_of(acme, 1, 1));
  const std::string lost = GENERATE("state.sqlite", "lock", "state.sqlite-wal", "");
  CAPTURE(lost);
  const std::string from = lost.empty() ? bench.dir.path() : bench.dir / lost;
  const std::string aside = elsewhere / "aside";
  REQUIRE(bench.store->is_in_place());
  std::filesystem::rename(from, aside);
  if (lost == "lock") write_file(from, "another");
  CHECK_FALSE(bench.store->is_in_place());
  CHECK_THAT(bench.next<SaveFailed>().text,
             Contains(lost.empty() ? bench.dir.path() : from) && Contains("removed or replaced"));
  bench.save(save_of(acme, 2, 2));
  bench.pass(limits::save_retry);
  bench.about_to_block();
  bench.next<SaveFailed>();

  std::filesystem::remove_all(from);
  std::filesystem::rename(aside, from);
  bench.pass(limits::save_retry);
  bench.about_to_block();
  CHECK(bench.next<Saved>().number == 2);
  CHECK(bench.says_nothing());
}

TEST_CASE("store: with nothing to save, a directory that is back is also reported") {
  const TempDir elsewhere;
  Bench bench;
  bench.open();
  const std::string aside = elsewhere / "aside";
  std::filesystem::rename(bench.dir.path(), aside);
  CHECK_FALSE(bench.store->is_in_place());
  bench.next<SaveFailed>();
  std::filesystem::rename(aside, bench.dir.path());
  CHECK(bench.store->is_in_place());
  CHECK(bench.next<Saved>().stream == StreamId{});
}

TEST_CASE("store: nothing is written to a state that will not be found again") {
  Bench bench;
  bench.open();
  bench.open_stream();
  bench.save(save_of(acme, 1, 1));
  std::filesystem::remove_all(bench.dir.path());
  const auto closed = bench.store->close(true);
  REQUIRE_FALSE(closed);
  CHECK_THAT(closed.error().text, Contains("removed or replaced"));
  CHECK_FALSE(std::filesystem::exists(bench.dir.path()));
}

TEST_CASE("store: a state that everybody may write to is warned of") {
  Bench bench;
  REQUIRE(::chmod(bench.dir.path().c_str(), 01777) == 0);
  bench.open();
  CHECK_THAT(bench.warnings.back(), Contains("chmod o-w " + bench.dir.path()));
  bench.stop();
  REQUIRE(::chmod(bench.dir.path().c_str(), 0700) == 0);
  REQUIRE(::chmod(bench.file().c_str(), 0602) == 0);
  bench.open();
  CHECK_THAT(bench.warnings.back(), Contains("chmod o-w " + bench.file()));
}

TEST_CASE("store: saves are held as long as something else has to be on disk first, and tried again") {
  Bench bench;
  bench.open();
  (void)bench.open_stream();
  bool free = false;
  int asked = 0;
  bench.store->hold_saves([&]() -> std::optional<SaveFailed> {
    ++asked;
    return free ? std::nullopt : std::optional(SaveFailed{.text = "no room for copies", .copy = true});
  });
  bench.about_to_block();
  CHECK(asked == 0);  // There is nothing to hold.
  bench.save(save_of(acme, 1, 1));
  bench.about_to_block();
  const auto failed = bench.next<SaveFailed>();
  CHECK(failed.text == "no room for copies");
  CHECK(failed.copy);
  CHECK(bench.says_nothing());
  CHECK(bench.store->deadline() == bench.now + limits::save_retry);
  bench.about_to_block();
  CHECK(asked == 1);
  bench.pass(limits::save_retry);
  bench.about_to_block();
  CHECK(asked == 2);
  CHECK(bench.next<SaveFailed>().copy);
  free = true;
  bench.pass(limits::save_retry);
  bench.about_to_block();
  CHECK(bench.next<Saved>().number == 1);
  CHECK_FALSE(bench.store->deadline());
}

}  // namespace logzio_okta
