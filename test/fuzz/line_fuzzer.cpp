// Events become lines, lines a bulk, and a bulk comes back: unpacked, marked, halved, set aside. Whatever the
// events are, their bytes stay as Okta sent them, a line stays a line, and valid JSON stays valid.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/shipper.hpp"
#include "logzio_okta/okta/member.hpp"
#include "logzio_okta/okta/page.hpp"

#include "fuzz/input.hpp"

using namespace logzio_okta;

namespace {

const auto constants = std::make_shared<const LineConstants>(
    "acme.okta.com", "okta", std::vector<ConstantField>{{"customer", "\"acme\""}, {"tier", "2"}});
constexpr std::string_view token_member = R"("token":"abcdefghijklmnopqrstuvwxyzABCDEF",)";

std::string on_one_line(std::string_view bytes) {
  std::string text(bytes);
  std::ranges::replace_if(text, [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return text;
}

bool says_repeat(std::string_view line) {
  return line.contains(R"("possible_duplicate":true)");
}

void judge_line(const EventSlice& event, std::string_view line, bool reduced, bool marked) {
  CHECK(line.find_first_of("\r\n") == std::string_view::npos);
  CHECK(line.size() <= limits::line_bytes_max);
  CHECK(line.starts_with('{') && line.ends_with('}'));
  if (!reduced) CHECK(line.ends_with(on_one_line(event.bytes).substr(1)));
  if (is_strict_json_object(event.bytes)) CHECK(is_strict_json_object(line));
  CHECK(!marked || says_repeat(line) || event.own_keys.has(OwnKey::logzio_okta));
  std::string_view value;
  if (!event.own_keys.has(OwnKey::type)) CHECK(find_member(line, "type", value) && value == R"("okta")");
  if (is_strict_json_object(event.bytes) && !has_member(event.bytes, "tier"))
    CHECK(find_member(line, "tier", value) && value == "2");
}

void judge_alone(const EventSlice& event, Mark mark, std::size_t extra) {
  std::string out = "before";
  const AppendedLine appended = append_line(out, event, *constants, mark, extra);
  CHECK(out.starts_with("before") && out.ends_with('\n'));
  const std::string_view line = std::string_view(out).substr(6, out.size() - 7);
  judge_line(event, line, appended.reduced, mark.possible_duplicate);
  CHECK(appended.event_at <= line.size());
  CHECK(appended.reduced || "{" + std::string(line.substr(appended.event_at)) == on_one_line(event.bytes));
}

/// The shipper with these events, and a listener that misbehaves as the input says.
class Journey {
 public:
  Journey(fuzz::Input& input, Protocol protocol, const std::vector<EventSlice>& events)
      : input_(input),
        shipper_({.id = DestinationId{1},
                  .listener = {.protocol = protocol, .host = "listener", .port = 8071},
                  .token_bytes = is_lines(protocol) ? token_member.size() : 0},
                 share_, Random(1)),
        events_(events) {
    Batch batch{.stream = StreamId{1}, .page = 1, .constants = constants, .events = {}};
    for (const EventSlice& event : events_) batch.events.push_back({.event = &event, .mark = {}});
    shipper_.take(now_, batch);
  }

  void run() {
    constexpr int steps_max = 200;
    for (int step = 0; step < steps_max && settled_ < events_.size(); ++step) {
      now_.steady += 11min;  // Longer than any wait.
      shipper_.advance(now_);
      std::vector<SendBulk> sent;
      while (auto output = shipper_.next_output()) {
        if (auto* bulk = std::get_if<SendBulk>(&*output)) sent.push_back(std::move(*bulk));
      }
      for (const SendBulk& bulk : sent) answer(bulk);
      take_settlements();
    }
    CHECK(settled_ == events_.size());
    CHECK(shipper_.held_bytes() == 0);
  }

 private:
  void answer(const SendBulk& bulk) {
    const auto plain = gunzip(*bulk.packed, std::size_t{64} << 20U);
    CHECK(plain.has_value());
    const auto lines = split_lines(*plain);
    CHECK(lines.size() == bulk.lines);
    for (const std::string_view line : lines) {
      judge(line);
      reduced_ = reduced_ || line.contains(R"("reduced":true)");
    }
    switch (input_.below(6)) {
      case 5:
        doubt_ = true;
        return hear(bulk, TransportError{.fault = TransportFault::cut, .sent = true, .text = "cut"});
      case 1:
        return hear(bulk, HttpAnswer{.status = 413, .headers = {}, .body = {}});
      case 2:
        return hear(bulk, HttpAnswer{.status = 503, .headers = {}, .body = "busy"});
      case 3: {
        const std::size_t bad = input_.below(lines.size() + 1);
        doubt_ = true;  // What it refused is looked for.
        const std::string body = R"({"malformedLines":)" + std::to_string(bad) + R"(,"successfulLines":)" +
                                 std::to_string(lines.size() - bad) + "}";
        return hear(bulk, HttpAnswer{.status = 400, .headers = {}, .body = body});
      }
      default:
        return hear(bulk, HttpAnswer{.status = 200, .headers = {}, .body = {}});
    }
  }

  void hear(const SendBulk& bulk, const BulkResult& result) { shipper_.answered(now_, bulk.id, result); }

  void judge(std::string_view line) const {
    const EventSlice* of = nullptr;
    for (const EventSlice& event : events_) {
      const bool longer = of == nullptr || event.bytes.size() > of->bytes.size();
      if (longer && line.ends_with(on_one_line(event.bytes).substr(1))) of = &event;
    }
    CHECK(of != nullptr || line.contains(R"("reduced":true)"));
    if (of != nullptr && !line.contains(R"("reduced":true)")) judge_line(*of, line, false, false);
    CHECK(line.starts_with('{') && (!says_repeat(line) || doubt_ || says_repeat_themselves()));
  }
  [[nodiscard]] bool says_repeat_themselves() const {
    return std::ranges::any_of(events_, [](const EventSlice& event) { return says_repeat(event.bytes); });
  }

  void take_settlements() {
    while (auto settlement = shipper_.next_settlement()) {
      settled_ += settlement->delivered + settlement->set_aside;
      for (const SetAside& kept : settlement->kept) {
        // Okta's bytes, what a reduced line says, or the bytes of several events: elements that are none, or
        // those among which nobody could find the culprit, each with a line end.
        const bool event_of_ours = std::ranges::any_of(events_, [&](const EventSlice& event) {
          return kept.bytes == event.bytes || kept.bytes == on_one_line(event.bytes);
        });
        CHECK(event_of_ours || reduced_ || kept.events > 1 || kept.bytes.ends_with('\n'));
      }
    }
    CHECK(settled_ <= events_.size());
  }

  fuzz::Input& input_;
  Now now_{.steady = Instant(1h), .wall = WallTime(std::chrono::milliseconds(1'795'435'200'000))};
  ShippersShare share_;
  Shipper shipper_;
  const std::vector<EventSlice>& events_;
  std::size_t settled_ = 0;
  bool doubt_ = false;
  bool reduced_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const Mark mark{.possible_duplicate = input.flag(), .backfill = input.flag()};
  const Protocol protocol = input.flag() ? Protocol::tls_lines : Protocol::https_bulk;
  // A long member puts an event near the longest line, which no input alone would reach.
  const std::size_t padding = input.below(64) == 1 ? limits::line_bytes_max - 1200 + input.below(1200) : 0;
  const std::string_view moods = input.take(8);

  std::string page = "[";
  const std::string_view rest = input.rest();
  page += rest;
  if (padding > 0 && rest.starts_with('{') && rest.find_first_not_of(" {\t\r\n") != std::string_view::npos) {
    page.insert(2, "\"padding\":\"" + std::string(padding, 'x') + "\",");
  }
  page += ']';
  PageCutter cutter;
  if (!cutter.cut(page) || cutter.events().size() > 16) return 0;
  for (const EventSlice& event : cutter.events()) {
    if (event.object && !event.newline_inside) judge_alone(event, mark, 0);
  }
  fuzz::Input mood(reinterpret_cast<const std::uint8_t*>(moods.data()), moods.size());
  if (!cutter.events().empty()) Journey(mood, protocol, cutter.events()).run();
  return 0;
}
