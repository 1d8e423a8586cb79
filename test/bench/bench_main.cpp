// logzio-okta-bench: how fast the daemon is, compared with the limit and a naive implementation
// (docs/performance.md).
#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "bench/limit.hpp"
#include "bench/naive.hpp"
#include "bench/trial.hpp"
#include "postgres/server.hpp"

using namespace logzio_okta;         // NOLINT(google-build-using-namespace)
using namespace logzio_okta::bench;  // NOLINT(google-build-using-namespace)

namespace {

constexpr double mb = 1e6;
constexpr double mib = 1024.0 * 1024.0;
constexpr std::size_t tenants_many = 50;
constexpr std::size_t pages_compared = 40;

double at_quantile(const std::vector<double>& sorted, double quantile) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(quantile * static_cast<double>(sorted.size())))];
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return at_quantile(values, 0.5);
}

class Bench {
 public:
  Bench(std::filesystem::path daemon, std::size_t pool_pages, int rounds)
      : daemon_(std::move(daemon)), rounds_(rounds), pages_(pool_pages) {}

  [[nodiscard]] bool sound() const { return sound_; }

  void stages() {
    const auto count = static_cast<double>(pages_.packed().size());
    std::size_t packed = 0;
    for (const std::string& page : pages_.packed()) packed += page.size();
    fmt::print("\nStages, for a page of {} events ({:.2f} MB, packed {:.2f} MB)\n", page_events,
               static_cast<double>(pages_.plain_bytes()) / mb / count,
               static_cast<double>(packed) / mb / count);
    for (const Stage& stage : measure_stages(pages_, std::min<std::size_t>(40, pages_.packed().size()))) {
      fmt::print("  {:<12} {:8.0f} us {:8.0f} MB/s\n", stage.name, stage.us_per_page, stage.mb_per_s);
    }
  }

  void backlog() {
    fmt::print(
        "\nBacklog: full pages, as fast as it goes. Medians of {} rounds; every event once, byte for byte\n"
        "tenants   events/CPU-s  us/event  x limit  x faster  events/s  peak RSS   MB in  MB out  "
        "page to taken p50/p99   server CPU\n",
        rounds_);
    struct Row {
      std::size_t tenants;
      bool own_accounts = false;
      std::vector<Trial> trials = {};
    };
    std::vector<Row> table = {{1}, {5}, {10}, {25}, {tenants_many}, {tenants_many, true}};
    std::vector<double> limits;
    std::vector<double> naives;
    for (int round = 0; round < rounds_; ++round) {  // Interleaved: the machine may have other things to do.
      for (Row& row : table) {
        limits.push_back(limit_us(pages_, pages_.packed().size()));
        LoadSpec load = even_backlog(row.tenants);
        load.own_accounts = row.own_accounts;
        row.trials.push_back(checked(run_trial(daemon_, pages_, {.load = load})));
      }
      if (const auto naive = naive_us(pages_, std::max<std::size_t>(2, pages_.packed().size() / 5))) {
        naives.push_back(*naive);
      }
    }
    const double limit = median(limits);
    const double naive = naives.empty() ? 0 : median(naives);
    for (Row& row : table) {
      std::ranges::sort(row.trials, {}, &Trial::cpu_us_per_event);
      const Trial& trial = row.trials[row.trials.size() / 2];
      fmt::print(
          "{:<9} {:12.0f} {:9.2f} {:8.2f} {:9.1f} {:9.0f} {:6.0f} MiB {:7.1f} {:7.1f} {:11.0f} /{:5.0f} ms "
          "{:9.2f} s\n",
          fmt::format("{}{}", row.tenants, row.own_accounts ? " (a)" : ""), trial.events_per_cpu_s(),
          trial.cpu_us_per_event(), trial.cpu_us_per_event() / limit, naive / trial.cpu_us_per_event(),
          static_cast<double>(trial.proof.delivered) / trial.wall_s,
          static_cast<double>(trial.rss_peak) / mib, static_cast<double>(trial.bytes_in) / mb,
          static_cast<double>(trial.bytes_out) / mb, at_quantile(trial.proof.page_ms, 0.5),
          at_quantile(trial.proof.page_ms, 0.99), trial.server_cpu_s);
    }
    fmt::print("limit   {:14.0f} {:9.2f}   inflate, cut, splice and gzip in one thread, without a network\n",
               1e6 / limit, limit);
    fmt::print("(a): each tenant has an account of its own, and so has its own bulks\n");
    if (naive > 0) {
      fmt::print(
          "naive   {:14.0f} {:9.2f}   a process too, TLS both ways: libcurl decodes, RapidJSON's document, "
          "zlib level 6; nothing saved\n",
          1e6 / naive, naive);
    }
  }

