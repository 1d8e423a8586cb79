#include "flow/shipper_bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

// 401.

TEST_CASE("shipper: a refused token holds everything, is said at once and then hourly, and tried gently") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  bench.says(says(401, "Logging token is not valid"));
  REQUIRE_FALSE(bench.shipper.healthy());
  REQUIRE(bench.shipper.report().state == "token refused");
  REQUIRE(bench.notes_with("token is wrong or belongs to another region") == 1);
  bench.takes({event(2)});
  bench.pass(limits::token_retry - limits::bulk_age_max - 1s);
  REQUIRE(bench.flying.empty());

  const std::size_t before = bench.sent;
  bench.judges([](const Sent&) { return says(401); }, 3h);
  REQUIRE(bench.sent - before <= std::size_t{180});  // Once a minute.
  REQUIRE(bench.sent - before >= 100);
  REQUIRE(bench.notes_with("token is wrong") >= 3);
  REQUIRE(bench.notes_with("token is wrong") <= 4);

  bench.judges([](const Sent&) { return takes_all(); });
  REQUIRE(bench.delivered == 2);
  REQUIRE(bench.marked == 0);
  REQUIRE(bench.shipper.healthy());
  REQUIRE(bench.notes_with("takes events again") == 1);
}

TEST_CASE("shipper: a new token is tried at once") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  bench.says(says(401));
  bench.shipper.token_changed(bench.now());
  bench.advance();
  bench.says(takes_all());
  REQUIRE(bench.delivered == 1);
}

// Trouble.

TEST_CASE("shipper: in trouble one bulk at a time is tried, ever more gently, for ever") {
  ShipperBench bench;
  for (int n = 1; n <= 4; ++n) {
    bench.takes({event(n)});
    bench.ripens();
  }
  while (!bench.flying.empty()) bench.says(bench.flying.begin()->first, cannot_be_reached());
  std::size_t most = 0;
  const std::size_t before = bench.sent;
  bench.judges(
      [&](const Sent&) {
        most = std::max(most, bench.flying.size());
        return cannot_be_reached();
      },
      2h);
  REQUIRE(most <= 1);
  REQUIRE(bench.sent - before < 2 * 720);  // Rarer than every five seconds on average,
  REQUIRE(bench.sent - before > 2 * 120);  // but never rarer than every thirty.
  bench.judges([](const Sent&) { return takes_all(); });
  REQUIRE(bench.delivered == 4);
}

TEST_CASE("shipper: a 429 is never about what is in a bulk, however often it comes while others pass") {
  ShipperBench bench;
  bench.takes({event(1), event(2)});
  bench.ripens();
  int n = 100;
  for (int i = 0; i < 100; ++i) {
    bench.takes({event(++n)}, other, 1);
    bench.pass(30s);
    while (!bench.flying.empty()) {
      const Sent bulk = bench.flying.begin()->second;
      bench.says(bulk.id, bulk.lines[0].n == 1 ? says(429) : takes_all());
    }
  }
  REQUIRE(bench.set_aside == 0);
  REQUIRE(bench.shipper.report().bulks_halved == 0);
}

TEST_CASE("shipper: what we hold back ourselves is no trouble of the listener") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  bench.says(TransportError{.fault = TransportFault::held_by_us, .text = "the state cannot be written"});
  bench.judges([](const Sent&) { return takes_all(); });
  REQUIRE(bench.delivered == 1);
  REQUIRE(bench.notes_with("did not take") == 0);
  REQUIRE(bench.notes_with("again") == 0);
}

TEST_CASE("shipper: Retry-After is obeyed") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  bench.says(says(429, "", {{"Retry-After", "300"}}));
  bench.pass(299s);
  REQUIRE(bench.flying.empty());
  bench.pass(1s);
  REQUIRE(bench.flying.size() == 1);
}

TEST_CASE("shipper: a trouble is said once, then ever more rarely, and its end is said") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  bench.judges([](const Sent&) { return cannot_be_reached(); }, 1h);
  REQUIRE(bench.notes_with("did not take a bulk") >= 3);
  REQUIRE(bench.notes_with("did not take a bulk") <= 5);
  bench.judges([](const Sent&) { return takes_all(); });
  REQUIRE(bench.notes_with("takes events again") == 1);
}

