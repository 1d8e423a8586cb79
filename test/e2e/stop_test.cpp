// Signals, and a stderr that is not read.
#include <algorithm>
#include <csignal>

#include <fcntl.h>
#include <sys/stat.h>

#include "e2e/bench.hpp"
#include "sandbox/stream.hpp"

namespace logzio_okta::e2e {
namespace {

using Clock = std::chrono::steady_clock;

TEST_CASE("stop: TERM and INT end it at once and cleanly when nothing is in flight, even while Okta hangs") {
  const int signal = GENERATE(SIGTERM, SIGINT);
  Bench bench;
  const std::size_t hanging = bench.add_org();
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.inject(hanging, fault::hang());
  bench.world.issue_past(org, 100, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return bench.requests(hanging) == 1; }));
  const auto asked_to = Clock::now();
  bench.daemon().signal(signal);
  CHECK(bench.daemon().wait_exit(patience) == 0);
  CHECK(Clock::now() - asked_to < limits::stop_grace);
  CHECK(bench.proven_once());

  bench.world.issue(org, 10);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.proven_once());
}

TEST_CASE("stop: what is in flight may finish, and is not sent again") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 100, 24h);
  bench.inject_listener(fault::Delay{.time = 2s}, 1);
  bench.start();
  REQUIRE(bench.wait([&] { return bench.lines() == 100; }));
  CHECK(bench.stop() == 0);
  bench.start();
  REQUIRE(bench.wait([&] { return bench.requests(org) >= 5; }));
  CHECK(bench.stop() == 0);
  CHECK(bench.lines() == 100);
  CHECK(bench.proven_once());
}

TEST_CASE("stop: a listener that hangs holds the end for seven seconds, then 75; the repeats are marked") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 100, 24h);
  bench.inject_listener(fault::hang(), 1);
  bench.start();
  REQUIRE(bench.wait([&] { return bench.lines() == 100; }));
  const auto asked_to = Clock::now();
  bench.daemon().signal(SIGTERM);
  CHECK(bench.daemon().wait_exit(patience) == 75);  // docker stop kills after ten.
  CHECK(Clock::now() - asked_to > 5s);
  CHECK(bench.daemon().log().contains("stopped with a bulk unanswered"));

  bench.start();
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return bench.lines() == 210; }));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(bench.world.judge().repeats == 100);
}

TEST_CASE("stop: a second TERM does not wait") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 100, 24h);
  bench.inject_listener(fault::hang());
  bench.start();
  REQUIRE(bench.wait([&] { return bench.lines() == 100; }));
  bench.daemon().signal(SIGTERM);
  REQUIRE(bench.says("stopping"));
  const auto asked_to = Clock::now();
  bench.daemon().signal(SIGTERM);
  CHECK(bench.daemon().wait_exit(patience) == 75);
  CHECK(Clock::now() - asked_to < limits::stop_grace);
  bench.heal_listener();
  bench.start();
  REQUIRE(bench.wait([&] { return bench.lines() == 200; }));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
}

TEST_CASE("stop: SIGHUP and SIGPIPE never end it") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.start();
  REQUIRE(bench.wait([&] { return bench.requests(org) > 0; }));
  for (int i = 0; i < 20; ++i) {
    bench.daemon().signal(SIGHUP);
    bench.daemon().signal(SIGPIPE);
  }
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
}

// stderr.

/// Runs the program through a shell that does something to its descriptors first.
struct OddStderr : Bench {
  std::size_t org = add_org();
  std::string pipe = path("pipe");

  OddStderr() {
    add_listener();
    write_tenants();
    world.issue_past(org, 2500, 24h);
    if (mkfifo(pipe.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
  }
  void start_with(const std::string& redirections) {
    Words args = {"-c", "exec \"$0\" \"$@\" " + redirections, binary().string()};
    for (const std::string& flag : flags_of({})) args.push_back(flag);
    start_process({.binary = "/bin/sh", .args = args, .env = environment_of({})});
  }
  void works() {
    REQUIRE(all_arrive());
    for (int i = 0; i < 5; ++i) {
      world.issue(org, 10);
      daemon().signal(SIGHUP);  // Makes it say something.
      REQUIRE(all_arrive());
    }
    CHECK(stop() == 0);
    CHECK(proven_once());
    start();
    world.issue(org, 10);
    REQUIRE(all_arrive());
    CHECK(stop() == 0);
    CHECK(proven_once());
  }
};

TEST_CASE_METHOD(OddStderr, "stop: closed standard streams harm neither the events nor the state") {
  start_with(GENERATE("2>&-", ">&- 2>&-", "<&- >&- 2>&-"));
  REQUIRE(all_arrive());
  // A log line that went where the next file was opened would be here.
  const std::string holder = read_whole(state_dir() + "/lock");
  CHECK(holder.starts_with("process " + std::to_string(daemon().pid())));
  CHECK(std::ranges::count(holder, '\n') == 1);
  works();
}

TEST_CASE_METHOD(OddStderr, "stop: a stderr whose reader has gone does not end it") {
  std::optional<sandbox::Fd> reader(open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(reader->open());
  start_with("2>'" + pipe + "'");
  REQUIRE(wait([&] { return requests(org) > 0; }));
  reader.reset();
  works();
}

TEST_CASE_METHOD(OddStderr, "stop: a stderr that nobody reads does not stop the loop") {
  const sandbox::Fd reader(open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(reader.open());
  fcntl(reader.get(), F_SETPIPE_SZ, 4096);
  start_with("2>'" + pipe + "'");
  REQUIRE(wait([&] { return requests(org) > 0; }));
  for (int i = 0; i < 100; ++i) {
    daemon().signal(SIGHUP);
    pass(5ms);
  }
  works();
}

TEST_CASE_METHOD(OddStderr, "stop: a full disk under stderr does not end it") {
  start_with("2>/dev/full");
  works();
}

}  // namespace
}  // namespace logzio_okta::e2e