  // Pages that are not full come only at the tail, one per poll interval.
  void short_pages() {
    fmt::print(
        "\nShort pages: {} tenants polled every second\n"
        "events/page   us/event    us/page  peak RSS\n",
        tenants_many);
    for (const double per_page : {10.0, 100.0}) {
      const Trial trial = checked(run_trial(
          daemon_, pages_,
          {.load = {.orgs = std::vector<OrgLoad>(tenants_many, {.rate = per_page, .rate_lasts = 8s})},
           .lasts = 11s}));
      fmt::print("{:11.0f} {:10.2f} {:10.0f} {:5.0f} MiB\n", per_page, trial.cpu_us_per_event(),
                 trial.cpu_s * 1e6 / static_cast<double>(trial.pages),
                 static_cast<double>(trial.rss_peak) / mib);
    }
  }

  void tail() {
    fmt::print(
        "\nTail: from the moment an event was persisted until its line was taken; poll interval 1 s\n");
    const auto row = [](std::string_view what, const Trial& trial) {
      fmt::print("  {:<58} p50 {:5.0f} ms  p99 {:5.0f} ms  max {:5.0f} ms\n", what,
                 at_quantile(trial.proof.event_ms, 0.5), at_quantile(trial.proof.event_ms, 0.99),
                 trial.proof.event_ms.empty() ? 0 : trial.proof.event_ms.back());
    };
    std::vector<OrgLoad> orgs(tenants_many, {.rate = 20, .rate_lasts = 8s});
    row("50 tenants at the tail, 20 events/s each", checked(tail_of(orgs)));
    orgs[0].backlog = pages_.events() - page_events;
    row("one of them with a backlog of " + std::to_string(orgs[0].backlog) + " events",
        checked(tail_of(orgs)));
    for (std::size_t i = 0; i < tenants_many / 2; ++i) orgs[i].backlog = pages_.events() - page_events;
    row("half of them with such a backlog: as much as the core can", checked(tail_of(orgs), false));
  }

  void alone() {
    fmt::print(
        "\nOne tenant alone, by the time Okta takes to answer\n"
        "answer after   pages/s   bound by the round trip\n");
    for (const Duration round_trip : {Duration(0), Duration(50ms), Duration(250ms), Duration(500ms)}) {
      const std::size_t count = std::min<std::size_t>(pages_.packed().size(), round_trip > 100ms ? 20 : 40);
      const Trial trial = checked(run_trial(
          daemon_, pages_, {.load = {.orgs = {{.backlog = count * page_events}}, .round_trip = round_trip}}));
      const double ms = std::chrono::duration<double, std::milli>(round_trip).count();
      fmt::print("{:9.0f} ms {:9.1f}   {}\n", ms, static_cast<double>(count) / trial.wall_s,
                 ms > 0 ? fmt::format("{:.1f}", 1e3 / ms) : "");
    }
  }

  void stall() {
    fmt::print("\nListener stalled for 40 s, {} tenants with a backlog\n", tenants_many);
    for (const auto& [listening, what] :
         {std::pair(Listening::never_answering, "takes bulks and never answers"),
          std::pair(Listening::never_reading, "never reads")}) {
      TrialSpec spec{.load = even_backlog(tenants_many), .lasts = 40s};
      spec.load.listening = listening;
      const Trial trial = run_trial(daemon_, pages_, spec);
      fmt::print("  {:<30} peak RSS {:.0f} MiB, {:.2f} s CPU\n", what,
                 static_cast<double>(trial.rss_peak) / mib, trial.cpu_s);
    }
  }

