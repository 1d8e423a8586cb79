// `set-aside` and `cursor`: inspecting and repairing the state, with a daemon's lock respected.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "logzio_okta/base/gzip.hpp"

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

struct Commands {
  Bench bench;
  std::string out;
  std::string err;

  /// Its exit code; what it said in `out` and `err`.
  std::optional<int> run(Words args, const Variables& more = {}) {
    args.insert(args.end(), {"--state-dir", bench.state_dir()});
    return perform(Bench::binary(), args, more);
  }
  /// Its standard output on a disk that is full.
  std::optional<int> run_on_full_disk(Words args) {
    args.insert(args.begin(), {"-c", "exec \"$0\" \"$@\" >/dev/full", Bench::binary()});
    args.insert(args.end(), {"--state-dir", bench.state_dir()});
    return perform("/bin/sh", args);
  }
  std::optional<int> perform(const std::string& program, const Words& args, const Variables& more = {}) {
    Variables env = Bench::sanitizer_variables();
    env.insert(env.end(), more.begin(), more.end());
    sandbox::Daemon command({.binary = program, .args = args, .env = env});
    const auto code = command.wait_exit(patience);
    out = command.out();
    err = command.log();
    return code;
  }
  std::optional<int> retries(const std::string& id) {
    return run({"set-aside", "retry", id, "--tenants", bench.tenants_file(), "--ca-file",
                bench.world.ca_file(), "--listener", bench.world.listener_address(0)},
               {{"LOGZIO_TOKEN", bench.world.token()}});
  }
};

/// Puts these bytes in the place of what is set aside under this number.
void keep_instead(Bench& bench, int id, const std::string& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const char c : gzip(bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    (hex += digits[byte / digits.size()]) += digits[byte % digits.size()];
  }
  static_cast<void>(
      bench.query_state("UPDATE set_aside SET bytes = X'" + hex + "' WHERE id = " + std::to_string(id)));
}

/// What the listener refuses today and takes tomorrow.
const std::string refused = R"({"uuid":"u-late","eventType":"x","displayMessage":"refused today"})";

TEST_CASE("set-aside: what was set aside is listed, shown, sent once more and dropped") {
  Commands commands;
  Bench& bench = commands.bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.set_judging(false);
  bench.world.issue_special(org, model::Special::raw_newline);
  bench.world.issue_bytes(org, refused);
  bench.world.issue(org, 3);
  REQUIRE(bench.run_once() == 0);
  REQUIRE(commands.run({"set-aside", "list"}) == 0);
  CHECK(commands.out.contains("not JSON: a line break inside a string"));
  REQUIRE(commands.run({"set-aside", "show", "1"}) == 0);
  CHECK(commands.out == bench.set_aside().at(0) + "\n");
  CHECK(commands.run_on_full_disk({"set-aside", "show", "1"}) == 74);
  CHECK(commands.err.contains("No space left on device"));

  CHECK(commands.retries("1") == 69);
  CHECK(commands.err.contains("a line break inside a string"));
  CHECK(commands.run({"set-aside", "drop", "7"}) == 64);
  REQUIRE(commands.run({"set-aside", "drop", "all"}) == 0);
  CHECK(bench.set_aside().empty());
  REQUIRE(commands.run({"set-aside", "list"}) == 0);
  CHECK(commands.out == "nothing is set aside\n");
}

