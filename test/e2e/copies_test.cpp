// --copy-to: what the listener took is in the files as well, after kills and full disks too.
//
// LOGZIO_OKTA_E2E_COPY_KILLS: how often the daemon is killed; LOGZIO_OKTA_E2E_SEED: when.
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include <sys/mount.h>
#include <sys/stat.h>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/logzio/bulk.hpp"

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// The events by uuid: how often without a mark, and with one.
struct Seen {
  std::size_t plain = 0;
  std::size_t marked = 0;
};
using Events = std::map<std::string, Seen>;

void count(Events& events, std::string_view line) {
  const std::string uuid = member(line, "uuid");
  REQUIRE_FALSE(uuid.empty());
  ++(is_marked(line) ? events[uuid].marked : events[uuid].plain);
}

struct CopiesBench : Bench {
  using Bench::Bench;

  [[nodiscard]] std::string copies() const { return path("copies"); }
  [[nodiscard]] Run run() const { return {.poll_interval = "20ms", .flags = {"--copy-to", copies()}}; }
  [[nodiscard]] std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> files;
    if (!std::filesystem::exists(copies())) return files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(copies())) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    return files;
  }
  /// All lines of all files, each of which must be one that zcat reads.
  [[nodiscard]] Events copied(bool finished = true) {
    Events events;
    for (const auto& file : files()) {
      INFO(file.string());
      const bool final_name = file.string().ends_with(".ndjson.gz");
      REQUIRE((final_name || (!finished && file.string().ends_with(".ndjson.gz.partial"))));
      const auto plain = gunzip(read_whole(file), 64 * limits::MiB);
      REQUIRE(plain);
      for (const std::string_view line : split_lines(*plain)) count(events, line);
    }
    return events;
  }
  [[nodiscard]] Events taken() {
    Events events;
    for (std::size_t listener = 0; listener < listeners; ++listener) {
      world.with_listener(listener, [&](model::Listener& logz) {
        for (const model::StoredLine& line : logz.lines()) count(events, line.text);
      });
    }
    return events;
  }
  /// Both hold the same events, each once except for those marked as possible repeats.
  void hold_the_same() {
    const Events here = copied();
    const Events there = taken();
    CHECK(here.size() == there.size());
    for (const auto& [uuid, seen] : here) {
      INFO("event " << uuid);
      if (!there.contains(uuid)) FAIL("the copy has what the listener has not");
      if (seen.plain > 1) FAIL("the copy has it twice, and nothing says so");
      if (seen.plain > there.at(uuid).plain) FAIL("the copy has it unmarked, and the listener has not");
    }
    for (const auto& [uuid, seen] : there) {
      INFO("event " << uuid);
      if (!here.contains(uuid)) FAIL("the listener has what the copy has not");
    }
  }

  std::size_t listeners = 1;
};

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

TEST_CASE_METHOD(CopiesBench, "copies: --once keeps what it delivers, line for line, for its owner alone") {
  const std::size_t org = add_org();
  add_listener();
  world.issue_past(org, 2500, 24h);
  REQUIRE(run_once(run()) == 0);
  REQUIRE(proven_once());
  REQUIRE(files().size() == 1);
  CHECK(files().front().parent_path() == std::filesystem::path(copies()) / "default");
  CHECK(mode_of(files().front()) == 0600);
  CHECK(mode_of(files().front().parent_path()) == 0700);
  CHECK(mode_of(copies()) == 0700);
  std::multiset<std::string> here;
  std::multiset<std::string> there;
  const std::string plain = gunzip(read_whole(files().front()), 64 * limits::MiB).value();
  for (const std::string_view line : split_lines(plain)) here.emplace(line);
  world.with_listener(0, [&](model::Listener& logz) {
    for (const model::StoredLine& line : logz.lines()) there.insert(line.text);
  });
  CHECK((here == there));

  world.issue(org, 10);
  REQUIRE(run_once(run()) == 0);
  hold_the_same();
}