  void start() {
    std::vector<double> ms;
    std::vector<double> cpu;
    std::vector<double> rss;
    for (int round = 0; round < 5; ++round) {
      const Trial trial = backlog_of(1, 1);
      ms.push_back(trial.start_ms);
      cpu.push_back(trial.start_cpu_s * 1e3);
      rss.push_back(static_cast<double>(trial.start_rss) / mib);
    }
    fmt::print(
        "\nStart: {:.0f} ms from exec to the first request ({:.0f} ms CPU, {:.1f} MiB touched); "
        "the program has {:.2f} MB\n",
        median(ms), median(cpu), median(rss), static_cast<double>(std::filesystem::file_size(daemon_)) / mb);
  }

  void store() {
    if (!test::PostgresServer::programs())
      return fmt::print("\nThe state in PostgreSQL: skipped, it is not installed\n");
    compare("SQLite", "PostgreSQL", [this](TrialSpec spec) {
      const test::PostgresServer server({.durable = true});
      spec.store = server.url();
      return checked(run_trial(daemon_, pages_, spec));
    });
  }

  void oauth() {
    compare("API keys", "OAuth with DPoP", [this](TrialSpec spec) {
      spec.load.service_apps = true;
      return checked(run_trial(daemon_, pages_, spec));
    });
  }

  void copies() {
    compare("no copies", "--copy-to", [this](TrialSpec spec) {
      spec.copies = true;
      return checked(run_trial(daemon_, pages_, spec));
    });
  }

  // Seconds: that it runs and that every event comes once.
  void smoke() {
    const Trial fast = backlog_of(3, 2);
    const Trial slow = checked(run_trial(
        daemon_, pages_,
        {.load = {.orgs = std::vector<OrgLoad>(3, {.backlog = page_events, .rate = 20, .rate_lasts = 1s})},
         .poll_interval = "500ms",
         .lasts = 4s}));
    LoadSpec apps = even_backlog(2, 2);
    apps.service_apps = true;
    const Trial copied = checked(run_trial(daemon_, pages_, {.load = std::move(apps), .copies = true}));
    fmt::print("{}, {} and {} events, each once\n", fast.proof.delivered, slow.proof.delivered,
               copied.proof.delivered);
    if (limit_us(pages_, 1) <= 0 || measure_stages(pages_, 1).empty()) sound_ = false;
  }

 private:
  // `all`: it was given the time to deliver everything.
  Trial checked(Trial trial, bool all = true) {
    if (!(all ? trial.proof.exactly_once() : trial.proof.at_most_once()) || trial.exit_code != 0) {
      sound_ = false;
      fmt::print("NOT SOUND: exit code {}, {} of {} events, {} missing, {} twice, {} foreign\n{}\n",
                 trial.exit_code, trial.proof.delivered, trial.proof.expected, trial.proof.missing,
                 trial.proof.twice, trial.proof.foreign, trial.log);
    }
    return trial;
  }

  /// A round is one run of each, one after the other, so that both run under the same load.
  void compare(std::string_view usual, std::string_view other,
               const std::function<Trial(const TrialSpec&)>& run_other) {
    struct Row {
      std::string_view name;
      std::function<Trial(const TrialSpec&)> run;
      std::vector<Trial> full = {};
      std::vector<Trial> tail = {};
    };
    std::array rows{
        Row{usual, [this](const TrialSpec& spec) { return checked(run_trial(daemon_, pages_, spec)); }},
        Row{other, run_other}};
    const std::size_t each = std::min(pages_.packed().size(), pages_compared);
    const TrialSpec tail{.load = {.orgs = std::vector<OrgLoad>(tenants_many, {.rate = 20, .rate_lasts = 8s})},
                         .turns = true,
                         .lasts = 16s};
    std::vector<double> ratios;
    for (int round = 0; round < rounds_; ++round) {
      for (Row& row : rows) {
        row.full.push_back(row.run({.load = even_backlog(tenants_many, each), .turns = true}));
        // Its figures hardly differ from round to round, and it takes as long as the rest.
        if (round < 2) row.tail.push_back(row.run(tail));
      }
      ratios.push_back(rows[1].full.back().cpu_us_per_event() / rows[0].full.back().cpu_us_per_event());
    }
    fmt::print(
        "\n{} and {}: {} tenants with {} full pages each; medians of {} rounds\n"
        "                 full pages: us/event  peak RSS  turns over 10 ms   "
        "at the tail: us/event       p50       p99  turns over 10 ms\n",
        usual, other, tenants_many, each, rounds_);
    for (Row& row : rows) {
      std::ranges::sort(row.full, {}, &Trial::cpu_us_per_event);
      std::ranges::sort(row.tail, {}, &Trial::cpu_us_per_event);
      const Trial& busy = row.full[row.full.size() / 2];
      const Trial& quiet = row.tail[row.tail.size() / 2];
      fmt::print("  {:<16} {:18.2f} {:5.0f} MiB {:7} of {:6} {:22.2f} {:6.0f} ms {:6.0f} ms {:7} of {:6}\n",
                 row.name, busy.cpu_us_per_event(), static_cast<double>(busy.rss_peak) / mib, busy.long_turns,
                 busy.turns, quiet.cpu_us_per_event(), at_quantile(quiet.proof.event_ms, 0.5),
                 at_quantile(quiet.proof.event_ms, 0.99), quiet.long_turns, quiet.turns);
    }
    std::ranges::sort(ratios);
    fmt::print(
        "  CPU of the other for full pages: {:.3f} times that of the first in the median of the rounds, "
        "{:.3f} to {:.3f}; its best round {:.3f} times the best of the first\n",
        median(ratios), ratios.front(), ratios.back(),
        rows[1].full.front().cpu_us_per_event() / rows[0].full.front().cpu_us_per_event());
  }

