#include "logzio_okta/flow/shipper.hpp"

#include <numeric>
#include <ranges>

#include "logzio_okta/okta/member.hpp"

#include "flow/bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

namespace {

constexpr StreamId acme{1};
constexpr StreamId other{2};

struct Sent {
  BulkId id;
  std::vector<Line> lines;
  int patience = 1;
};

/// One shipper; the test is its pollers and its listener. Nothing is settled twice, or more than was taken.
struct ShipperBench {
  explicit ShipperBench(Protocol protocol = Protocol::https_bulk, std::size_t token_bytes = 0)
      : shipper({.id = DestinationId{1},
                 .listener = {.protocol = protocol, .host = "listener.logz.io", .port = 8071},
                 .token_bytes = token_bytes},
                share, Random(7)) {}

  [[nodiscard]] Now now() const { return {.steady = steady, .wall = birth}; }
  void on_disk(std::uint64_t bytes) {
    share.set_aside_bytes = bytes;
    shipper.room_changed();
  }

  void takes(const std::vector<std::string>& bytes, StreamId stream = acme, std::uint64_t page = 1,
             Mark mark = {}) {
    std::vector<EventSlice> slices(bytes.size());
    Batch batch{.stream = stream,
                .page = page,
                .constants = std::make_shared<const LineConstants>("acme.okta.com"),
                .events = {},
                .newest = newest};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      REQUIRE(PageCutter::cut_one(bytes[i], slices[i]));
      batch.events.push_back({.event = &slices[i], .mark = mark});
    }
    unsettled[{stream, page}] += bytes.size();
    shipper.take(now(), batch);
    advance();
  }
  /// Until `duration` is over, at every deadline on the way.
  void pass(Duration duration) {
    const Instant until = steady + duration;
    int turns_without_time = 0;
    while (shipper.deadline() <= until) {
      turns_without_time = shipper.deadline() <= steady ? turns_without_time + 1 : 0;
      REQUIRE(turns_without_time < 3);
      steady = std::max(steady, shipper.deadline());
      advance();
    }
    steady = until;
    advance();
  }
  /// Time for what is open to be sent.
  void ripens() { pass(limits::bulk_age_max); }

  /// The only bulk in flight.
  [[nodiscard]] const Sent& in_flight() const {
    REQUIRE(flying.size() == 1);
    return flying.begin()->second;
  }
  void says(const BulkResult& result) { says(in_flight().id, result); }
  void says(BulkId id, const BulkResult& result) {
    flying.erase(id);
    shipper.answered(now(), id, result);
    advance();
  }
  /// What the listener says of a bulk, until nothing more is sent for a minute.
  void judges(const std::function<BulkResult(const Sent&)>& judge, Duration within = 30min) {
    const Instant until = steady + within;
    while (steady < until && shipper.report().waiting > 0) {
      pass(1s);
      while (!flying.empty()) says(flying.begin()->first, judge(flying.begin()->second));
    }
  }

  [[nodiscard]] std::size_t left() const {
    return std::accumulate(unsettled.begin(), unsettled.end(), std::size_t{0},
                           [](std::size_t sum, const auto& each) { return sum + each.second; });
  }
  [[nodiscard]] std::size_t notes_with(std::string_view text) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(notes, [&](const std::string& note) { return note.contains(text); }));
  }

  void advance() {
    shipper.advance(now());
    while (auto output = shipper.next_output()) {
      if (auto* bulk = std::get_if<SendBulk>(&*output)) {
        std::vector<Line> lines = lines_of(*bulk->packed);
        REQUIRE(lines.size() == bulk->lines);
        REQUIRE(flying
                    .emplace(bulk->id,
                             Sent{.id = bulk->id, .lines = std::move(lines), .patience = bulk->patience})
                    .second);
        ++sent;
      } else if (const auto* copy = std::get_if<KeepCopy>(&*output)) {
        REQUIRE(copy->destination == shipper.destination().id);
        REQUIRE(copy->name == shipper.destination().name);
        std::ranges::move(lines_of(*copy->packed), std::back_inserter(copied));
      } else {
        notes.push_back(std::get<Note>(*output).text);
      }
    }
    while (auto settlement = shipper.next_settlement()) settles(std::move(*settlement));
  }
  void settles(Settlement&& settlement) {
    std::size_t& rest = unsettled[{settlement.stream, settlement.page}];
    REQUIRE(settlement.delivered + settlement.set_aside <= rest);
    REQUIRE(rest > 0);  // What is kept belongs to a page that is still waiting for it.
    rest -= settlement.delivered + settlement.set_aside;
    REQUIRE(settlement.marked <= settlement.delivered);
    REQUIRE(settlement.reduced <= settlement.delivered);
    std::uint32_t counted = 0;
    for (const SetAside& each : settlement.kept) counted += each.events;
    REQUIRE(counted == settlement.set_aside);
    delivered += settlement.delivered;
    set_aside += settlement.set_aside;
    marked += settlement.marked;
    std::ranges::move(settlement.kept, std::back_inserter(kept));
  }

  Instant steady = Instant{} + 1'000'000s;
  ShippersShare share;
  Shipper shipper;
  std::map<BulkId, Sent> flying;
  std::map<std::pair<StreamId, std::uint64_t>, std::size_t> unsettled;
  std::size_t sent = 0;
  std::size_t delivered = 0;
  std::size_t set_aside = 0;
  std::size_t marked = 0;
  std::vector<SetAside> kept;
  std::vector<std::string> notes;
  std::vector<Line> copied;
  bool newest = false;  ///< What it is given from now on.
};

std::string sized_event(int n, std::size_t bytes) {
  const std::string head = R"({"pad":")";
  const std::string tail = R"(","uuid":"u)" + std::to_string(n) + R"(","published":")" +
                           format_rfc3339(birth) + R"(","n":)" + std::to_string(n) + "}";
  return head + std::string(bytes - head.size() - tail.size(), 'x') + tail;
}

/// It closes, so the cutter takes it; no strict parser does.
std::string poison(int n) {
  return R"({"uuid":"u)" + std::to_string(n) + R"(","broken":tru,"n":)" + std::to_string(n) + "}";
}

/// Its line has just the length that is allowed.
std::string longest_event(int n) {
  ShipperBench bench;
  bench.takes({sized_event(n, 400'000)});
  bench.ripens();
  return sized_event(n, limits::line_bytes_max - (bench.in_flight().lines[0].text.size() - 400'000));
}

std::vector<int> numbers_of(const std::vector<Line>& lines) {
  std::vector<int> numbers;
  for (const Line& line : lines) numbers.push_back(line.n);
  return numbers;
}
std::vector<int> numbers_of(const Sent& bulk) {
  return numbers_of(bulk.lines);
}

}  // namespace

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
