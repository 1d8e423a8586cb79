// The command `events`: what Okta holds, on standard output, beside the daemon and without a trace.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <span>
#include <sstream>

#include "logzio_okta/okta/domain.hpp"

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

struct Reader {
  Bench bench;

  std::size_t add_org() {
    const std::size_t org = bench.add_org();
    bench.world.with_org(org, [](model::OktaOrg& okta) { okta.settings().bounded = true; });
    return org;
  }
  sandbox::Daemon& starts(Words more = {}) {
    if (!std::filesystem::exists(bench.tenants_file())) bench.write_tenants();
    Words args = {"events",          "--tenants", bench.tenants_file(), "--rate-share", "1",
                  "--poll-interval", "100ms"};
    args.insert(args.end(), more.begin(), more.end());
    return bench.start_process({.args = args, .env = Bench::sanitizer_variables()});
  }
  /// Its exit code, and what it printed in `lines`.
  std::optional<int> reads(Words more = {}) {
    sandbox::Daemon& daemon = starts(std::move(more));
    const auto code = daemon.wait_exit(patience);
    std::istringstream out(daemon.out());
    lines.clear();
    for (std::string line; std::getline(out, line);) lines.push_back(line);
    return code;
  }
  [[nodiscard]] Words held(std::size_t org, WallTime from = WallTime::min()) {
    return bench.world.with_org(org, [&](model::OktaOrg& okta) {
      Words all;
      for (const model::LoggedEvent& event : okta.log().events()) {
        if (event.published >= from) all.push_back(event.bytes);
      }
      return all;
    });
  }

  Words lines;
};

TEST_CASE("events: a span is printed exactly as Okta holds it, page after page, and nothing is kept") {
  Reader reader;
  const std::size_t org = reader.add_org();
  reader.bench.world.issue_past(org, 2500, 6h);
  REQUIRE(reader.reads({"--since", "24h"}) == 0);
  CHECK(reader.lines == reader.held(org));
  CHECK_FALSE(std::filesystem::exists(reader.bench.state_dir()));
  CHECK(reader.bench.daemon().log().empty());  // No terminal, no progress.

  // An hour before some moment while it ran: everything since then and nothing else.
  const WallTime started = World::now();
  REQUIRE(reader.reads({"--since", "1h"}) == 0);
  const Words most = reader.held(org, started - 1h);
  CHECK(reader.lines.size() >= reader.held(org, World::now() - 1h).size());
  REQUIRE(reader.lines.size() <= most.size());
  CHECK(std::ranges::equal(reader.lines, std::span(most).last(reader.lines.size())));
  REQUIRE(reader.reads({"--since", "24h", "--until", "3h"}) == 0);
  CHECK(reader.lines.size() > 1240);
  CHECK(reader.lines.size() < 1260);
}

TEST_CASE("events: a filter and keywords are passed on to Okta") {
  Reader reader;
  const std::size_t org = reader.add_org();
  for (int i = 0; i < 30; ++i) {
    const std::string type = i % 3 == 0 ? "user.session.start" : "app.access";
    reader.bench.world.issue_bytes(org,
                                   R"({"uuid":"u)" + std::to_string(i) + R"(","eventType":")" + type + "\"}");
  }
  // "Until now" is by Okta's Date, which has whole seconds: the second that runs is not in it yet.
  const WallTime issued = World::now();
  REQUIRE(reader.bench.wait([&] { return World::now() > issued + 1s; }));
  REQUIRE(reader.reads({"--since", "1h", "--filter", R"(eventType eq "user.session.start")"}) == 0);
  CHECK(reader.lines.size() == 10);
  REQUIRE(reader.reads({"--since", "1h", "--keywords", "\"u7\""}) == 0);
  CHECK(reader.lines.size() == 1);
  REQUIRE(reader.reads({"--since", "1h", "--filter", "nonsense"}) == 69);
  CHECK(reader.bench.daemon().log().contains("Okta refuses the query"));
}

TEST_CASE("events: with --follow, new events are printed as they arrive") {
  Reader reader;
  const std::size_t org = reader.add_org();
  reader.bench.world.issue_past(org, 20, 1h);
  sandbox::Daemon& daemon = reader.starts({"--since", "2h", "--follow"});
  const auto lines = [&] {
    const std::string out = daemon.out();
    return static_cast<std::size_t>(std::ranges::count(out, '\n'));
  };
  REQUIRE(reader.bench.wait([&] { return lines() == 20; }));
  reader.bench.world.issue(org, 5);
  REQUIRE(reader.bench.wait([&] { return lines() == 25; }));
  REQUIRE(daemon.running());
  daemon.signal(SIGINT);
  CHECK(daemon.wait_exit(patience).has_value());
}

TEST_CASE("events: a tenant must be named if there are several, and an unknown one is reported") {
  Reader reader;
  const std::size_t first = reader.add_org();
  const std::size_t second = reader.add_org();
  reader.bench.world.issue_past(first, 3, 1h);
  reader.bench.world.issue_past(second, 4, 1h);
  REQUIRE(reader.reads() == 78);
  CHECK(reader.bench.daemon().log().contains("name one with --tenant"));
  REQUIRE(reader.reads({"--tenant", reader.bench.world.org_domain(second)}) == 0);
  CHECK(reader.lines == reader.held(second));
  const std::string name = Domain::parse(reader.bench.world.org_domain(first)).value().name();
  REQUIRE(reader.reads({"--tenant", name}) == 0);
  CHECK(reader.lines == reader.held(first));
  REQUIRE(reader.reads({"--tenant", "initech.okta.com"}) == 78);
  CHECK(reader.bench.daemon().log().contains("initech.okta.com is not in the tenants file, which has "));
}

TEST_CASE("events: refused keys end it, an outage is waited for") {
  Reader reader;
  const std::size_t org = reader.add_org();
  reader.bench.world.issue_past(org, 5, 1h);
  reader.bench.inject(org, fault::bad_gateway(), 2);
  REQUIRE(reader.reads({"--since", "2h"}) == 0);
  CHECK(reader.lines == reader.held(org));
  CHECK(reader.bench.daemon().log().contains("502"));
  reader.bench.inject(org, fault::okta_unauthorized());
  REQUIRE(reader.reads({"--since", "2h"}) == 69);
  CHECK(reader.bench.daemon().log().contains("refuses every key"));
}

}  // namespace
}  // namespace logzio_okta::e2e
