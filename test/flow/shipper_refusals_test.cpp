#include "flow/shipper_bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

// 400.

TEST_CASE("shipper: the listener's 400 settles everything; what a strict parser objects to was refused") {
  ShipperBench bench;
  bench.takes({event(1), poison(2)}, acme, 1);
  bench.takes({event(3), poison(4)}, other, 1);
  bench.ripens();
  bench.says(refuses_some(2, 2));
  REQUIRE(bench.delivered == 2);
  REQUIRE(bench.set_aside == 2);
  REQUIRE(bench.left() == 0);
  REQUIRE(bench.kept[0].bytes == poison(2));
  REQUIRE(bench.kept[0].answer.contains("malformedLines"));
  REQUIRE(bench.kept[1].bytes == poison(4));
  bench.pass(1h);
  REQUIRE(bench.sent == 1);  // Never sent again.
}

TEST_CASE("shipper: fewer refusals than culprits: what a strict parser objects to is kept in any case") {
  for (std::size_t refused = 0; refused <= 4; ++refused) {
    ShipperBench bench;
    bench.takes({poison(1), event(2)}, acme, 1);
    bench.takes({poison(3), event(4)}, other, 1);
    bench.ripens();
    bench.says(refuses_some(refused, 4 - refused));
    bench.judges([](const Sent&) { return takes_all(); });  // What it is asked to find.
    REQUIRE(bench.set_aside == 2);
    REQUIRE(bench.delivered == 2);
    REQUIRE(bench.left() == 0);
    REQUIRE(std::ranges::count(bench.kept, poison(1), &SetAside::bytes) == 1);
    REQUIRE(std::ranges::count(bench.kept, poison(3), &SetAside::bytes) == 1);
  }
}

namespace {

/// A listener that refuses the lines of these numbers although they are JSON, in its way of counting.
struct Picky {
  std::set<int> numbers;
  std::function<BulkResult(std::size_t bad, std::size_t good)> counts = refuses_some;
  std::map<int, int> copies;
  std::set<int> unmarked_repeats;

  BulkResult operator()(const Sent& bulk) {
    std::size_t bad = 0;
    for (const Line& line : bulk.lines) {
      if (numbers.contains(line.n)) {
        ++bad;
      } else if (copies[line.n]++ > 0 && !line.marked) {
        unmarked_repeats.insert(line.n);
      }
    }
    return bad == 0 ? takes_all() : counts(bad, bulk.lines.size() - bad);
  }
  [[nodiscard]] int most_copies() const {
    int most = 0;
    for (const auto& [number, count] : copies) most = std::max(most, count);
    return most;
  }
};

std::vector<std::string> events_up_to(int last) {
  std::vector<std::string> events;
  for (int n = 1; n <= last; ++n) events.push_back(event(n));
  return events;
}

}  // namespace

TEST_CASE(
    "shipper: a culprit that no parser sees is found, and each line is sent again once at most, marked") {
  ShipperBench bench;
  Picky picky{.numbers = {7, 300, 411}};
  bench.takes(events_up_to(500));
  bench.takes({event(1001), event(1002)}, other, 3);
  bench.ripens();
  bench.judges(std::ref(picky));
  REQUIRE(bench.left() == 0);
  REQUIRE(bench.set_aside == 3);
  REQUIRE(bench.kept.size() == 3);
  for (const int n : picky.numbers) REQUIRE(std::ranges::count(bench.kept, event(n), &SetAside::bytes) == 1);
  REQUIRE(picky.most_copies() <= 2);
  REQUIRE(picky.unmarked_repeats.empty());
  REQUIRE(bench.notes_with("Logz.io refused 3 of 502 lines") == 1);
  REQUIRE(bench.notes_with("3 events of acme.okta.com") == 1);
  REQUIRE(bench.shipper.healthy());
}

