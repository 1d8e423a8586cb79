// What a power cut leaves of the state: the synced part of each file, under the names that a synced directory
// had. Everything that the store has answered must be in it.
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "catch.hpp"
#include "shell/state/clean_end.hpp"
#include "shell/state/store.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

using test::names_like;
using test::read_file;
using test::TempDir;
using test::write_file;

constexpr StreamId acme{1};
const WallTime start = parse_rfc3339("2026-11-23T12:00:00.000Z").value();

/// While it lives, records what of a directory would survive a power cut.
class SafeOnDisk {
 public:
  using Files = std::map<std::string, std::string>;  ///< Name and content.

  explicit SafeOnDisk(std::string directory) : directory_(std::move(directory)) { watching = this; }
  SafeOnDisk(const SafeOnDisk&) = delete;
  SafeOnDisk& operator=(const SafeOnDisk&) = delete;
  ~SafeOnDisk() { watching = nullptr; }

  /// A file without a sync of its own is there, and empty.
  [[nodiscard]] Files files() const {
    Files files;
    for (const auto& [name, inode] : names_) {
      const auto content = contents_.find(inode);
      files[name] = content != contents_.end() ? content->second : std::string();
    }
    return files;
  }
  [[nodiscard]] bool holds_name(const std::string& directory, const std::string& name) const {
    const auto found = names_in_.find(directory);
    return found != names_in_.end() && found->second.contains(name);
  }

  /// Called where any descriptor is synced, before that is done and after it.
  void before_sync() const {
    if (at_sync) at_sync();
  }
  void synced(int fd) {
    struct stat status{};
    const std::string path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string();
    if (::fstat(fd, &status) != 0) return;
    if (S_ISDIR(status.st_mode)) {
      remember_names(path);
    } else if (path.starts_with(directory_ + "/")) {
      contents_[status.st_ino] = read_file(path);
    }
    if (at_sync) at_sync();
  }

  std::function<void()> at_sync;
  static inline SafeOnDisk* watching = nullptr;

 private:
  void remember_names(const std::string& directory) {
    std::set<std::string>& names = names_in_[directory];
    names.clear();
    if (directory == directory_) names_.clear();
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      const std::string name = entry.path().filename().string();
      struct stat status{};
      names.insert(name);
      if (directory == directory_ && ::lstat(entry.path().c_str(), &status) == 0)
        names_[name] = status.st_ino;
    }
  }

  std::string directory_;
  std::map<std::string, std::set<std::string>> names_in_;
  std::map<std::string, ino_t> names_;
  std::map<ino_t, std::string> contents_;
};

Save save_of(std::uint64_t page) {
  Save save{.stream = acme, .number = page, .place = {}, .rows = {}, .rows_from = 0, .set_aside = {}};
  save.place.next = "/api/v1/logs?after=" + std::to_string(page);
  save.place.since = save.place.first_start = start;
  save.place.pages = page;
  WindowRow& row = save.rows.emplace_back(WindowRow{.page = page, .newest = start, .events = {}});
  for (std::uint64_t i = 0; i < 500; ++i) row.events.push_back({.uuid = page * 1000 + i, .bytes = ~i});
  return save;
}

void write_checkpoint(const std::string& dir) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open((dir + "/state.sqlite").c_str(), &handle) == SQLITE_OK);
  REQUIRE(sqlite3_exec(handle, "PRAGMA wal_checkpoint(PASSIVE)", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(handle);
}

/// A run of the store that answers every save before the next one comes.
struct Run {
  explicit Run(const std::string& directory) {
    auto opened = Store::open(directory, start);
    if (!opened) FAIL(opened.error().text);
    store.emplace(std::move(*opened));
    warnings = store->take_warnings();
    while (store->next_answer()) continue;
    store->open_stream({.stream = acme, .key = "acme.okta.com"});
    auto answer = store->next_answer();
    REQUIRE((answer && std::holds_alternative<Opened>(*answer)));
    found = std::get<Opened>(std::move(*answer));
  }
  void saves(std::uint64_t page) {
    store->save(save_of(page), now);
    store->work(now, true);
    const auto answer = store->next_answer();
    REQUIRE((answer && std::holds_alternative<Saved>(*answer)));
    now += 1h;
  }

  std::optional<Store> store;
  std::vector<std::string> warnings;
  Opened found;
  Instant now{1h};
};

/// What the next start finds there.
Run after_power_cut(const SafeOnDisk::Files& files, TempDir& dir) {
  for (const auto& [name, content] : files) write_file(dir / name, content);
  // It is the same file on the same disk, and not the copy that the test has to make of it.
  const auto seal = files.find("clean-end");
  if (seal != files.end() && seal->second.contains(' ')) {
    const std::int64_t run = std::stoll(seal->second);
    CHECK(seal_clean_end(begin_clean_end(dir.path(), run), dir / "state.sqlite", run));
  }
  return Run(dir.path());
}

}  // namespace
}  // namespace logzio_okta

