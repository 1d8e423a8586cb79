// The core over a long time: crashes at every moment, and a world where everything goes wrong.
#include <charconv>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/flow/scheduler.hpp"
#include "logzio_okta/okta/page.hpp"

#include "flow/bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

namespace {

const std::string acme = "acme.okta.com";
const std::string beta = "beta.okta.com";

}  // namespace

// Crashes.

TEST_CASE("scheduler: a crash at any moment loses nothing and leaves no repeat unmarked") {
  const int steps = 60;
  for (int crash_at = 0; crash_at < steps; ++crash_at) {
    INFO("crash after step " << crash_at);
    Settings settings;
    settings.policy.poll_interval = 1s;
    Bench bench(settings);
    std::vector<std::string> log = events(1, 40);
    const auto serve = [&](const AskOkta& ask) {
      constexpr std::size_t page_size = 7;
      const auto after = ask.target.find("after=");
      std::size_t from = 0;
      if (after != std::string::npos)
        std::from_chars(ask.target.data() + after + 6, ask.target.data() + ask.target.size(), from);
      const std::size_t to = std::min(from + page_size, log.size());
      const std::vector<std::string> some(log.begin() + static_cast<std::ptrdiff_t>(from),
                                          log.begin() + static_cast<std::ptrdiff_t>(to));
      return page(some).next("/api/v1/logs?after=" + std::to_string(to)).at(bench.okta_now());
    };
    std::set<BulkId> arrived;
    const auto arrives = [&](BulkId id) {
      if (arrived.insert(id).second) bench.took(bench.bulks.at(id));
    };
    const auto is_answered = [&](BulkId id) {
      arrives(id);
      const std::size_t counted = bench.delivered.size();
      bench.verdict(id, takes_all());
      bench.delivered.resize(counted);
    };
    // One thing happens a step: a question is answered, a bulk arrives, its answer does, a save is made.
    for (int step = 0; step < 2 * steps; ++step) {
      if (step == crash_at) {
        bench.crashes();
        arrived.clear();
        log.push_back(event(100, bench.wall + 1s));  // Published after the restart.
      }
      bench.saving = step % 4 == 3;
      if (step % 4 == 0 && !bench.asks.empty()) {
        const AskOkta ask = bench.asks.begin()->second;
        bench.answer(ask.id, serve(ask));
      } else if (step % 4 == 1 && !bench.bulks.empty()) {
        arrives(bench.bulks.begin()->first);
      } else if (step % 4 == 2 && !arrived.empty()) {
        is_answered(*arrived.begin());
        arrived.erase(arrived.begin());
      }
      bench.pass(3s);
    }
    bench.saves_again();
    while (!bench.bulks.empty()) is_answered(bench.bulks.begin()->first);
    bench.okta = serve;
    bench.listener = [](const SendBulk&) { return takes_all(); };
    bench.pass(5min);
    std::map<int, int> seen;
    for (const Line& line : bench.delivered) {
      if (seen[line.n]++ > 0) REQUIRE(line.marked);
      if (line.n == 100) REQUIRE_FALSE(line.marked);
    }
    REQUIRE(seen.size() == log.size());
  }
}

// A long run of everything.

namespace {

/// A world of two small orgs, an erratic listener and an unreliable machine.
class Soak {
 public:
  explicit Soak(std::uint64_t seed)
      : bench_(settings_of(seed)),
        random_(seed),
        crash_in_(1 + random_.below(12)),
        nameless_in_(2 + random_.below(30)) {}

  void runs(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      judge();
    }
  }
  /// All faults end; what is left must arrive.
  void comes_to_rest() {
    links_ = true;
    bench_.saves_again();
    bench_.reloads({bench_.tenant(acme), bench_.tenant(beta)});
    while (!bench_.bulks.empty()) answer_bulk(bench_.bulks.begin()->first, true);
    bench_.okta = [this](const AskOkta& ask) { return serve(ask); };
    bench_.listener = [this](const SendBulk& bulk) { return honest(bulk); };
    bench_.pass(3h);
    bench_.okta = nullptr;
    bench_.listener = nullptr;
    judge();
    const std::set<int> aside = set_aside();
    for (const auto& [domain, log] : logs_) {
      for (const Logged& each : log) {
        if (!seen_.contains(each.n) && !aside.contains(each.n)) FAIL("event " << each.n << " is missing");
      }
    }
    REQUIRE(bench_.counts().in_flight == 0);
  }
  [[nodiscard]] std::size_t delivered() const { return bench_.delivered.size(); }

