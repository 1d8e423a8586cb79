// A Poller driven by bytes beside a naive model of everything around it: Okta's log as a list of numbers, a
// listener that remembers which it has taken, a disk that keeps the last save that was committed. The model
// knows no window, no watermark, no doubt; it only checks whether anything is missing, and whether anything
// was repeated without a mark.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/poller.hpp"

#include "fuzz/input.hpp"

using namespace logzio_okta;

namespace {

using std::chrono::milliseconds;

const WallTime birth = *parse_rfc3339("2026-11-23T12:00:00Z");
const Domain domain = Domain::parse("acme.okta.com").value();
constexpr auto history = 2h;

struct Event {
  std::string bytes;
  WallTime persisted;
  WallTime published;
  bool known_by_uuid = true;
  unsigned taken = 0;  ///< By the listener.
  bool aside = false;  ///< Handed over as set aside.
};

/// What was handed over and is not settled.
struct Handed {
  std::uint64_t page = 0;
  std::vector<std::size_t> events;
  std::vector<bool> marked;
  std::string whole_page;  ///< Not empty: it could not be read and was taken whole.
};

class Model {
 public:
  explicit Model(fuzz::Input& input) : input_(input) {
    append(input_.below(40), true);
    start(true);
  }

  void run() {
    constexpr int steps_max = 400;
    for (int step = 0; step < steps_max && !input_.empty(); ++step) act();
    heal();
  }

 private:
  // Okta.

  /// `past`: spread over the time before the first start; else persisted now.
  void append(std::size_t count, bool past = false) {
    for (std::size_t i = 0; i < count; ++i) {
      Event event;
      event.persisted = okta_now() - (past ? history - i * (history / 40) : milliseconds(0));
      event.published = event.persisted - milliseconds(1000 * input_.below(600));
      event.known_by_uuid = input_.below(16) != 0;
      const std::string number = std::to_string(log_.size());
      event.bytes = "{" + std::string(event.known_by_uuid ? "\"uuid\":\"u" + number + "\"," : "") +
                    "\"published\":\"" + format_rfc3339(event.published) + "\",\"n\":" + number + "}";
      log_.push_back(std::move(event));
    }
  }

  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  /// Which events a target asks for; the model wrote every link itself.
  [[nodiscard]] Range asked_for(const std::string& target) const {
    const auto value = [&](std::string_view name) -> std::optional<std::string> {
      const std::size_t at = target.find(std::string(name) + "=");
      if (at == std::string::npos) return std::nullopt;
      const std::size_t begin = at + name.size() + 1;
      return target.substr(begin, std::min(target.find('&', begin), target.size()) - begin);
    };
    const auto limit = value("limit");
    CHECK(limit.has_value());
    const std::size_t most = std::strtoul(limit->c_str(), nullptr, 10);
    CHECK(most > 0 && most <= limits::page_events_max);
    std::size_t begin = 0;
    if (const auto after = value("after")) {
      begin = std::strtoul(after->c_str(), nullptr, 10);
    } else {
      const auto since = parse_rfc3339(value("since").value_or(""));
      CHECK(since.has_value());
      while (begin < log_.size() && log_[begin].persisted < *since) ++begin;
      if (!since_) since_ = since;
    }
    CHECK(begin <= log_.size());
    return {.begin = begin, .end = std::min(begin + most, log_.size())};
  }

  static std::string link(std::size_t place, std::size_t limit) {
    return "/api/v1/logs?after=" + std::to_string(place) + "&limit=" + std::to_string(limit);
  }

  [[nodiscard]] std::string body_of(Range range) const {
    std::string body = "[";
    for (std::size_t i = range.begin; i < range.end; ++i) {
      if (body.size() > 1) body += ',';
      body += log_[i].bytes;
    }
    return body + "]";
  }

  [[nodiscard]] HttpAnswer honest() const {
    const Range range = asked_for(target_);
    const std::size_t limit = std::strtoul(target_.c_str() + target_.find("limit=") + 6, nullptr, 10);
    HttpAnswer answer{.status = 200, .headers = {}, .body = body_of(range)};
    answer.headers.push_back({.name = "Date", .value = format_http_date(okta_now())});
    const std::string self = target_.contains("after=") ? target_ : link(range.begin, limit);
    const std::string next = range.end == range.begin ? self : link(range.end, limit);
    answer.headers.push_back({.name = "Link", .value = "<https://acme.okta.com" + self + ">; rel=\"self\""});
    answer.headers.push_back({.name = "Link", .value = "<https://acme.okta.com" + next + ">; rel=\"next\""});
    return answer;
  }

  static void replace_next(HttpAnswer& answer, const std::optional<std::string>& link) {
    std::erase_if(answer.headers,
                  [](const Header& header) { return header.value.ends_with("rel=\"next\""); });
    if (link) answer.headers.push_back({.name = "Link", .value = "<" + *link + ">; rel=\"next\""});
  }

