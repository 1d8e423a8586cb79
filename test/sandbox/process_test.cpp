#include "sandbox/process.hpp"

#include <csignal>

#include "catch.hpp"

namespace logzio_okta::sandbox {
namespace {

TEST_CASE("process: what it says is captured, and its exit code") {
  Daemon shell({.binary = "/bin/sh", .args = {"-c", "echo out; echo one >&2; echo two >&2; exit 3"}});
  REQUIRE(shell.wait_exit(120s) == 3);
  CHECK(shell.out() == "out\n");
  CHECK(shell.log() == "one\ntwo\n");
  CHECK(shell.log_tail(1) == "two\n");
  CHECK_FALSE(shell.running());
}

TEST_CASE("process: its environment is what it was given") {
  Daemon env({.binary = "/usr/bin/env", .env = {{"A", "1"}, {"B", ""}}});
  REQUIRE(env.wait_exit(120s) == 0);
  CHECK(env.out() == "A=1\nB=\n");
}

TEST_CASE("process: its log is waited for, signals reach it, and its numbers can be read") {
  Daemon shell(
      {.binary = "/bin/sh", .args = {"-c", "trap 'exit 7' TERM; echo ready >&2; while :; do :; done"}});
  REQUIRE(shell.wait_log("ready", 10s));
  CHECK_FALSE(shell.wait_log("never said", 1ms));
  CHECK(shell.rss_bytes() > 100'000);
  CHECK(shell.rss_peak_bytes() >= shell.rss_bytes());
  CHECK_FALSE(shell.wait_exit(1ms));
  shell.signal(SIGTERM);
  CHECK(shell.wait_exit(120s) == 7);
}

TEST_CASE("process: kill -9 ends it at once, and so does the end of its owner") {
  pid_t pid = 0;
  {
    Daemon sleeper({.binary = "/bin/sleep", .args = {"1000"}});
    pid = sleeper.pid();
  }
  CHECK(kill(pid, 0) == -1);
  Daemon sleeper({.binary = "/bin/sleep", .args = {"1000"}});
  sleeper.kill_hard();
  CHECK(sleeper.wait_exit(0s) == 128 + SIGKILL);
}

TEST_CASE("process: a program that does not exist is said to be missing") {
  CHECK_THROWS_AS(Daemon({.binary = "/no/such/program"}), std::system_error);
}

}  // namespace
}  // namespace logzio_okta::sandbox