TEST_CASE(
    "shipper: a bulk refused while others pass is halved down to the culprit soon, and it is said once") {
  ShipperBench bench;
  const Instant began = bench.steady;
  std::vector<std::string> all;
  for (int n = 1; n <= 16; ++n) all.push_back(event(n));
  bench.takes(all);
  bench.ripens();
  const auto holds_the_culprit = [](const Sent& bulk) {
    return std::ranges::any_of(bulk.lines, [](const Line& line) { return line.n == 11; });
  };
  int refused = 0;
  int others = 100;
  while (bench.set_aside == 0 && bench.steady < Instant{} + 1'000'000s + 2h) {
    if (bench.shipper.report().waiting < 2) bench.takes({event(++others)}, other, 1);
    bench.pass(1s);
    while (!bench.flying.empty()) {
      const Sent bulk = bench.flying.begin()->second;
      refused += holds_the_culprit(bulk) ? 1 : 0;
      bench.says(bulk.id, holds_the_culprit(bulk) ? says(403) : takes_all());
    }
  }
  REQUIRE(bench.set_aside == 1);
  REQUIRE(bench.kept[0].bytes == event(11));
  REQUIRE(refused >= limits::refusals_until_halved);  // For the line by itself.
  REQUIRE(bench.steady - began <= 30s);
  REQUIRE(bench.notes_with("did not take a bulk") == 1);
  REQUIRE(bench.notes_with("takes other bulks, but not one") == 1);
  REQUIRE(bench.notes_with("takes events again") <= 1);
  REQUIRE(bench.notes_with("is set aside") == 1);
  bench.judges([](const Sent&) { return takes_all(); });
  REQUIRE(bench.left() == 0);
  REQUIRE(bench.delivered == 15 + static_cast<std::size_t>(others) - 100);
  REQUIRE(bench.shipper.healthy());
}

TEST_CASE(
    "shipper: a line alone is not the culprit before others pass; then the destination is in order again") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  const auto judge = [](const Sent& bulk) { return bulk.lines[0].n == 1 ? says(403) : takes_all(); };
  bench.judges(judge, 2h);
  REQUIRE(bench.left() == 1);
  REQUIRE(bench.shipper.wants_fresh_bulk());  // Only fresh events can tell.
  bench.takes({event(2)}, other, 1);
  REQUIRE_FALSE(bench.shipper.wants_fresh_bulk());
  bench.judges(judge, 2h);
  REQUIRE(bench.delivered == 1);
  REQUIRE(bench.kept.at(0).bytes == event(1));
  REQUIRE(bench.shipper.healthy());
}

TEST_CASE("shipper: an outage sets nothing aside, however long it refuses") {
  ShipperBench bench;
  for (int n = 1; n <= 8; ++n) {
    bench.takes({event(n)});
    bench.ripens();
  }
  bench.judges([](const Sent&) { return says(503); }, 24h);
  REQUIRE(bench.set_aside == 0);
  bench.judges([](const Sent&) { return takes_all(); });
  REQUIRE(bench.delivered == 8);
}

TEST_CASE("shipper: a bulk alone is halved after ten refusals, so that its parts can tell the culprit") {
  ShipperBench bench;
  bench.takes({event(1), event(2), event(3), event(4)});
  bench.ripens();
  const auto judge = [](const Sent& bulk) {
    const bool bad = std::ranges::any_of(bulk.lines, [](const Line& line) { return line.n == 3; });
    return bad ? says(403) : takes_all();
  };
  bench.judges(judge, 2h);
  REQUIRE(bench.delivered == 3);
  REQUIRE(bench.set_aside == 1);
  REQUIRE(bench.kept[0].bytes == event(3));
}

TEST_CASE("shipper: one broken connection does not end the search for the culprit") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  bench.judges([](const Sent&) { return says(403); }, 5min);
  REQUIRE(bench.shipper.wants_fresh_bulk());
  bench.judges([](const Sent&) { return cannot_be_reached(); }, 5min);
  bench.judges([](const Sent&) { return says(403); }, 5min);
  REQUIRE(bench.shipper.wants_fresh_bulk());
}

// Stopping.

TEST_CASE("shipper: a stop sends what is open at once and is quiet when it is answered") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.shipper.stop();
  bench.advance();
  REQUIRE_FALSE(bench.shipper.quiet());
  REQUIRE(bench.shipper.doubtful() == std::set<StreamId>{acme});
  bench.says(takes_all());
  REQUIRE(bench.shipper.quiet());
  REQUIRE(bench.shipper.doubtful().empty());
}

TEST_CASE("shipper: in trouble a stop tries nothing more, and what was never taken is in no doubt") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  bench.says(cannot_be_reached());
  bench.takes({event(2)}, other, 1);
  bench.shipper.stop();
  bench.pass(1min);
  REQUIRE(bench.flying.empty());
  REQUIRE(bench.shipper.quiet());
  REQUIRE(bench.shipper.doubtful().empty());
}

TEST_CASE("shipper: what was perhaps taken is in doubt until it is settled") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  bench.says(cuts_the_line());
  REQUIRE(bench.shipper.doubtful() == std::set<StreamId>{acme});
  bench.pass(1min);
  bench.says(takes_all());
  REQUIRE(bench.shipper.doubtful().empty());
}