  HttpResult moody() {
    HttpAnswer answer = honest();
    unreadable_.reset();
    switch (input_.below(14)) {
      case 0: {
        constexpr int statuses[] = {400, 401, 403, 404, 410, 429, 500, 502, 503, 302, 204};
        answer = {.status = statuses[input_.below(std::size(statuses))], .headers = {}, .body = "no"};
        return answer;
      }
      case 1:
        return std::unexpected(TransportError{
            .fault = static_cast<TransportFault>(input_.below(9)), .sent = input_.flag(), .text = "broken"});
      case 2:
        replace_next(answer, std::nullopt);
        return answer;
      case 3:
        replace_next(answer, "https://acme.okta.com" + target_);
        return answer;
      case 4:
        replace_next(answer, "https://evil.example/api/v1/logs?after=0&limit=1000");
        return answer;
      case 5:
        unreadable_ = asked_for(target_);
        answer.body.pop_back();
        return answer;
      case 6:
        answer = {.status = 500, .headers = {}, .body = R"({"errorCode":"E0000009"})"};
        return answer;
      default:
        return answer;
    }
  }

  // The clock.

  [[nodiscard]] WallTime okta_now() const {
    return birth + std::chrono::duration_cast<milliseconds>(steady_.time_since_epoch());
  }
  [[nodiscard]] Now now() const { return {.steady = steady_, .wall = okta_now() + wall_error_}; }
  [[nodiscard]] OrgFacts facts() const {
    return {.offset = -wall_error_, .clock = Now{.steady = steady_, .wall = okta_now()}, .date = okta_now()};
  }

  // The daemon's life.

  void start(bool clean) {
    poller_.emplace(StreamId{1}, TenantSpec{.domain = domain, .credentials = {}},
                    Policy{.since = SinceAgo{history / 2}}, Random(7));
    began_ = steady_;
    handed_.clear();
    queued_.clear();
    poller_->start(steady_);
    unclean_ = unclean_ || !clean;  // Until a save says otherwise.
    if (unclean_) doubted_until_ = okta_now();
    drain();
    Opened opened{.stream = StreamId{1}, .place = place_, .clean = !unclean_, .rows = {}};
    for (const auto& [page, row] : rows_) {
      opened.rows.push_back(
          {.page = page, .newest = row.newest, .events = static_cast<std::uint32_t>(row.events.size())});
    }
    poller_->opened(now(), opened, began_, facts());
    drain();
  }

  void drain() {
    while (auto output = poller_->next_output()) {
      if (auto* save = std::get_if<Save>(&*output)) queued_.push_back(std::move(*save));
      if (std::holds_alternative<ReadWindow>(*output)) window_wanted_ = true;
    }
    if (std::exchange(window_wanted_, false)) {
      WindowRead read{.stream = StreamId{1}, .rows = {}};
      auto rows = rows_;
      for (const Save& save : queued_) {
        for (const WindowRow& row : save.rows) rows.insert_or_assign(row.page, row);
      }
      for (const auto& [page, row] : rows) read.rows.push_back(row);
      poller_->window_read(now(), read);
      drain();
    }
  }

  void commit() {
    std::uint64_t number = 0;
    for (Save& save : std::exchange(queued_, {})) {
      judge_save(save);
      unclean_ = false;
      place_ = save.place;
      for (WindowRow& row : save.rows) rows_.insert_or_assign(row.page, std::move(row));
      rows_.erase(rows_.begin(), rows_.lower_bound(save.rows_from));
      number = save.number;
    }
    if (number > 0) poller_->saved(now(), number);
    drain();
  }

  void judge_save(const Save& save) const {
    if (!save.place.next.contains("after=")) return;
    const std::size_t covered = asked_for(save.place.next).begin;
    for (std::size_t i = 0; i < covered; ++i) CHECK(!missing(log_[i]));
  }

  void ask() {
    if (poller_->asking() || !poller_->wants_to_ask(now())) return;
    target_ = poller_->ask(now());
  }

  void hear(HttpResult result) {
    OrgFacts org = facts();
    if (result && result->status == 429) {
      org.standing = Standing::limited;
      org.quiet_until = okta_now() + 60s;
    }
    const auto batch = poller_->answered(now(), read_reply(std::move(result)), org, reader_);
    if (batch) hand_over(*batch);
    drain();
  }

  void hand_over(const Batch& batch) {
    Handed handed{.page = batch.page};
    for (const auto& [event, mark, unfit] : batch.events) {
      const std::size_t at = event->bytes.rfind("\"n\":");
      if (!event->object) {
        CHECK(batch.events.size() == 1 && unreadable_);
        handed.whole_page = event->bytes;
        for (std::size_t i = unreadable_->begin; i < unreadable_->end; ++i) handed.events.push_back(i);
        break;
      }
      CHECK(at != std::string_view::npos);
      const std::size_t number = std::strtoul(std::string(event->bytes.substr(at + 4)).c_str(), nullptr, 10);
      CHECK(number < log_.size() && event->bytes == log_[number].bytes);
      handed.events.push_back(number);
      handed.marked.push_back(mark.possible_duplicate);
    }
    handed_.push_back(std::move(handed));
  }