TEST_CASE("shipper: counts that do not add up are the listener's: the bulk is not sent again whole") {
  const auto missing = [](std::size_t, std::size_t good) {
    return says(400, R"({"malformedLines":0,"successfulLines":)" + std::to_string(good) + "}");
  };
  const auto with_an_empty_line = [](std::size_t bad, std::size_t good) {
    return says(400, R"({"malformedLines":)" + std::to_string(bad) +
                         R"(,"emptyLogLines":1,"successfulLines":)" + std::to_string(good) + "}");
  };
  const auto silent_about_the_rest = [](std::size_t bad, std::size_t) {
    return says(400, R"({"malformedLines":)" + std::to_string(bad) + "}");
  };
  using Counts = std::function<BulkResult(std::size_t, std::size_t)>;
  for (const Counts& counts : {Counts(missing), Counts(with_an_empty_line), Counts(silent_about_the_rest)}) {
    ShipperBench bench;
    Picky picky{.numbers = {4}, .counts = counts};
    bench.takes(events_up_to(40));
    bench.ripens();
    bench.judges(std::ref(picky));
    REQUIRE(bench.left() == 0);
    REQUIRE(bench.kept.size() == 1);
    REQUIRE(bench.kept[0].bytes == event(4));
    REQUIRE(bench.kept[0].events == 1);
    REQUIRE(picky.most_copies() <= 2);
    REQUIRE(picky.unmarked_repeats.empty());
  }
}

TEST_CASE("shipper: a 400 that took every line settles them all, and says so without \"refused 0\"") {
  ShipperBench bench;
  bench.takes(events_up_to(10));
  bench.ripens();
  bench.says(says(400, R"({"malformedLines":0,"successfulLines":10,"emptyLogLines":1})"));
  REQUIRE(bench.delivered == 10);
  REQUIRE(bench.kept.empty());
  REQUIRE(bench.notes_with("although it took all of them") == 1);
  REQUIRE(bench.notes_with("refused 0") == 0);
  bench.pass(1h);
  REQUIRE(bench.sent == 1);
}

TEST_CASE("shipper: a 400 that took nothing is halved down to the culprit at once, nothing marked") {
  ShipperBench bench;
  std::map<int, int> copies;
  bench.takes(events_up_to(300));
  bench.ripens();
  const Instant began = bench.steady;
  bench.judges([&](const Sent& bulk) {
    for (const Line& line : bulk.lines) REQUIRE_FALSE(line.marked);
    if (std::ranges::any_of(bulk.lines, [](const Line& line) { return line.n == 77; }))
      return says(400, R"({"malformedLines":1,"successfulLines":0})");
    for (const Line& line : bulk.lines) ++copies[line.n];
    return takes_all();
  });
  REQUIRE(bench.steady - began <= 10s);
  REQUIRE(bench.delivered == 299);
  REQUIRE(bench.kept.size() == 1);
  REQUIRE(bench.kept[0].bytes == event(77));
  REQUIRE(std::ranges::all_of(copies, [](const auto& each) { return each.second == 1; }));
}

TEST_CASE(
    "shipper: of a 400 that took nothing what a strict parser objects to goes first, the others again") {
  ShipperBench bench;
  bench.takes({event(1), poison(2), event(3)});
  bench.ripens();
  bench.says(refuses_some(1, 0));
  REQUIRE(bench.kept.size() == 1);
  REQUIRE(bench.kept[0].bytes == poison(2));
  bench.pass(1s);
  REQUIRE(numbers_of(bench.in_flight()) == std::vector<int>{1, 3});
  bench.says(takes_all());
  REQUIRE(bench.delivered == 2);
}

TEST_CASE("shipper: a listener whose counts refuse everything does not have everything set aside") {
  ShipperBench bench;
  for (int page = 0; page < 3; ++page) {
    bench.takes(events_up_to(500), acme, static_cast<std::uint64_t>(page));
    bench.ripens();
  }
  const auto nothing = [](const Sent&) { return says(400, R"({"malformedLines":1,"successfulLines":0})"); };
  bench.judges(nothing, 2h);
  REQUIRE(bench.set_aside <= static_cast<std::size_t>(limits::refused_in_a_row_max));
  REQUIRE_FALSE(bench.shipper.healthy());
  bench.judges([](const Sent&) { return takes_all(); });
  REQUIRE(bench.left() == 0);
}

TEST_CASE("shipper: what cannot be told apart in time is kept together, with the bytes of its events") {
  ShipperBench bench;
  Picky picky{.numbers = {250}};
  bench.takes(events_up_to(500));
  bench.ripens();
  bench.says(picky(bench.in_flight()));
  // Each answer takes ten seconds.
  for (int i = 0; i < 20 && bench.left() > 0; ++i) {
    bench.pass(10s);
    while (!bench.flying.empty()) {
      const Sent bulk = bench.flying.begin()->second;
      bench.says(bulk.id, picky(bulk));
    }
  }
  REQUIRE(bench.left() == 0);
  REQUIRE(bench.kept.size() == 1);
  REQUIRE(bench.kept[0].events == 1);
  REQUIRE(bench.kept[0].bytes.contains(event(250) + "\n"));
  REQUIRE_FALSE(bench.kept[0].bytes.contains("tenant_name"));
  REQUIRE(picky.most_copies() <= 2);
  REQUIRE(picky.unmarked_repeats.empty());
}

