// kill -9 at any moment loses nothing, and every repeat is marked.
//
// LOGZIO_OKTA_E2E_KILLS: how often the daemon is killed; LOGZIO_OKTA_E2E_SEED: when.
#include <algorithm>
#include <cstdlib>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Okta's clock is reckoned from ours in whole milliseconds, several times over.
constexpr auto clock_slack = 5ms;

/// One life of the daemon, by our clock.
struct Life {
  WallTime began;   ///< Before its process was started.
  WallTime opened;  ///< Its streams were open by then. The far future if it did not get so far.
};

/// Lines that are marked although their event was published after the start of the life that delivered it.
std::size_t wrongly_marked(Bench& bench, const std::vector<Life>& lives) {
  std::size_t wrong = 0;
  bench.world.with_listener(0, [&](model::Listener& logz) {
    for (const model::StoredLine& line : logz.lines()) {
      if (!is_marked(line.text)) continue;
      const auto next = std::ranges::upper_bound(lives, line.at, {}, &Life::began);
      const Life& life = *std::prev(next);
      const std::string published = member(line.text, "published");
      if (parse_rfc3339(published).value_or(WallTime::max()) <= life.opened) continue;
      ++wrong;
      UNSCOPED_INFO("life " << next - lives.begin() << ", opened " << format_rfc3339(life.opened)
                            << ", delivered " << format_rfc3339(line.at) << ": published " << published);
    }
  });
  return wrong;
}

TEST_CASE("crash: killed at random moments while events come, nothing is lost and repeats are marked") {
  const std::uint64_t kills = setting("LOGZIO_OKTA_E2E_KILLS", 10);
  const std::uint64_t seed = setting("LOGZIO_OKTA_E2E_SEED", 1);
  CAPTURE(kills, seed);
  Random random(seed);
  Bench bench(seed);
  for (int i = 0; i < 3; ++i) bench.add_org();
  bench.add_listener();
  bench.world.issue_past(0, 3000, 24h);
  bench.inject_listener(fault::Delay{.time = 20ms});  // So that there is always something in flight.

  const auto events_come = [&](Duration span) {
    for (Duration passed{}; passed < span; passed += 10ms) {
      for (std::size_t org = 0; org < bench.world.orgs(); ++org) bench.world.issue(org, random.below(5));
      bench.pass(10ms);
    }
  };
  std::vector<Life> lives;
  const auto begin_life = [&](bool to_its_streams) {
    lives.push_back({.began = World::now(), .opened = WallTime::max()});
    bench.start({.poll_interval = "20ms"});
    if (!to_its_streams) return;
    // Each stream says one of these; the last org of the file is the last to open.
    const std::string last = "[" + bench.world.org_name(2) + "] ";
    REQUIRE(bench.wait([&] {
      const std::string log = bench.daemon().log();
      return log.contains(last + "continues") || log.contains(last + "new tenant");
    }));
    lives.back().opened = World::now() + clock_slack;
  };

  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const bool late = random.below(4) > 0;  // One in four is killed while it starts.
    begin_life(late);
    events_come(random.between(0ms, late ? 600ms : 150ms));
    bench.kill();
  }
  begin_life(true);
  events_come(200ms);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(wrongly_marked(bench, lives) == 0);

  // An orderly stop leaves no doubt.
  const std::size_t marked = bench.world.judge().marked;
  bench.start();
  for (std::size_t org = 0; org < bench.world.orgs(); ++org) bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  CHECK(bench.world.judge().marked == marked);
}

TEST_CASE("crash: killed with a bulk taken and unanswered, each of its lines comes again, marked") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 100, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);  // So that the first hundred are saved.
  bench.start();
  bench.inject_listener(fault::hang(), 1);
  bench.world.issue(org, 20);
  REQUIRE(bench.wait([&] { return bench.lines() == 120; }));
  bench.kill();
  const WallTime killed = World::now();

  bench.start();
  REQUIRE(bench.says("the last run did not shut down cleanly"));
  bench.world.issue(org, 20);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  // Those 20, or none of them if their page was saved: it was not.
  CHECK(bench.world.judge().repeats == 20);
  CHECK(wrongly_marked(bench, {{.began = WallTime::min(), .opened = killed + 1min}}) == 0);
}

TEST_CASE("crash: killed before anything was sent, everything arrives once") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 100, 24h);
  bench.world.refuse(bench.world.listener_port(0), true);
  bench.start();
  REQUIRE(bench.says("did not take a bulk"));
  bench.kill();
  bench.world.refuse(bench.world.listener_port(0), false);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(bench.world.judge().repeats == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