 private:
  struct Logged {
    int n = 0;
    std::string bytes;
    WallTime persisted;
  };

  static Settings settings_of(std::uint64_t seed) {
    Settings settings{.domains = {acme, beta}, .keys_each = 2, .seed = seed};
    settings.okta_skew = seed % 3 == 0 ? Duration(0s) : seed % 3 == 1 ? Duration(-25h) : Duration(3min);
    settings.policy.rate_share = 1.0;  // A recovery by pages of one event takes its time.
    return settings;
  }
  bool chance(std::uint64_t in) { return random_.below(in) == 0; }

  void step() {
    switch (random_.below(12)) {
      case 0:
      case 1:
        happens(chance(2) ? acme : beta);
        break;
      case 2:
      case 3:
      case 4:
        if (!bench_.asks.empty()) answer_ask();
        break;
      case 5:
      case 6:
      case 7:
        if (!bench_.bulks.empty()) {
          auto bulk = bench_.bulks.begin();
          std::advance(bulk, static_cast<std::ptrdiff_t>(random_.below(bench_.bulks.size())));
          answer_bulk(bulk->first, false);
        }
        break;
      case 8:
        if (chance(3)) {
          bench_.saving = !bench_.saving;
          if (!bench_.saving && bench_.store.waiting()) bench_.save_fails("disk full");
        }
        break;
      case 9:
        if (chance(crash_in_)) machine_fails();
        break;
      case 10:
        if (chance(6)) reload();
        if (chance(20)) links_ = !links_;
        if (chance(20)) clock_jumps();
        break;
      default:
        break;
    }
    bench_.pass(random_.between(0s, chance(20) ? Duration(2min) : Duration(3s)));
  }

  void happens(const std::string& domain) {
    for (std::uint64_t i = chance(10) ? 1200 : 1 + random_.below(30); i > 0; --i) {
      const int n = ++last_;
      const WallTime published = bench_.okta_now() - to_ms(random_.between(0s, chance(10) ? 10min : 2s));
      std::string bytes = event(n, published);
      if (chance(nameless_in_))
        bytes = R"({"published":")" + format_rfc3339(published) + R"(","n":)" + std::to_string(n) + "}";
      if (chance(200)) bytes = R"({"uuid":"x","broken":tru,"n":)" + std::to_string(n) + "}";
      logs_[domain].push_back({.n = n, .bytes = std::move(bytes), .persisted = bench_.okta_now()});
    }
  }

  HttpAnswer serve(const AskOkta& ask) {
    const std::vector<Logged>& log = logs_[ask.origin.host];
    const auto number = [&](std::string_view name) -> std::optional<std::size_t> {
      const auto at = ask.target.find(name);
      std::size_t value = 0;
      if (at == std::string::npos) return std::nullopt;
      std::from_chars(ask.target.data() + at + name.size(), ask.target.data() + ask.target.size(), value);
      return value;
    };
    const std::size_t limit = number("limit=").value();
    std::size_t from = 0;
    if (const auto after = number("after=")) {
      from = *after;
    } else if (ask.target != clock_target()) {  // That one is from long ago: from the first event.
      const auto at = ask.target.find("since=") + 6;
      const WallTime since = parse_rfc3339(ask.target.substr(at, 24)).value();
      from = static_cast<std::size_t>(std::ranges::lower_bound(log, since, {}, &Logged::persisted) -
                                      log.begin());
    }
    const std::size_t to = std::min(from + limit, log.size());
    std::vector<std::string> some;
    for (std::size_t i = from; i < to; ++i) some.push_back(log[i].bytes);
    const std::string next = "/api/v1/logs?after=" + std::to_string(to) + "&limit=" + std::to_string(limit);
    if (!links_) return page(some).at(bench_.okta_now());
    return page(some).next(next).at(bench_.okta_now());
  }