TEST_CASE("shipper: a hunt whose answers are lost or refused sends nothing a third time and ends in time") {
  for (const BulkResult& lost : {cuts_the_line(), says(503), says(401), says(413)}) {
    ShipperBench bench;
    Picky picky{.numbers = {5}};
    bench.takes(events_up_to(30));
    bench.ripens();
    bench.says(picky(bench.in_flight()));
    std::size_t answers = 0;
    bench.judges([&](const Sent& bulk) {
      const BulkResult said = picky(bulk);
      return ++answers % 3 == 0 && std::get<HttpAnswer>(said).status == 200 ? lost : said;
    });
    REQUIRE(bench.left() == 0);
    REQUIRE(bench.set_aside >= 1);
    std::string kept;
    for (const SetAside& each : bench.kept) {
      REQUIRE(each.events >= 1);
      kept += each.bytes;
    }
    REQUIRE(kept.contains(event(5)));
    REQUIRE(picky.unmarked_repeats.empty());
    if (std::holds_alternative<TransportError>(lost)) REQUIRE(picky.most_copies() <= 2);
  }
}

TEST_CASE("shipper: a stop ends a hunt at once, and until then its lines are in doubt") {
  ShipperBench bench;
  bench.takes(events_up_to(100));
  bench.ripens();
  bench.says(refuses_some(1, 99));
  REQUIRE(bench.shipper.doubtful() == std::set<StreamId>{acme});
  REQUIRE(bench.shipper.holds(acme));
  REQUIRE_FALSE(bench.shipper.can_give_back(acme));
  bench.shipper.stop();
  bench.advance();
  while (!bench.flying.empty()) bench.says(bench.flying.begin()->first, takes_all());
  REQUIRE(bench.left() == 0);
  REQUIRE(bench.shipper.quiet());
  REQUIRE(bench.shipper.doubtful().empty());
  REQUIRE(bench.set_aside == 1);
}

TEST_CASE("shipper: a hunt that waits for its last answer asks for no turn before it comes") {
  for (const bool found : {true, false}) {
    ShipperBench bench;
    bench.takes(events_up_to(100));
    bench.ripens();
    bench.says(refuses_some(1, 99));
    REQUIRE(bench.flying.size() == limits::hunt_sendings_max);
    if (found) bench.says(bench.flying.begin()->first, refuses_some(1, 0));
    bench.pass(2 * limits::hunt_time_max);  // The bench fails where it is called again and again at once.
    REQUIRE(bench.flying.size() == (found ? 1 : limits::hunt_sendings_max));
    REQUIRE(bench.shipper.deadline() > bench.steady);
    while (!bench.flying.empty()) bench.says(bench.flying.begin()->first, takes_all());
    REQUIRE(bench.left() == 0);
    REQUIRE(bench.shipper.deadline() == never);
  }
}

TEST_CASE("shipper: what a hunt could not tell apart is in doubt while it waits for room") {
  ShipperBench bench;
  bench.on_disk(limits::set_aside_bytes_max);
  bench.takes(events_up_to(3));
  bench.ripens();
  bench.says(says(400, R"({"malformedLines":1})"));
  bench.shipper.stop();
  bench.advance();
  while (!bench.flying.empty()) bench.says(bench.flying.begin()->first, cuts_the_line());
  REQUIRE(bench.left() == 3);
  REQUIRE(bench.shipper.doubtful() == std::set<StreamId>{acme});
  bench.on_disk(0);
  bench.advance();
  REQUIRE(bench.left() == 0);
  REQUIRE(bench.shipper.doubtful().empty());
}

