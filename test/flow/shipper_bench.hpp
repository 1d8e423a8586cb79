// ShipperBench: one Shipper, whose pollers and listener are the test.
//
//     ShipperBench bench;
//     bench.takes(events(1, 3));
//     bench.ripens();
//     bench.says(takes_all());
//     REQUIRE(bench.delivered == 3);
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <numeric>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/shipper.hpp"
#include "logzio_okta/okta/member.hpp"

#include "flow/bench.hpp"

namespace logzio_okta::bench {

inline constexpr StreamId acme{1};
inline constexpr StreamId other{2};

struct Sent {
  BulkId id;
  std::vector<Line> lines;
  int patience = 1;
};

/// Nothing is settled twice, or more than was taken.
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

inline std::string sized_event(int n, std::size_t bytes) {
  const std::string head = R"({"pad":")";
  const std::string tail = R"(","uuid":"u)" + std::to_string(n) + R"(","published":")" +
                           format_rfc3339(birth) + R"(","n":)" + std::to_string(n) + "}";
  return head + std::string(bytes - head.size() - tail.size(), 'x') + tail;
}

/// It closes, so the cutter takes it; no strict parser does.
inline std::string poison(int n) {
  return R"({"uuid":"u)" + std::to_string(n) + R"(","broken":tru,"n":)" + std::to_string(n) + "}";
}

/// Its line has just the length that is allowed.
inline std::string longest_event(int n) {
  ShipperBench bench;
  bench.takes({sized_event(n, 400'000)});
  bench.ripens();
  return sized_event(n, limits::line_bytes_max - (bench.in_flight().lines[0].text.size() - 400'000));
}

inline std::vector<int> numbers_of(const std::vector<Line>& lines) {
  std::vector<int> numbers;
  for (const Line& line : lines) numbers.push_back(line.n);
  return numbers;
}
inline std::vector<int> numbers_of(const Sent& bulk) {
  return numbers_of(bulk.lines);
}

}  // namespace logzio_okta::bench