// Before the C library's, for us and for SQLite.
extern "C" {

int fsync(int fd) {
  auto* const watching = logzio_okta::SafeOnDisk::watching;
  if (watching != nullptr) watching->before_sync();
  const auto code = static_cast<int>(::syscall(SYS_fsync, fd));
  if (watching != nullptr && code == 0) watching->synced(fd);
  return code;
}

int fdatasync(int fd) {
  return fsync(fd);
}

}  // extern "C"

namespace logzio_okta {
namespace {

TEST_CASE("power cut: what was answered is there again, at whatever moment the power fails") {
  const TempDir dir;
  SafeOnDisk disk(dir.path());
  std::vector<std::pair<std::uint64_t, SafeOnDisk::Files>> moments;  // And the last page answered by then.
  std::uint64_t answered = 0;
  {
    Run run(dir.path());
    run.saves(++answered);
    disk.at_sync = [&] { moments.emplace_back(answered, disk.files()); };
    for (int i = 0; i < 12; ++i) {
      run.saves(answered + 1);
      ++answered;
      moments.emplace_back(answered, disk.files());
      if (i % 5 == 3) write_checkpoint(dir.path());
    }
    CHECK(run.store->close(true));
  }
  disk.at_sync = nullptr;
  moments.emplace_back(answered, disk.files());
  REQUIRE(moments.size() > 36);
  for (const auto& [pages, files] : moments) {
    TempDir another;
    const Run next = after_power_cut(files, another);
    INFO("after " << pages << " pages");
    for (const std::string& warning : next.warnings) FAIL(warning);
    REQUIRE(next.found.place);
    CHECK(next.found.place->pages >= pages);
    CHECK(next.found.place->pages <= pages + 1);
    CHECK(next.found.rows.size() == next.found.place->pages);
  }
}

TEST_CASE("power cut: an orderly end that was answered is one") {
  const TempDir dir;
  SafeOnDisk disk(dir.path());
  for (const bool clean : {false, true}) {
    {
      Run run(dir.path());
      run.saves(clean ? 2 : 1);
      CHECK(run.store->close(clean));
    }
    TempDir another;
    const Run next = after_power_cut(disk.files(), another);
    CHECK(next.found.place->pages == (clean ? 2 : 1));
    CHECK(next.found.clean == clean);
  }
}

TEST_CASE("power cut: a run that has begun is known to have, before anything is handed out") {
  const TempDir dir;
  SafeOnDisk disk(dir.path());
  {
    Run run(dir.path());
    run.saves(1);
    CHECK(run.store->close(true));
  }
  const Run second(dir.path());
  TempDir another;
  CHECK_FALSE(after_power_cut(disk.files(), another).found.clean);
}

TEST_CASE("power cut: a new state has its name, and so has the directory made for it") {
  const TempDir parent;
  const std::string dir = parent / "made/here";
  SafeOnDisk disk(dir);
  const Run run(dir);
  CHECK(disk.holds_name(dir, "state.sqlite"));
  CHECK(disk.holds_name(parent / "made", "here"));
  CHECK(disk.holds_name(parent.path(), "made"));
  TempDir another;
  CHECK(after_power_cut(disk.files(), another).warnings.empty());
}

TEST_CASE("power cut: a damaged state keeps the name it was moved to") {
  const TempDir dir;
  write_file(dir / "state.sqlite", "not a database, but somebody's");
  SafeOnDisk disk(dir.path());
  const Run run(dir.path());
  const auto aside = names_like(dir.path(), "state.sqlite.damaged-");
  REQUIRE(aside.size() == 1);
  CHECK(disk.holds_name(dir.path(), aside[0]));
}

}  // namespace
}  // namespace logzio_okta