TEST_CASE_METHOD(CopiesBench,
                 "copies: what the listener refuses is not in the copy, and what it takes beside it is") {
  const std::size_t org = add_org();
  add_listener();
  world.issue(org, 20);
  world.issue_special(org, model::Special::bad_literal);
  world.issue(org, 20);
  REQUIRE(run_once(run()) == 0);
  REQUIRE(proven());
  CHECK(set_aside().size() == 1);
  hold_the_same();
}

TEST_CASE_METHOD(CopiesBench,
                 "copies: killed at random moments, the copy and the listener hold the same events") {
  const std::uint64_t kills = setting("LOGZIO_OKTA_E2E_COPY_KILLS", 50);
  const std::uint64_t seed = setting("LOGZIO_OKTA_E2E_SEED", 1);
  CAPTURE(kills, seed);
  Random random(seed);
  for (int i = 0; i < 3; ++i) add_org();
  add_listener();
  world.issue_past(0, 3000, 24h);
  inject_listener(fault::Delay{.time = 10ms});  // So that there is always something in flight.
  const auto events_come = [&](Duration span) {
    for (Duration passed{}; passed < span; passed += 10ms) {
      for (std::size_t org = 0; org < world.orgs(); ++org) world.issue(org, random.below(5));
      pass(10ms);
    }
  };
  for (std::uint64_t kill_number = 0; kill_number < kills; ++kill_number) {
    start(run());
    const std::size_t before = lines();
    // Most while they deliver, however slow the machine is.
    if (random.below(4) > 0) {
      world.issue(0, 1);
      REQUIRE(wait([&] { return lines() > before; }));
    }
    events_come(random.between(0ms, 150ms));
    kill();
    // Every event is where zcat finds it before its place is saved; the last bulk may be torn until the next
    // start.
  }
  start(run());
  events_come(50ms);
  REQUIRE(all_arrive());
  CHECK(stop() == 0);
  CHECK(proven());
  hold_the_same();
}

TEST_CASE_METHOD(
    CopiesBench,
    "copies: a reload that adds a destination gives it a directory, and one that leaves keeps its") {
  const std::size_t acme = add_org();
  const std::size_t globex = add_org();
  listeners = 2;
  add_listener();
  add_listener();
  const auto entry = [&](std::size_t org, bool own) {
    return "  - okta_domain: " + world.org_domain(org) + "\n    okta_api_key: " + world.org_key(org) + "\n" +
           (own ? "    logzio_listener_host: " + world.listener_address(1) + "\n" : std::string());
  };
  write_tenants("tenants_credentials:\n" + entry(acme, false));
  start(run());
  world.issue(acme, 10);
  REQUIRE(wait([&] { return lines(0) == 10; }));
  write_tenants("tenants_credentials:\n" + entry(acme, false) + entry(globex, true));
  daemon().signal(SIGHUP);
  world.issue(globex, 10);
  REQUIRE(wait([&] { return lines(1) == 10; }));
  write_tenants("tenants_credentials:\n" + entry(globex, true));
  daemon().signal(SIGHUP);
  world.issue(globex, 5);
  REQUIRE(wait([&] { return lines(1) == 15; }));
  CHECK(stop() == 0);
  hold_the_same();
  std::set<std::string> directories;
  for (const auto& file : files()) directories.insert(file.parent_path().filename().string());
  std::string name = world.org_name(globex);
  std::ranges::replace(name, ':', '-');
  CHECK(directories == std::set<std::string>{"default", name});
}