  /// The listener takes the first `count` of it.
  void take(const Handed& handed, std::size_t count) {
    if (!handed.whole_page.empty()) return;
    for (std::size_t i = 0; i < count; ++i) {
      Event& event = log_[handed.events[i]];
      if (event.taken > 0) CHECK(handed.marked[i]);
      const bool doubtful = doubted_until_ && (jumped_ || event.published <= *doubted_until_ + 1s);
      if (handed.marked[i]) CHECK(doubtful || !event.known_by_uuid);
      ++event.taken;
    }
  }

  void settle(std::size_t which, std::size_t count, bool aside) {
    if (handed_.empty()) return;
    const auto handed = handed_.begin() + static_cast<std::ptrdiff_t>(which % handed_.size());
    const bool whole = !handed->whole_page.empty();
    count = whole ? handed->events.size() : std::min(count, handed->events.size());
    if (count == 0 && !whole) return;
    Settlement settlement{.stream = StreamId{1}, .page = handed->page};
    if (whole || aside) {
      settlement.set_aside = whole ? 1 : static_cast<std::uint32_t>(count);
      for (std::size_t i = 0; i < count; ++i) log_[handed->events[i]].aside = true;
      settlement.kept.push_back(
          {.reason = "not JSON", .answer = {}, .events = settlement.set_aside, .bytes = "{"});
    } else {
      take(*handed, count);
      settlement.delivered = static_cast<std::uint32_t>(count);
    }
    const auto some = static_cast<std::ptrdiff_t>(count);
    handed->events.erase(handed->events.begin(), handed->events.begin() + some);
    if (!whole) handed->marked.erase(handed->marked.begin(), handed->marked.begin() + some);
    if (handed->events.empty()) handed_.erase(handed);
    poller_->settled(now(), settlement, facts());
    drain();
  }

  void settle_all() {
    while (!handed_.empty()) settle(0, handed_.front().events.size() + 1, false);
  }

  void crash() {
    // What was on its way arrived or did not; what was set aside and not committed is forgotten, and comes
    // again.
    for (const Handed& handed : handed_) take(handed, input_.below(handed.events.size() + 1));
    start(false);
  }

  /// Everything may finish; or something stays unanswered, and its doubt is written down.
  void stop() {
    poller_->stop();
    const bool unanswered = input_.flag() && !handed_.empty();
    if (unanswered) {
      for (const Handed& handed : handed_) take(handed, input_.below(handed.events.size() + 1));
      doubted_until_ = okta_now();
    } else {
      settle_all();
    }
    poller_->finish(now(), unanswered);
    drain();
    commit();
    start(true);
  }

  void act() {
    switch (input_.below(16)) {
      case 0:
        return append(input_.below(30));
      case 1:
        return append(input_.below(1500));
      case 2:
        return settle(input_.byte(), input_.below(1001), input_.below(8) == 0);
      case 3:
        return settle_all();
      case 4:
        return commit();
      case 5:
        return crash();
      case 6:
        return stop();
      case 7:
        steady_ += std::chrono::seconds(1 + input_.below(200));
        return;
      case 8:
        // This Okta never forgets, and nothing is told of what a real one would.
        if (okta_now() < birth + to_ms(limits::retention / 2))
          steady_ += std::chrono::minutes(1 + input_.below(2000));
        return;
      case 9:
        wall_error_ = std::chrono::minutes(static_cast<int>(input_.byte()) - 128);
        jumped_ = true;
        return;
      case 10:
        poller_->wake(now());
        return;
      default:
        steady_ = std::max(steady_, std::min(poller_->deadline(), steady_ + 2min));
        ask();
        if (poller_->asking()) hear(moody());
        return;
    }
  }

  /// Nothing fails from now on, so all must arrive.
  void heal() {
    constexpr int turns_max = 30'000;
    for (int turn = 0; turn < turns_max; ++turn) {
      settle_all();
      commit();
      if (poller_->at_tail() && poller_->drained() && everything_arrived()) return;
      steady_ = std::max(steady_, std::min(poller_->deadline(), steady_ + 1h));
      ask();
      if (poller_->asking()) hear(honest());
    }
    const bool drained = false;
    CHECK(drained);
  }

  /// It belongs to the stream and was neither taken nor set aside.
  [[nodiscard]] bool missing(const Event& event) const {
    return since_ && event.persisted >= *since_ && event.taken == 0 && !event.aside;
  }
  [[nodiscard]] bool everything_arrived() const {
    return std::ranges::none_of(log_, [this](const Event& event) { return missing(event); });
  }

  fuzz::Input& input_;
  std::vector<Event> log_;
  mutable std::optional<WallTime> since_;  ///< From the stream's first query.
  Instant steady_{1h};
  milliseconds wall_error_{0};
  bool jumped_ = false;

  std::optional<Poller> poller_;
  Instant began_{};
  std::string target_;
  PageReader reader_;
  std::deque<Handed> handed_;
  std::optional<Range> unreadable_;  ///< What the answer that cannot be read held.
  bool window_wanted_ = false;
  std::optional<WallTime> doubted_until_;

  std::vector<Save> queued_;
  std::optional<Place> place_;  ///< On disk, with the rows.
  std::map<std::uint64_t, WindowRow> rows_;
  bool unclean_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  Model(input).run();
  return 0;
}
