// The state: one owner, damage, a full disk.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>

#include <sys/mount.h>
#include <sys/resource.h>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

TEST_CASE("state: a second instance says who holds the state and ends with 75, and the first goes on") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  Daemon& first = bench.start();
  REQUIRE(bench.wait([&] { return bench.requests(org) > 0; }));
  Daemon second({.binary = Bench::binary(), .args = bench.flags_of({}), .env = bench.environment_of({})});
  REQUIRE(second.wait_exit(patience) == 75);
  CHECK(second.log().contains("is in use by process " + std::to_string(first.pid())));
  CHECK(second.log().contains(bench.state_dir()));
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

/// The names in the state directory that begin with this.
Words names_in(const std::string& dir, const std::string& beginning) {
  Words names;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(beginning)) names.push_back(name);
  }
  return names;
}

TEST_CASE("state: a damaged or foreign file is moved aside with a warning, and repeats are marked backfill") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 100, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);

  const std::string file = bench.state_dir() + "/state.sqlite";
  std::string kept;
  SECTION("not SQLite at all") {
    kept = "this is not a database, but somebody's notes\n";
  }
  SECTION("empty") {
    kept = "";
  }
  SECTION("cut in half") {
    kept = read_whole(file);
    kept.resize(kept.size() / 2);
  }
  SECTION("its second half overwritten") {
    kept = read_whole(file);
    std::fill(kept.begin() + static_cast<std::ptrdiff_t>(kept.size() / 2), kept.end(), '\xAA');
  }
  SECTION("somebody else's database") {
    kept = read_whole(file);
    kept.replace(68, 4, "\x01\x02\x03\x04");  // The application id.
  }
  write_file(file, kept);
  bench.start();
  REQUIRE(bench.says("THE STATE IS LOST"));
  REQUIRE(bench.wait([&] { return bench.lines() == 200; }));
  const Words aside = names_in(bench.state_dir(), "state.sqlite.damaged-");
  REQUIRE_FALSE(aside.empty());
  const std::string moved =
      std::ranges::min(aside, {}, &std::string::size);  // The others end in -wal and such.
  CHECK(read_whole(bench.state_dir() + "/" + moved) == kept);
  CHECK(bench.daemon().log().contains(moved));
  CHECK(bench.stop() == 0);
  bench.world.with_listener(0, [](model::Listener& logz) {
    for (const model::StoredLine& line : logz.lines()) CHECK(line.text.contains("\"backfill\":true"));
  });

  bench.world.issue(org, 10);
  REQUIRE(bench.run_once() == 0);
  CHECK(bench.lines() == 210);
}

TEST_CASE("state: a directory that cannot be used is an error with its cure, and no connection is made") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  std::string cure;
  SECTION("a file is in its place") {
    write_file(bench.state_dir(), "");
    cure = "is not a directory";
  }
  SECTION("a file is above it") {
    write_file(bench.path("above"), "");
    std::filesystem::create_symlink(bench.path("above") + "/state", bench.state_dir());
    cure = "--state-dir";
  }
  SECTION("the state is a directory") {
    std::filesystem::create_directories(bench.state_dir() + "/state.sqlite");
    cure = "state.sqlite";
  }
  bench.start();
  CHECK(bench.daemon().wait_exit(patience) == 74);
  CHECK(bench.says(cure));
  CHECK(bench.world.accepted(bench.world.org_port(org)) == 0);
}

// No room to write.

struct FullDisk : Bench {
  std::size_t org = add_org();

  FullDisk() {
    add_listener();
    world.issue_past(org, 100, 24h);
  }

  void delivers_and_saves() {
    start();
    REQUIRE(all_arrive());
    REQUIRE(wait([&] { return !query_state("SELECT 1 FROM stream WHERE pages > 0").empty(); }));
  }
  void holds_and_recovers(const std::function<void(bool)>& set_full) {
    delivers_and_saves();
    set_full(true);
    world.issue(org, 10);
    REQUIRE(says("the state cannot be saved"));
    // What was fetched before it knew may be delivered, and no more.
    pass(500ms);
    const std::size_t asked = requests(org);
    const std::size_t delivered = lines();
    for (int i = 0; i < 10; ++i) {
      world.issue(org, 5);
      pass(200ms);
    }
    CHECK(requests(org) == asked);
    CHECK(lines() == delivered);
    CHECK(delivered <= 110);
    REQUIRE(daemon().running());

    set_full(false);
    REQUIRE(says("the state can be saved again"));
    REQUIRE(all_arrive());
    CHECK(stop() == 0);
    CHECK(proven_once());

    world.issue(org, 10);
    REQUIRE(run_once() == 0);
    CHECK(proven_once());
  }
};

TEST_CASE_METHOD(FullDisk, "state: a file that may not grow holds everything, and recovers by itself") {
  const auto set_full = [&](bool full) {
    rlimit limit{};
    REQUIRE(prlimit(daemon().pid(), RLIMIT_FSIZE, nullptr, &limit) == 0);
    limit.rlim_cur = full ? 0 : limit.rlim_max;
    REQUIRE(prlimit(daemon().pid(), RLIMIT_FSIZE, &limit, nullptr) == 0);
  };
  holds_and_recovers(set_full);
}

TEST_CASE_METHOD(FullDisk, "state: a full disk holds everything, and recovers by itself") {
  std::filesystem::create_directory(state_dir());
  if (mount("tmpfs", state_dir().c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=1m") != 0) {
    WARN("not tried: only root may mount a small disk");
    return;
  }
  const std::string filler = state_dir() + "/filler";
  const auto set_full = [&](bool full) {
    if (!full) {
      std::filesystem::remove(filler);
      return;
    }
    std::ofstream file(filler, std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
  };
  struct Unmount {
    std::string dir;
    ~Unmount() { umount2(dir.c_str(), MNT_DETACH); }
  } const unmount{state_dir()};
  holds_and_recovers(set_full);
}

TEST_CASE_METHOD(
    FullDisk, "state: killed while nothing can be written, nothing was sent that the state does not tell") {
  delivers_and_saves();
  const rlimit none{.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
  REQUIRE(prlimit(daemon().pid(), RLIMIT_FSIZE, &none, nullptr) == 0);
  world.issue(org, 10);
  REQUIRE(says("the state cannot be saved"));
  CHECK(lines() == 100);
  kill();
  start();
  REQUIRE(all_arrive());
  CHECK(stop() == 0);
  CHECK(proven());
  CHECK(world.judge().repeats == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