  void answer_ask() {
    auto it = bench_.asks.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random_.below(bench_.asks.size())));
    const AskOkta ask = it->second;
    HttpAnswer good = serve(ask);
    switch (random_.below(24)) {
      case 0:
        return bench_.answer(ask.id, std::unexpected(broken(TransportFault::cut, true)));
      case 1:
        return bench_.answer(ask.id, status(500).at(bench_.okta_now()));
      case 2:
        return bench_.answer(ask.id, status(429).rate(120, 0, 20s).at(bench_.okta_now()));
      case 3:
        return bench_.answer(ask.id, status(chance(3) ? 401 : 403).at(bench_.okta_now()));
      case 4:
        return bench_.answer(ask.id, status(chance(3) ? 400 : 503).at(bench_.okta_now()));
      case 5:
        good.body.resize(good.body.size() / 2);
        return bench_.answer(ask.id, std::move(good));
      case 6:
        std::erase_if(good.headers, [](const Header& each) { return each.name == "Link"; });
        return bench_.answer(ask.id, std::move(good));
      case 7:
        std::erase_if(good.headers, [](const Header& each) { return each.name == "Link"; });
        good.headers.push_back({"Link", "<https://evil.example.com/api/v1/logs>; rel=\"next\""});
        return bench_.answer(ask.id, std::move(good));
      case 8:
        // Five times in a row: another question is asked.
        for (int i = 0; i < 5 && !bench_.asks.empty(); ++i) {
          bench_.answer(bench_.asks.begin()->first, std::unexpected(broken(TransportFault::timed_out, true)));
          bench_.pass(1min);
        }
        return;
      default:
        return bench_.answer(ask.id, std::move(good));
    }
  }

  BulkResult honest(const SendBulk& bulk) {
    std::size_t bad = 0;
    for (const Line& line : lines_of(*bulk.packed)) {
      const bool good = is_strict_json_object(line.text);
      bad += good ? 0 : 1;
      if (good) bench_.delivered.push_back(line);
    }
    // The bench counts what a 200 settles by itself.
    if (bad == 0) bench_.delivered.resize(bench_.delivered.size() - bulk.lines);
    return bad == 0 ? takes_all() : refuses_some(bad, bulk.lines - bad);
  }
  /// The lines are in, whatever is answered.
  void takes_in(const SendBulk& bulk) {
    for (const Line& line : lines_of(*bulk.packed)) {
      if (is_strict_json_object(line.text)) bench_.delivered.push_back(line);
    }
  }

  void answer_bulk(BulkId id, bool well) {
    const SendBulk bulk = bench_.bulks.at(id);
    switch (well ? 99 : random_.below(16)) {
      case 0:
        takes_in(bulk);
        return bench_.verdict(id, cuts_the_line());
      case 1:
        return bench_.verdict(id, cuts_the_line());
      case 2:
        if (chance(2)) takes_in(bulk);
        return bench_.verdict(id, says(502));
      case 3:
        return bench_.verdict(id, says(503, "", {{"Retry-After", "2"}}));
      case 4:
        return bench_.verdict(id, says(401));
      case 5:
        return bench_.verdict(id, bulk.lines > 50 ? says(413) : cannot_be_reached());
      default:
        return bench_.verdict(id, honest(bulk));
    }
  }

  void machine_fails() {
    // A bulk on its way may have arrived.
    for (const auto& [id, bulk] : bench_.bulks) {
      if (chance(2)) takes_in(bulk);
    }
    if (chance(2)) return bench_.crashes(random_.between(0s, 2min));
    bench_.stops();
    bench_.pass(8s);
    bench_.comes_back(random_.between(0s, 2min));
  }
  /// Ours, not Okta's.
  void clock_jumps() {
    const auto by = to_ms(random_.between(0s, 48h)) - 24h;
    bench_.wall += by;
    bench_.settings.okta_skew -= by;
  }
  void reload() {
    std::vector<TenantSpec> specs = {bench_.tenant(acme)};
    if (chance(2)) specs.push_back(bench_.tenant(beta));
    bench_.reloads(specs);
  }

  void judge() {
    for (; judged_ < bench_.delivered.size(); ++judged_) {
      const Line& line = bench_.delivered[judged_];
      if (seen_[line.n]++ > 0 && !line.marked) FAIL("event " << line.n << " came again without a mark");
    }
  }
  [[nodiscard]] std::set<int> set_aside() const {
    std::set<int> numbers;
    for (const SetAside& each : bench_.store.set_aside) numbers.insert(read_line(each.bytes).n);
    return numbers;
  }

  Bench bench_;
  Random random_;
  std::uint64_t crash_in_;
  std::uint64_t nameless_in_;
  bool links_ = true;  ///< Off, answers have none.
  std::map<std::string, std::vector<Logged>> logs_;
  int last_ = 0;
  std::map<int, int> seen_;
  std::size_t judged_ = 0;
};

}  // namespace

TEST_CASE(
    "scheduler: whatever Okta, the listener and the machine do, nothing is missing and every repeat is "
    "marked") {
  for (std::uint64_t seed = 1; seed <= 9; ++seed) {
    INFO("seed " << seed);
    Soak soak(seed);
    soak.runs(400);
    soak.comes_to_rest();
    REQUIRE(soak.delivered() > 100);
  }
}
