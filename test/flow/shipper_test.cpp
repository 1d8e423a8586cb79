#include "flow/shipper_bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

// Collecting and sending.

TEST_CASE("shipper: what is taken is sent when it is old enough, in order, and a 200 settles it") {
  ShipperBench bench;
  bench.takes({event(1), event(2)});
  bench.pass(limits::bulk_age_max - 1ms);
  REQUIRE(bench.flying.empty());
  bench.pass(1ms);
  REQUIRE(numbers_of(bench.in_flight()) == std::vector<int>{1, 2});
  bench.says(takes_all());
  REQUIRE(bench.delivered == 2);
  REQUIRE(bench.left() == 0);
  REQUIRE(bench.shipper.deadline() == never);
}

TEST_CASE("shipper: events of several streams share a bulk and are settled each for its own page") {
  ShipperBench bench;
  bench.takes({event(1), event(2)}, acme, 5);
  bench.takes({event(3)}, other, 9);
  bench.takes({event(4)}, acme, 6);
  bench.ripens();
  REQUIRE(bench.in_flight().lines.size() == 4);
  bench.says(takes_all());
  REQUIRE(bench.left() == 0);
}

TEST_CASE("shipper: a full bulk does not wait for its age, and none is larger than allowed") {
  ShipperBench bench;
  std::vector<std::string> many;
  for (int n = 0; n < 12; ++n) many.push_back(sized_event(n, 450'000));
  bench.takes(many);
  REQUIRE_FALSE(bench.flying.empty());
  bench.ripens();
  bench.judges([](const Sent& bulk) {
    std::size_t bytes = 0;
    for (const Line& line : bulk.lines) bytes += line.text.size() + 1;
    REQUIRE(bytes <= limits::bulk_bytes_max);
    return takes_all();
  });
  REQUIRE(bench.delivered == 12);
}

TEST_CASE("shipper: a bulk holds a limited number of lines") {
  ShipperBench bench;
  for (int i = 0; i < 21; ++i) bench.takes(std::vector<std::string>(1000, "{}"));
  bench.ripens();
  bench.judges([](const Sent& bulk) {
    REQUIRE(bulk.lines.size() <= limits::bulk_lines_max);
    return takes_all();
  });
  REQUIRE(bench.delivered == 21'000);
}

TEST_CASE("shipper: only a few bulks are in flight, the others wait in order") {
  ShipperBench bench;
  for (int n = 1; n <= 6; ++n) {
    bench.takes({event(n)});
    bench.ripens();
  }
  REQUIRE(bench.flying.size() == limits::bulks_in_flight_max);
  REQUIRE(bench.shipper.report().waiting == 6);
  bench.says(bench.flying.begin()->first, takes_all());
  REQUIRE(bench.flying.size() == limits::bulks_in_flight_max);
  REQUIRE(numbers_of(bench.flying.rbegin()->second) == std::vector<int>{5});
}

TEST_CASE("shipper: what is newest goes before what others catch up on, retried and halved too") {
  ShipperBench bench;
  for (int n = 1; n <= 6; ++n) {
    bench.takes({event(n)}, other, static_cast<std::uint64_t>(n));
    bench.ripens();
  }
  bench.newest = true;
  bench.takes({event(7), event(8)}, acme);
  bench.ripens();
  bench.says(bench.flying.begin()->first, takes_all());
  REQUIRE(numbers_of(bench.flying.rbegin()->second) == std::vector<int>{7, 8});
  bench.says(bench.flying.rbegin()->first, says(413));
  REQUIRE(numbers_of(bench.flying.rbegin()->second) == std::vector<int>{7});
  bench.says(bench.flying.begin()->first, takes_all());
  REQUIRE(numbers_of(bench.flying.rbegin()->second) == std::vector<int>{8});
}

TEST_CASE("shipper: what is newest does not keep the oldest waiting for ever") {
  ShipperBench bench;
  for (int n = 1; n <= 5; ++n) {
    bench.takes({event(n)}, other, static_cast<std::uint64_t>(n));
    bench.ripens();
  }
  bench.newest = true;
  int answers = 0;
  for (int n = 6; numbers_of(bench.flying.rbegin()->second) != std::vector<int>{5}; ++n) {
    bench.takes({event(n)}, acme, static_cast<std::uint64_t>(n));
    bench.ripens();
    bench.says(bench.flying.begin()->first, takes_all());
    REQUIRE(++answers <= limits::urgent_bulks_in_a_row + 1);
  }
  REQUIRE(answers == limits::urgent_bulks_in_a_row + 1);
}

TEST_CASE("shipper: once the last refused line is set aside, it is no longer in trouble") {
  ShipperBench bench;
  bench.takes({sized_event(1, 70'000)}, acme, 1);
  bench.ripens();
  for (int refusal = 0; refusal < 3; ++refusal) {
    bench.says(says(500));
    bench.pass(1min);
  }
  REQUIRE_FALSE(bench.shipper.healthy());
  bench.says(says(413));
  REQUIRE(bench.set_aside == 1);
  REQUIRE(bench.shipper.healthy());
}

TEST_CASE("shipper: an answer to nothing in flight is ignored, a second one to the same bulk too") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  const BulkId id = bench.in_flight().id;
  bench.shipper.answered(bench.now(), BulkId{999}, takes_all());
  bench.says(takes_all());
  bench.shipper.answered(bench.now(), id, takes_all());
  bench.advance();
  REQUIRE(bench.delivered == 1);
}

TEST_CASE("shipper: while it is paused nothing is sent, and nothing spins") {
  ShipperBench bench;
  bench.shipper.pause(true);
  bench.takes({event(1)});
  bench.pass(1h);
  REQUIRE(bench.sent == 0);
  bench.shipper.pause(false);
  bench.advance();
  REQUIRE(bench.sent == 1);
}

// What cannot become a line.

TEST_CASE("shipper: what cannot become a line is set aside with its bytes, and its neighbours go on") {
  ShipperBench bench;
  const std::string torn = "{\"a\":\"x\ny\"}";
  bench.takes({event(1), "17", torn, event(2)});
  REQUIRE(bench.set_aside == 2);
  REQUIRE(bench.kept[0].bytes == "17");
  REQUIRE(bench.kept[1].bytes == torn);
  REQUIRE(bench.notes_with("set aside") == 2);  // Two reasons.
  bench.ripens();
  bench.says(takes_all());
  REQUIRE(bench.delivered == 2);
  REQUIRE(bench.left() == 0);
}

TEST_CASE("shipper: over HTTP the listener judges, over TCP we have to") {
  ShipperBench http;
  http.takes({poison(1), R"({"token":"mine"})"});
  REQUIRE(http.set_aside == 0);
  ShipperBench lines(Protocol::tls_lines, 60);
  lines.takes({poison(1), R"({"token":"mine"})", event(2)});
  REQUIRE(lines.set_aside == 2);
  lines.ripens();
  lines.says(LinesTaken{});
  REQUIRE(lines.delivered == 1);
}

TEST_CASE("shipper: an event too long for a line goes reduced and is kept whole") {
  ShipperBench bench;
  const std::string large = sized_event(1, 600'000);
  bench.takes({large});
  REQUIRE(bench.kept.size() == 1);
  REQUIRE(bench.kept[0].bytes == large);
  REQUIRE(bench.kept[0].events == 0);
  bench.ripens();
  REQUIRE(bench.in_flight().lines[0].reduced);
  bench.says(takes_all());
  REQUIRE(bench.delivered == 1);
  REQUIRE(bench.set_aside == 0);
}

// Lost answers and their marks.

TEST_CASE("shipper: a bulk that was perhaps taken is sent again with every line marked") {
  for (const BulkResult& lost : {cuts_the_line(), says(500), says(502), says(504), says(408),
                                 says(200, "<html>"), says(400, "bad proxy"), says(400, "{}")}) {
    ShipperBench bench;
    bench.takes({event(1), event(2)});
    bench.ripens();
    REQUIRE_FALSE(bench.in_flight().lines[0].marked);
    bench.says(lost);
    bench.pass(1min);
    REQUIRE(bench.in_flight().lines.size() == 2);
    REQUIRE(bench.in_flight().lines[0].marked);
    REQUIRE(bench.in_flight().lines[1].marked);
    bench.says(takes_all());
    REQUIRE(bench.marked == 2);
    REQUIRE(bench.left() == 0);
  }
}

TEST_CASE("shipper: a bulk that was certainly not taken is sent again as it was") {
  for (const BulkResult& refused : {cannot_be_reached(), says(503), says(429), says(403, "<html>")}) {
    ShipperBench bench;
    bench.takes({event(1)});
    bench.ripens();
    bench.says(refused);
    bench.pass(1min);
    REQUIRE_FALSE(bench.in_flight().lines[0].marked);
    bench.says(takes_all());
    REQUIRE(bench.marked == 0);
  }
}

TEST_CASE("shipper: once perhaps taken, a bulk stays marked whatever comes after") {
  ShipperBench bench;
  bench.takes({event(1), event(2), event(3)});
  bench.ripens();
  bench.says(cuts_the_line());
  bench.pass(1min);
  bench.says(says(503));
  bench.pass(1min);
  REQUIRE(bench.in_flight().lines[2].marked);
  bench.says(says(413));
  bench.advance();
  bench.judges([](const Sent& bulk) {
    for (const Line& line : bulk.lines) REQUIRE(line.marked);
    return takes_all();
  });
  REQUIRE(bench.marked == 3);
}

TEST_CASE("shipper: halves of a bulk that was perhaps taken are marked although it was not sent again") {
  ShipperBench bench;
  bench.takes({event(1), event(2)});
  bench.ripens();
  bench.says(cuts_the_line());
  for (int i = 0; i < limits::refusals_until_halved; ++i) {
    bench.pass(1min);
    bench.says(says(500));
  }
  bench.pass(1min);
  bench.judges([](const Sent& bulk) {
    REQUIRE(bulk.lines.size() == 1);
    REQUIRE(bulk.lines[0].marked);
    return takes_all();
  });
  REQUIRE(bench.delivered == 2);
}

TEST_CASE("shipper: halves of a bulk that was perhaps taken are in doubt until they are settled") {
  ShipperBench bench;
  bench.takes({event(1), event(2)});
  bench.ripens();
  bench.says(cuts_the_line());
  bench.pass(1min);
  bench.says(says(413));
  bench.pass(1min);
  bench.says(cannot_be_reached());
  REQUIRE(bench.flying.empty());
  REQUIRE(bench.shipper.doubtful() == std::set<StreamId>{acme});
  bench.judges([](const Sent&) { return takes_all(); });
  REQUIRE(bench.shipper.doubtful().empty());
}

TEST_CASE(
    "shipper: a listener that answers late gets more time after each timeout, and keeps it for an hour") {
  const BulkResult late = broken(TransportFault::timed_out, true);
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  for (const int patience : {1, 2, 4, 8, 8}) {
    REQUIRE(bench.in_flight().patience == patience);
    bench.says(late);
    bench.pass(1min);
  }
  bench.says(takes_all());
  const auto next_patience = [&bench] {
    bench.takes({event(2)}, other, 1);
    bench.ripens();
    const int patience = bench.in_flight().patience;
    bench.says(takes_all());
    return patience;
  };
  bench.pass(30min);
  REQUIRE(next_patience() == limits::bulk_patience_max);
  bench.pass(limits::bulk_patience_kept);
  REQUIRE(next_patience() == 1);
}

TEST_CASE("shipper: bulks that time out together count once, and one that never got through does not count") {
  ShipperBench bench;
  for (int n = 1; n <= 4; ++n) {
    bench.takes({event(n)}, acme, static_cast<std::uint64_t>(n));
    bench.ripens();
  }
  REQUIRE(bench.flying.size() == limits::bulks_in_flight_max);
  bench.shipper.pause(true);
  while (!bench.flying.empty())
    bench.says(bench.flying.begin()->first, broken(TransportFault::timed_out, true));
  bench.shipper.pause(false);
  bench.pass(1min);
  REQUIRE(bench.in_flight().patience == 2);
  bench.says(broken(TransportFault::timed_out, false));
  bench.pass(1min);
  REQUIRE(bench.in_flight().patience == 2);
}

TEST_CASE("shipper: a mark is JSON in every kind of line and leaves Okta's bytes as they are") {
  const std::string full =
      R"({"type":"t","tenant_name":"x","@timestamp":1,"message":2,"displayMessage":"d","n":3})";
  const std::string fooling = R"({"displayMessage":"a\"logzio_okta\":{","n":4})";
  const std::vector<std::string> all = {"{}",
                                        "{ }",
                                        "{\n}",
                                        R"({"n":1})",
                                        event(2),
                                        full,
                                        fooling,
                                        "{\n  \"n\": 5\n}",
                                        sized_event(6, 600'000)};
  for (const Mark mark : {Mark{}, Mark{.backfill = true}}) {
    ShipperBench bench;
    bench.takes(all, acme, 1, mark);
    bench.ripens();
    const std::vector<Line> before = bench.in_flight().lines;
    bench.says(cuts_the_line());
    bench.pass(1min);
    const std::vector<Line>& after = bench.in_flight().lines;
    REQUIRE(after.size() == before.size());
    for (std::size_t i = 0; i < after.size(); ++i) {
      INFO(after[i].text.substr(0, 300));
      REQUIRE(is_strict_json_object(after[i].text));
      std::string_view ours;
      REQUIRE(find_member(after[i].text, "logzio_okta", ours));
      REQUIRE(ours.contains("\"possible_duplicate\":true"));
      REQUIRE(ours.contains("\"backfill\":true") == mark.backfill);
      REQUIRE(after[i].text.find("\"logzio_okta\":{\"") == after[i].text.rfind("\"logzio_okta\":{\""));
      // Without the mark it is the line that was sent before.
      std::string unmarked = after[i].text;
      for (const std::string_view said :
           {R"("logzio_okta":{"possible_duplicate":true},)", R"(,"logzio_okta":{"possible_duplicate":true})",
            R"("possible_duplicate":true,)"}) {
        if (const auto at = unmarked.find(said); at != unmarked.npos) {
          unmarked.erase(at, said.size());
          break;
        }
      }
      REQUIRE(unmarked == before[i].text);
    }
    bench.says(takes_all());
    REQUIRE(bench.marked == all.size());
    REQUIRE(bench.left() == 0);
  }
}

TEST_CASE("shipper: an event with its own logzio_okta leaves no room for a mark and goes as it is") {
  ShipperBench bench;
  bench.takes({R"({"logzio_okta":{"theirs":1},"n":1})", R"({"a":{"logzio_okta":{}},"n":2})"});
  bench.ripens();
  const std::string first = bench.in_flight().lines[0].text;
  bench.says(cuts_the_line());
  bench.pass(1min);
  REQUIRE(bench.in_flight().lines[0].text == first);
  REQUIRE(bench.in_flight().lines[1].marked);  // Only a key at the top level is in the way.
  bench.says(takes_all());
  REQUIRE(bench.marked == 1);
}

TEST_CASE("shipper: a line that its mark makes too long goes reduced, and the event is kept whole") {
  ShipperBench bench;
  const std::string edge = longest_event(1);
  bench.takes({edge, event(2)});
  bench.ripens();
  REQUIRE_FALSE(bench.in_flight().lines[0].reduced);
  bench.says(cuts_the_line());
  bench.pass(1min);
  REQUIRE(bench.in_flight().lines[0].reduced);
  REQUIRE(bench.in_flight().lines[0].marked);
  REQUIRE(bench.in_flight().lines[1].marked);
  REQUIRE(bench.kept.size() == 1);
  REQUIRE(bench.kept[0].bytes == edge);
  bench.says(takes_all());
  REQUIRE(bench.delivered == 2);
}

TEST_CASE(
    "shipper: where there is no room to keep what a mark makes too long, nothing is sent before there is") {
  ShipperBench bench;
  bench.takes({longest_event(1)});
  bench.ripens();
  REQUIRE_FALSE(bench.in_flight().lines[0].reduced);
  bench.says(cuts_the_line());
  bench.on_disk(limits::set_aside_bytes_max);
  bench.pass(10min);
  REQUIRE(bench.flying.empty());
  bench.on_disk(0);
  bench.advance();
  bench.says(takes_all());
  REQUIRE(bench.delivered == 1);
  REQUIRE(bench.kept.size() == 1);
}

// Whatever the listener says.

TEST_CASE("shipper: whatever the listener says, each event is settled once and each repeat is marked") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    ShipperBench bench;
    std::map<int, int> arrived;
    int n = 0;
    const auto take_some = [&] {
      std::vector<std::string> some;
      for (std::uint64_t i = random.below(30); i > 0; --i, ++n) {
        some.push_back(random.below(40) == 0 ? poison(n) : event(n));
      }
      bench.takes(some, random.below(2) == 0 ? acme : other, static_cast<std::uint64_t>(n));
    };
    const auto arrive = [&](const Sent& bulk) {
      for (const Line& line : bulk.lines) {
        if (!is_strict_json_object(line.text)) continue;
        if (arrived[line.n]++ > 0 && !line.marked) FAIL("an unmarked repeat of event " << line.n);
      }
    };
    const auto honest = [&](const Sent& bulk) {
      arrive(bulk);
      const auto bad = static_cast<std::size_t>(std::ranges::count_if(
          bulk.lines, [](const Line& line) { return !is_strict_json_object(line.text); }));
      return bad == 0 ? takes_all() : refuses_some(bad, bulk.lines.size() - bad);
    };
    const auto moody = [&](const Sent& bulk) -> BulkResult {
      switch (random.below(10)) {
        case 0:
          arrive(bulk);
          return cuts_the_line();
        case 1:
          if (random.below(2) == 0) arrive(bulk);
          return says(502);
        case 2:
          return says(503, "", {{"Retry-After", "3"}});
        case 3:
          return says(401);
        case 4:
          return bulk.lines.size() > 3 ? says(413) : cannot_be_reached();
        case 5:
          return cuts_the_line();
        default:
          return honest(bulk);
      }
    };
    for (int turn = 0; turn < 60; ++turn) {
      take_some();
      bench.pass(random.between(0s, 40s));
      while (!bench.flying.empty() && random.below(5) != 0) {
        const Sent bulk = bench.flying.begin()->second;
        bench.says(bulk.id, moody(bulk));
      }
    }
    bench.judges(honest, 3h);
    REQUIRE(bench.left() == 0);
    REQUIRE(bench.delivered + bench.set_aside == static_cast<std::size_t>(n));
    REQUIRE(bench.delivered == arrived.size());
    std::set<int> copied;
    for (const Line& line : bench.copied) {
      if (!copied.insert(line.n).second) FAIL("event " << line.n << " is copied twice");
    }
    REQUIRE(std::ranges::equal(copied, arrived | std::views::keys));
  }
}