TEST_CASE(
    "set-aside: an event that is now taken is no longer set aside, and is marked as a possible repeat") {
  Commands commands;
  Bench& bench = commands.bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.set_judging(false);
  bench.world.with_listener(0, [](model::Listener& listener) { listener.settings().line_bytes_max = 300; });
  bench.world.issue_bytes(org, R"({"uuid":"u1","x":")" + std::string(400, 'x') + "\"}");
  REQUIRE(bench.run_once() == 0);
  REQUIRE(bench.set_aside().size() == 1);
  CHECK(commands.retries("1") == 69);
  REQUIRE(bench.set_aside().size() == 1);
  bench.world.with_listener(0,
                            [](model::Listener& listener) { listener.settings().line_bytes_max = 500'000; });
  CHECK(commands.retries("1") == 0);
  CHECK(bench.set_aside().empty());
  const std::string line =
      bench.world.with_listener(0, [](model::Listener& listener) { return listener.lines().back().text; });
  CHECK(is_marked(line));
  CHECK(line.contains("\"uuid\":\"u1\""));
}

TEST_CASE("set-aside: among events kept together, those that are taken now go and the others stay") {
  Commands commands;
  Bench& bench = commands.bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.set_judging(false);
  bench.world.issue_special(org, model::Special::raw_newline);
  bench.world.issue_special(org, model::Special::raw_newline);
  REQUIRE(bench.run_once() == 0);
  REQUIRE(bench.set_aside().size() == 2);
  // As a hunt that ran out of time leaves them.
  const std::string together = R"({"uuid":"u1"})"
                               "\n"
                               R"({"uuid":"u2","x":"objectionable"})"
                               "\n"
                               R"({"uuid":"u3"})"
                               "\n";
  keep_instead(bench, 1, together);
  keep_instead(bench, 2, R"({"uuid":"u4"})");
  bench.world.with_listener(
      0, [](model::Listener& listener) { listener.settings().objects_to = "objectionable"; });
  const std::size_t lines = bench.lines();
  CHECK(commands.retries("all") == 69);
  CHECK(commands.out.contains("1: 2 events delivered"));
  CHECK(commands.out.contains("2 delivered, and no longer set aside"));
  CHECK(commands.err.contains("1: 1 event stay"));
  CHECK(bench.lines() == lines + 3);
  REQUIRE(commands.run({"set-aside", "list"}) == 0);
  CHECK_FALSE(commands.out.contains(" 0  "));
  CHECK(bench.set_aside() == Words{R"({"uuid":"u2","x":"objectionable"})"});
  bench.world.with_listener(0, [](model::Listener& listener) { listener.settings().objects_to.clear(); });
  CHECK(commands.retries("all") == 0);
  CHECK(bench.set_aside().empty());
  CHECK(commands.retries("all") == 0);  // Nothing is left to do.
}

TEST_CASE("cursor: shown while a daemon runs, set only while none does, and obeyed") {
  Commands commands;
  Bench& bench = commands.bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.set_judging(false);
  bench.world.issue_past(org, 48, 48h);
  bench.start({.flags = {"--since", "now"}});
  REQUIRE(bench.wait([&] { return bench.requests(org) > 1; }));
  REQUIRE(commands.run({"cursor", "show"}) == 0);
  CHECK(commands.out.contains(bench.world.org_name(org)));
  const Words set = {"cursor", "set", bench.world.org_domain(org), "24h", "--tenants", bench.tenants_file()};
  CHECK(commands.run(set) == 75);
  CHECK(commands.err.contains("Stop the daemon first"));
  CHECK(commands.run({"set-aside", "drop", "all"}) == 75);
  REQUIRE(bench.stop() == 0);
  REQUIRE(bench.lines() == 0);
  REQUIRE(commands.run(set) == 0);
  REQUIRE(bench.run_once() == 0);
  CHECK(bench.lines() >= 23);
  CHECK(bench.lines() <= 25);
  const std::string line =
      bench.world.with_listener(0, [](model::Listener& listener) { return listener.lines().front().text; });
  CHECK(line.contains("\"backfill\":true"));
}

TEST_CASE("set-aside: an event that went out reduced is not sent a second time") {
  Commands commands;
  Bench& bench = commands.bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.set_judging(false);
  bench.world.issue_bytes(org, R"({"uuid":"u1","x":")" + std::string(600'000, 'x') + "\"}");
  REQUIRE(bench.run_once() == 0);
  REQUIRE(bench.set_aside().size() == 1);
  const std::size_t lines = bench.lines();
  CHECK(commands.retries("1") == 69);
  CHECK(commands.err.contains("it was delivered, reduced"));
  CHECK(bench.lines() == lines);
}

TEST_CASE("set-aside, cursor: without a state they say so, and do not create one") {
  Commands commands;
  for (const Words& words : {Words{"cursor", "show"}, {"set-aside", "list"}, {"set-aside", "drop", "all"}}) {
    CHECK(commands.run(words) == 74);
    CHECK(commands.err.contains("there is no state in"));
  }
  CHECK_FALSE(std::filesystem::exists(commands.bench.state_dir()));
}

TEST_CASE("cursor: a state that is damaged is left for the daemon, which says what is lost") {
  Commands commands;
  Bench& bench = commands.bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.write_tenants();
  const std::filesystem::path file = std::filesystem::path(bench.state_dir()) / "state.sqlite";
  std::filesystem::create_directories(file.parent_path());
  const std::string garbage(5000, 'g');
  write_file(file, garbage);
  CHECK(commands.run(
            {"cursor", "set", bench.world.org_domain(org), "24h", "--tenants", bench.tenants_file()}) == 74);
  CHECK(commands.err.contains("restore a copy of it, or start the daemon"));
  std::ifstream left(file);
  CHECK(std::string(std::istreambuf_iterator<char>(left), {}) == garbage);
  bench.start();
  CHECK(bench.says("THE STATE IS LOST"));
  CHECK(bench.stop() == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