TEST_CASE_METHOD(CopiesBench, "copies: a full disk holds delivery, says so once, and recovers by itself") {
  const std::size_t org = add_org();
  add_listener();
  std::filesystem::create_directory(copies());
  if (mount("tmpfs", copies().c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=256k") != 0) {
    WARN("not tried: only root may mount a small disk");
    return;
  }
  struct Unmount {
    std::string dir;
    ~Unmount() { umount2(dir.c_str(), MNT_DETACH); }
  } const unmount{copies()};
  const std::uint16_t port = free_port();
  Run with_admin = run();
  with_admin.admin = "127.0.0.1:" + std::to_string(port);
  start(with_admin);
  world.issue(org, 10);
  REQUIRE(all_arrive());
  REQUIRE(wait([&] { return !files().empty(); }));

  const std::string filler = copies() + "/filler";
  {
    std::ofstream file(filler, std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
  }
  // Until the page that the file has begun is full.
  std::size_t issued = 10;
  const auto trouble = [&] { return daemon().log().contains("the copy cannot be saved: "); };
  for (int i = 0; i < 200 && !trouble(); ++i) {
    world.issue(org, 20);
    issued += 20;
    (void)wait([&] { return lines() == issued || trouble(); });
  }
  REQUIRE(says("the copy cannot be saved: " + copies() +
               "/default: No space left on device; free space for " + copies() +
               ". Nothing more is fetched or delivered until it can; nothing is lost"));
  CHECK(http_get(port, "/readyz").status == 503);
  CHECK(http_get(port, "/readyz").body.contains("the copy cannot be saved"));
  CHECK(http_get(port, "/metrics").body.contains("\nlogzio_okta_copying_fails 1\n"));
  CHECK(http_get(port, "/status.txt").body.contains("free space for"));
  pass(500ms);
  const std::size_t delivered = lines();
  const std::size_t asked = requests(org);
  for (int i = 0; i < 10; ++i) {
    world.issue(org, 5);
    pass(300ms);  // Longer together than the pause after a failure.
  }
  CHECK(lines() == delivered);
  CHECK(requests(org) == asked);
  const std::string log = daemon().log();
  const std::size_t first = log.find("the copy cannot be saved");
  CHECK(log.find("the copy cannot be saved", first + 1) == std::string::npos);

  std::filesystem::remove(filler);
  REQUIRE(says("the copy can be saved again"));
  REQUIRE(all_arrive());
  CHECK(http_get(port, "/metrics").body.contains("\nlogzio_okta_copying_fails 0\n"));
  CHECK(stop() == 0);
  CHECK(proven_once());
  hold_the_same();
}

TEST_CASE_METHOD(CopiesBench,
                 "copies: killed while the disk is full, events without a copy come again, marked") {
  const std::size_t org = add_org();
  add_listener();
  start(run());
  world.issue(org, 10);
  REQUIRE(all_arrive());
  REQUIRE(wait([&] { return copied(false).size() == 10; }));
  // A file in place of the directory, and the open file taken away: nothing can be written any more.
  std::filesystem::rename(copies() + "/default", path("moved"));
  write_file(copies() + "/default", "");
  world.issue(org, 10);
  REQUIRE(says("the copy cannot be saved: "));
  REQUIRE(lines() == 20);
  kill();
  std::filesystem::remove(copies() + "/default");
  std::filesystem::rename(path("moved"), copies() + "/default");
  start(run());
  REQUIRE(wait([&] { return lines() == 30; }));
  CHECK(stop() == 0);
  CHECK(proven());
  CHECK(world.judge().repeats == 10);
  hold_the_same();
}

TEST_CASE_METHOD(CopiesBench, "copies: a directory that cannot be used ends the start with its cure") {
  add_org();
  add_listener();
  write_file(path("file"), "");
  std::string dir = path("file");
  int code = 74;
  std::string cure = "name another directory with --copy-to";
  SECTION("a file") {}
  SECTION("the state's") {
    dir = state_dir();
    code = 78;
    cure = "is the state directory; name another";
  }
  start({.flags = {"--copy-to", dir}});
  CHECK(daemon().wait_exit(patience) == code);
  CHECK(says(cure));
}

}  // namespace
}  // namespace logzio_okta::e2e
