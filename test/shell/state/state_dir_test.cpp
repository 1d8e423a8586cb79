#include "shell/state/state_dir.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include <sys/resource.h>
#include <sys/stat.h>

#include "catch.hpp"
#include "shell/file_limit.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;
using test::TempDir;
using test::write_file;

/// A machine on which nothing is set and /var/lib can be written.
struct Bench {
  TempDir root;
  StateDirSearch search;

  Bench() {
    search.system = root / "var/lib/logzio-okta";
    search.home = root / "home/me";
  }
  /// As for a user other than root.
  void system_cannot_be_made() {
    write_file(root / "var", "in the way");
    search.system = root / "var/lib/logzio-okta";
  }
  [[nodiscard]] StateDir found() const {
    auto dir = find_state_dir(search);
    if (!dir) FAIL(dir.error().text);
    CHECK(std::filesystem::is_directory(dir->path));
    return *dir;
  }
};

}  // namespace

TEST_CASE("state dir: what was given is used and made, whatever else there is") {
  Bench bench;
  bench.search.given = bench.root / "given/deep/";
  bench.search.state_directory = bench.root / "systemd";
  std::filesystem::create_directories(bench.search.system);
  const StateDir dir = bench.found();
  CHECK(dir.path == bench.root / "given/deep/");
  CHECK(dir.warnings.empty());
  CHECK_FALSE(std::filesystem::exists(bench.root / "systemd"));
}

TEST_CASE("state dir: what was given and cannot be used is an error, not a reason to search on") {
  Bench bench;
  write_file(bench.root / "file", "");
  bench.search.given = bench.root / "file/state";
  const auto dir = find_state_dir(bench.search);
  REQUIRE_FALSE(dir);
  CHECK_THAT(dir.error().text, Contains(bench.root / "file/state") && Contains("--state-dir"));
  CHECK_FALSE(std::filesystem::exists(bench.search.system));
  bench.search.given = "";
  CHECK_FALSE(find_state_dir(bench.search));
}

TEST_CASE("state dir: under systemd it is the first of STATE_DIRECTORY") {
  Bench bench;
  bench.search.state_directory = (bench.root / "one") + ":" + (bench.root / "two");
  CHECK(bench.found().path == bench.root / "one");
}