  [[nodiscard]] LoadSpec even_backlog(std::size_t tenants, std::optional<std::size_t> pages_each = {}) const {
    const std::size_t all = pages_.packed().size();
    // The same number of pages in all, where the pool allows it: about four times its own.
    const std::size_t each = pages_each.value_or(std::clamp<std::size_t>(all * 4 / tenants, 1, all));
    return {.orgs = std::vector<OrgLoad>(tenants, {.backlog = each * page_events})};
  }

  Trial backlog_of(std::size_t tenants, std::optional<std::size_t> pages_each) {
    return checked(run_trial(daemon_, pages_, {.load = even_backlog(tenants, pages_each)}));
  }

  Trial tail_of(const std::vector<OrgLoad>& orgs) {
    return run_trial(daemon_, pages_, {.load = {.orgs = orgs}, .lasts = 16s});
  }

  std::filesystem::path daemon_;
  int rounds_;
  Pages pages_;
  bool sound_ = true;
};

constexpr std::string_view usage =
    "Usage: logzio-okta-bench DAEMON [--rounds N] [--pool PAGES] [stages backlog short tail alone stall "
    "start store oauth copies | smoke]\n";

int run(const std::vector<std::string>& args) {
  std::vector<std::string> what;
  std::string daemon;
  int rounds = 3;
  std::size_t pool = 150;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--rounds" && i + 1 < args.size()) {
      rounds = std::stoi(args[++i]);
    } else if (args[i] == "--pool" && i + 1 < args.size()) {
      pool = std::stoul(args[++i]);
    } else if (daemon.empty()) {
      daemon = args[i];
    } else {
      what.push_back(args[i]);
    }
  }
  if (daemon.empty() || rounds < 1 || pool < 2) {
    fmt::print(stderr, "{}", usage);
    return 64;
  }
  const bool smoke = what == std::vector<std::string>{"smoke"};
  pin(0, false);
  Bench bench(daemon, smoke ? 4 : pool, rounds);
  const std::vector<std::pair<std::string_view, std::function<void()>>> parts = {
      {"stages", [&] { bench.stages(); }},     {"backlog", [&] { bench.backlog(); }},
      {"short", [&] { bench.short_pages(); }}, {"tail", [&] { bench.tail(); }},
      {"alone", [&] { bench.alone(); }},       {"stall", [&] { bench.stall(); }},
      {"start", [&] { bench.start(); }},       {"store", [&] { bench.store(); }},
      {"oauth", [&] { bench.oauth(); }},       {"copies", [&] { bench.copies(); }},
  };
  if (smoke) bench.smoke();
  for (const auto& [name, part] : parts) {
    if (what.empty() || std::ranges::find(what, name) != what.end()) part();
  }
  return bench.sound() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "logzio-okta-bench: {}\n", error.what());
    return 70;
  }
}
