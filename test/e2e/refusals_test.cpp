// The listener refuses lines that every parser accepts: the culprits are found whatever its counts say, good
// lines are not held up, and lines sent again to find the culprits are marked.
#include <algorithm>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

using model::Counting;

constexpr std::string_view objectionable = "objectionable";

struct Refusals : Bench {
  std::size_t org = add_org();
  Words refused;

  explicit Refusals(Counting counting = Counting::honest) {
    sandbox::ListenerSpec spec;
    spec.settings.objects_to = objectionable;
    spec.settings.counting = counting;
    add_listener(spec);
  }

  /// An event that only the listener objects to.
  void issue_refused() {
    const std::string number = std::to_string(100'000 + refused.size());
    refused.push_back(R"({"uuid":"11111111-1111-4111-8111-111111)" + number + R"(","published":")" +
                      format_rfc3339(World::now()) + R"(","displayMessage":"objectionable"})");
    world.issue_bytes(org, refused.back(), model::Fate::set_aside);
  }
  void refused_ones_are_kept_and_no_others() {
    Words kept = set_aside();
    std::ranges::sort(kept);
    Words expected = refused;
    std::ranges::sort(expected);
    CHECK(kept == expected);
    for (const std::string& count : query_state("SELECT CAST(events AS TEXT) FROM set_aside"))
      CHECK(count == "1");
  }
  [[nodiscard]] std::size_t said(std::string_view text) {
    std::size_t times = 0;
    const std::string log = daemon().log();
    for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++times;
    return times;
  }
};

TEST_CASE("refusals: dozens of 400s that took all but one line hold no tenant, and each culprit is found") {
  Refusals bench;
  const std::size_t other = bench.add_org();
  bench.start();
  constexpr int bulks = 75;
  for (int bulk = 0; bulk < bulks; ++bulk) {
    bench.world.issue(bench.org, 60);
    bench.issue_refused();
    bench.world.issue(other, 1);
    bench.pass(100ms);
  }
  REQUIRE(bench.all_arrive(120s));
  REQUIRE(bench.wait([&] { return bench.set_aside().size() == bench.refused.size(); }, 120s));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  bench.refused_ones_are_kept_and_no_others();
  const model::Judgement judgement = bench.world.judge();
  CHECK(judgement.repeats <= judgement.delivered);  // Each once more, at most.
}

TEST_CASE("refusals: counts that do not add up are the listener's all the same") {
  const Counting counting = GENERATE(Counting::honest, Counting::without_refused, Counting::with_final_break,
                                     Counting::all_or_nothing, Counting::without_successful);
  Refusals bench(counting);
  bench.world.issue(bench.org, 40);
  bench.issue_refused();
  bench.world.issue(bench.org, 40);
  bench.start();
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.says("set aside"));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(bench.world.judge().repeats <= 80);
  if (counting == Counting::all_or_nothing) CHECK(bench.world.judge().marked == 0);
  bench.refused_ones_are_kept_and_no_others();
}

TEST_CASE("refusals: an event that a firewall forbids is found while the others flow, and said once") {
  Refusals bench;
  bench.world.with_listener(0,
                            [](model::Listener& listener) { listener.settings().forbidden = objectionable; });
  bench.world.issue(bench.org, 30);
  bench.issue_refused();
  bench.world.issue(bench.org, 30);
  bench.start();
  for (int i = 0; i < 600 && !bench.daemon().log().contains("is set aside"); ++i) {
    bench.world.issue(bench.org, 1);
    bench.pass(100ms);
  }
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.says("is set aside"));
  CHECK(bench.said("takes events again") <= 2);
  CHECK(bench.said("after 0 ms") == 0);
  CHECK(bench.said("did not take a bulk") <= 2);
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  bench.refused_ones_are_kept_and_no_others();
}

TEST_CASE("refusals: a listener's 200 with a body of its own settles") {
  const std::string body = GENERATE("OK", "{}", "\r\n", R"({"status":"ok"})", "counts");
  Bench bench;
  const std::size_t org = bench.add_org();
  sandbox::ListenerSpec spec;
  spec.settings.yes_body = body;
  spec.settings.yes_counts = body == "counts";
  bench.add_listener(spec);
  bench.world.issue(org, 20);
  REQUIRE(bench.run_once() == 0);
  CHECK(bench.proven_once());
}

}  // namespace
}  // namespace logzio_okta::e2e