TEST_CASE("state dir: the system's place is made where it can be, for only its owner") {
  Bench bench;
  const StateDir dir = bench.found();
  CHECK(dir.path == bench.search.system);
  CHECK(dir.warnings.empty());
  struct stat status{};
  REQUIRE(::stat(dir.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0700U);
}

TEST_CASE("state dir: one that exists keeps its mode") {
  Bench bench;
  std::filesystem::create_directories(bench.search.system);
  std::filesystem::permissions(bench.search.system, std::filesystem::perms(0750));
  CHECK(bench.found().path == bench.search.system);
  CHECK(std::filesystem::status(bench.search.system).permissions() == std::filesystem::perms(0750));
}

TEST_CASE("state dir: without the system's place it is the user's, and a warning says so") {
  Bench bench;
  bench.system_cannot_be_made();
  SECTION("XDG_STATE_HOME") {
    bench.search.xdg_state_home = bench.root / "xdg";
    CHECK(bench.found().path == bench.root / "xdg/logzio-okta");
  }
  SECTION("a relative XDG_STATE_HOME is ignored") {
    bench.search.xdg_state_home = "xdg";
    CHECK(bench.found().path == bench.root / "home/me/.local/state/logzio-okta");
  }
  SECTION("HOME") {
    CHECK(bench.found().path == bench.root / "home/me/.local/state/logzio-okta");
  }
  const StateDir dir = bench.found();
  REQUIRE(dir.warnings.size() == 1);
  CHECK_THAT(dir.warnings[0], Contains(dir.path) && Contains(bench.search.system));
}

TEST_CASE("state dir: without any place the error says what to give") {
  Bench bench;
  bench.system_cannot_be_made();
  bench.search.home = "";
  const auto dir = find_state_dir(bench.search);
  REQUIRE_FALSE(dir);
  CHECK_THAT(dir.error().text, Contains("--state-dir"));
}

TEST_CASE("state dir: a state at the user's place beside the system's is pointed out") {
  Bench bench;
  const std::string user = bench.root / "home/me/.local/state/logzio-okta";
  std::filesystem::create_directories(user);
  CHECK(bench.found().warnings.empty());
  write_file(user + "/state.sqlite", "");
  const StateDir dir = bench.found();
  CHECK(dir.path == bench.search.system);
  REQUIRE(dir.warnings.size() == 1);
  CHECK_THAT(dir.warnings[0], Contains(user) && Contains(bench.search.system));
}

TEST_CASE("state dir: a name in the way of the directory is an error") {
  Bench bench;
  bench.search.given = bench.root / "file";
  write_file(*bench.search.given, "mine");
  const auto dir = find_state_dir(bench.search);
  REQUIRE_FALSE(dir);
  CHECK_THAT(dir.error().text, Contains("is not a directory"));
}

TEST_CASE("state dir: a look writes to the disk, leaves nothing behind, and takes what a start would make") {
  Bench bench;
  bench.search.given = bench.root / "given/deep/";
  StateDirLook look = look_at_state_dir(bench.search);
  CHECK_FALSE(look.problem);
  CHECK_FALSE(look.exists);
  CHECK(look.free_bytes > 0U);
  CHECK(std::filesystem::is_empty(bench.root / ""));

  // As a start does it: below where we are.
  const std::filesystem::path here = std::filesystem::current_path();
  std::filesystem::current_path(bench.root / "");
  for (const char* const name : {"state", "deep/state", "./state", "."}) {
    INFO(name);
    bench.search.given = name;
    CHECK_FALSE(look_at_state_dir(bench.search).problem);
    CHECK(std::filesystem::is_empty("."));
  }
  bench.search.given = "state";
  CHECK(bench.found().path == "state");
  look = look_at_state_dir(bench.search);
  CHECK(look.exists);
  CHECK(look.mode == S_IRWXU);
  std::filesystem::current_path(here);
}

TEST_CASE("state dir: a look notices a file size limit, as any disk that takes no more") {
  Bench bench;
  bench.search.given = bench.root / "state";
  const StateDirLook look = [&] {
    const test::FullDisk full(4096);
    return look_at_state_dir(bench.search);
  }();
  REQUIRE(look.problem);
  CHECK_THAT(*look.problem, Contains(bench.root / "state") && Contains("free space for"));
}

TEST_CASE("state dir: every errno that has a cure is reported with it") {
  CHECK_THAT(explain_state_errno(EACCES, "/tmp"), Contains("runs as uid") && Contains("chown -R"));
  CHECK_THAT(explain_state_errno(EACCES, "/d"), Contains("runs as uid") && Contains("install -d -m 700 -o"));
  CHECK_THAT(explain_state_errno(EROFS, "/d"), Contains("mount a writable volume at /d"));
  CHECK_THAT(explain_state_errno(ENOSPC, "/d"), Contains("free space for /d"));
  CHECK_THAT(explain_state_errno(EFBIG, "/d"), Contains("ulimit"));
  CHECK(explain_state_errno(EINVAL, "/d") == "Invalid argument");
}

TEST_CASE("state dir: the search of this process reads its environment") {
  ::setenv("STATE_DIRECTORY", "/from/systemd", 1);
  const StateDirSearch search = StateDirSearch::of_environment("/given");
  ::unsetenv("STATE_DIRECTORY");
  CHECK(search.state_directory == "/from/systemd");
  CHECK(search.given == "/given");
  CHECK(search.system == "/var/lib/logzio-okta");
  CHECK(StateDirSearch::of_environment(std::nullopt).state_directory.empty());
}

}  // namespace logzio_okta