TEST_CASE("shipper: while it hunts the other bulks go out as ever") {
  ShipperBench bench;
  bench.takes(events_up_to(100));
  bench.ripens();
  bench.says(refuses_some(1, 99));
  REQUIRE(bench.flying.size() == limits::hunt_sendings_max);
  bench.takes({event(1001)}, other, 1);
  bench.takes({event(1002)}, other, 2);
  bench.ripens();
  REQUIRE(bench.flying.size() == limits::hunt_sendings_max + 1);
  REQUIRE(numbers_of(bench.flying.rbegin()->second) == std::vector<int>{1001, 1002});
}

TEST_CASE("shipper: what is set aside is charged as it lies on disk, and only what was refused") {
  ShipperBench bench;
  bench.takes(events_up_to(1000));
  bench.takes({poison(2001)}, acme, 2);
  bench.ripens();
  bench.says(refuses_some(1, 1000));
  REQUIRE(bench.share.set_aside_bytes > poison(2001).size());
  REQUIRE(bench.share.set_aside_bytes < 1000);
  bench.takes({sized_event(1, 400'000) + " "}, acme, 3);
  bench.ripens();
  bench.says(refuses_some(1, 0));
  REQUIRE(bench.kept.back().bytes.size() >= 400'000);
  REQUIRE(bench.share.set_aside_bytes < 10'000);  // It packs well.
}

TEST_CASE("shipper: a 400 for marked lines counts no mark twice") {
  ShipperBench bench;
  bench.takes({event(1)}, acme, 1);
  bench.takes({event(2)}, other, 1);
  bench.ripens();
  bench.says(cuts_the_line());
  bench.pass(1min);
  bench.says(refuses_some(1, 1));
  Picky picky{.numbers = {2}};
  bench.judges(std::ref(picky));
  REQUIRE(bench.delivered == 1);
  REQUIRE(bench.marked <= 1);
}

// 413.

TEST_CASE("shipper: a 413 halves a bulk until its parts pass, in order") {
  ShipperBench bench;
  std::vector<std::string> all;
  for (int n = 1; n <= 9; ++n) all.push_back(event(n));
  bench.takes(all);
  bench.ripens();
  std::vector<int> arrived;
  bench.judges([&](const Sent& bulk) {
    if (bulk.lines.size() > 2) return says(413);
    for (const int n : numbers_of(bulk)) arrived.push_back(n);
    return takes_all();
  });
  REQUIRE(arrived == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  REQUIRE(bench.delivered == 9);
  REQUIRE(bench.marked == 0);
}

TEST_CASE("shipper: halving keeps each line with its page") {
  ShipperBench bench;
  bench.takes({event(1)}, acme, 1);
  bench.takes({event(2), event(3)}, other, 4);
  bench.takes({event(4), event(5)}, acme, 2);
  bench.ripens();
  bench.judges([&](const Sent& bulk) { return bulk.lines.size() > 1 ? says(413) : takes_all(); });
  REQUIRE(bench.delivered == 5);
  REQUIRE(bench.left() == 0);
}

TEST_CASE("shipper: a line that is too large by itself is set aside") {
  ShipperBench bench;
  const std::string large = sized_event(1, 300'000);
  bench.takes({large, event(2)});
  bench.ripens();
  bench.judges(
      [&](const Sent& bulk) { return bulk.lines[0].text.size() > 200'000 ? says(413) : takes_all(); });
  REQUIRE(bench.delivered == 1);
  REQUIRE(bench.set_aside == 1);
  REQUIRE(bench.kept[0].bytes == large);
}

TEST_CASE("shipper: a 413 for a small line is not about its size; it is tried again") {
  ShipperBench bench;
  bench.takes({event(1)});
  bench.ripens();
  bench.judges([&](const Sent&) { return says(413); }, 10min);
  REQUIRE(bench.left() == 1);
  bench.judges([&](const Sent&) { return takes_all(); });
  REQUIRE(bench.delivered == 1);
}

// What is set aside has its limit.

TEST_CASE(
    "shipper: with the room for what is set aside full it holds and says so, and goes on when there is "
    "room") {
  ShipperBench bench;
  bench.on_disk(limits::set_aside_bytes_max);
  bench.takes({event(1), poison(2), event(3)});
  bench.ripens();
  bench.says(refuses_some(1, 2));
  REQUIRE(bench.left() == 1);  // What could not be kept; the good ones do not wait for it.
  REQUIRE(bench.delivered == 2);
  REQUIRE_FALSE(bench.shipper.healthy());
  REQUIRE(bench.shipper.report().state == "set-aside full");
  REQUIRE(bench.notes_with("is full") == 1);

  bench.takes({event(4)}, other, 1);
  bench.pass(1h);
  REQUIRE(bench.flying.empty());
  REQUIRE(bench.shipper.deadline() == never);

  bench.on_disk(0);
  bench.ripens();
  REQUIRE(bench.set_aside == 1);
  REQUIRE(bench.kept.size() == 1);
  REQUIRE(bench.kept[0].bytes == poison(2));
  bench.says(takes_all());
  REQUIRE(bench.delivered == 3);
  REQUIRE(bench.left() == 0);
}

TEST_CASE("shipper: only a tenant that has filled half of the room is held, and this is logged once") {
  ShipperBench bench;
  bench.on_disk(limits::set_aside_bytes_max / 2 - 1000);
  Random random(1);
  for (std::uint64_t page = 1; page <= 20; ++page) {
    std::string no_event(300'000, ' ');
    std::ranges::generate(no_event, [&] { return static_cast<char>('a' + random.below(26)); });
    bench.takes({'"' + no_event + '"'}, acme, page);
  }
  REQUIRE(bench.shipper.waits_for_room(acme));
  REQUIRE_FALSE(bench.shipper.waits_for_room(other));
  REQUIRE(bench.shipper.healthy());
  REQUIRE(bench.notes_with("has filled its share of the room") == 1);
  REQUIRE(bench.notes_with("is full") == 0);

  bench.takes({event(1), "[1]", event(2)}, other);
  bench.ripens();
  bench.says(takes_all());
  REQUIRE(bench.delivered == 2);
  REQUIRE_FALSE(bench.shipper.waits_for_room(other));

  bench.on_disk(0);
  bench.ripens();
  REQUIRE_FALSE(bench.shipper.waits_for_room(acme));
  REQUIRE(bench.left() == 0);
}

// Copies.

TEST_CASE("shipper: the copy of a bulk is what was sent, and there is none before it was taken") {
  ShipperBench bench;
  bench.takes({event(1), event(2)});
  bench.takes({event(3)}, other);
  bench.ripens();
  bench.says(cuts_the_line());
  REQUIRE(bench.copied.empty());
  bench.pass(1min);
  const std::vector<Line> sent = bench.in_flight().lines;
  bench.says(takes_all());
  REQUIRE(numbers_of(bench.copied) == std::vector{1, 2, 3});
  for (std::size_t i = 0; i < sent.size(); ++i) {
    REQUIRE(bench.copied[i].text == sent[i].text);
    REQUIRE(bench.copied[i].marked);
  }
}

TEST_CASE("shipper: the copy of a bulk that was refused in part has only what was taken") {
  ShipperBench bench;
  bench.takes({event(1), poison(2), event(3)});
  bench.ripens();
  const std::vector<Line> sent = bench.in_flight().lines;
  bench.says(refuses_some(1, 2));
  REQUIRE(numbers_of(bench.copied) == std::vector{1, 3});
  REQUIRE(bench.copied[0].text == sent[0].text);
  REQUIRE(bench.copied[1].text == sent[2].text);
}

TEST_CASE("shipper: after a hunt the copy has each line once, as the listener has it last") {
  ShipperBench bench;
  Picky picky{.numbers = {7, 300, 411}};
  bench.takes(events_up_to(500));
  bench.ripens();
  bench.judges(std::ref(picky));
  REQUIRE(bench.left() == 0);
  REQUIRE(bench.copied.size() == 497);
  for (const Line& line : bench.copied) {
    REQUIRE_FALSE(picky.numbers.contains(line.n));
    REQUIRE(line.marked == (picky.copies.at(line.n) == 2));
    REQUIRE(is_strict_json_object(line.text));
  }
  REQUIRE(std::ranges::is_sorted(numbers_of(bench.copied), std::less_equal()));  // Each is there once.
}

TEST_CASE("shipper: the halves of a bulk are copied when each is taken") {
  ShipperBench bench;
  bench.takes({event(1), event(2)});
  bench.ripens();
  bench.says(says(413));
  REQUIRE(bench.flying.size() == 2);
  bench.says(bench.flying.begin()->first, takes_all());
  REQUIRE(numbers_of(bench.copied) == std::vector{1});
  bench.says(takes_all());
  REQUIRE(numbers_of(bench.copied) == std::vector{1, 2});
}
