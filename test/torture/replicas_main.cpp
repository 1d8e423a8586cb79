// logzio-okta-replicas: three daemons that share fifty tenants in a real PostgreSQL, and everything that can
// happen to them, to the server, and to the connections between.
//
// A round begins with a healthy world: three daemons run, and everything that was issued is delivered. Then
// one kind of trouble is made while events come. After each round the ledger is checked (nothing lost, no
// byte changed, every repeat marked on one of its copies), and so is Okta's record of requests: each daemon
// has keys of its own, and none may ask for an org that the database gave to another. Exit 1 on the first
// violation.
#define CXXOPTS_NO_REGEX

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cxxopts.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "logzio_okta/base/random.hpp"

#include "postgres/server.hpp"
#include "postgres/wire.hpp"
#include "sandbox/patience.hpp"
#include "sandbox/process.hpp"
#include "sandbox/temp_dir.hpp"
#include "sandbox/world.hpp"
#include "torture/owners.hpp"

namespace {

using namespace logzio_okta;
using namespace logzio_okta::sandbox;
using test::PostgresServer;
using test::Wire;
using torture::Owners;
using Clock = std::chrono::steady_clock;

struct Settings {
  std::string binary;
  std::uint64_t rounds = 200;
  std::uint64_t seed = 1;
  std::uint64_t tenants = 50;
  std::uint64_t lease_s = 20;
  std::string only;
  std::size_t last_words = 15;
};

enum class Trouble : std::uint8_t {
  kill,              // Kills a daemon; the others take over.
  stop,              // TERM, which gives its orgs back at once.
  pause,             // SIGSTOP, often for longer than the lease, and SIGCONT.
  backend_killed,    // kill -9 of what serves the daemons: the server drops every client.
  server_killed,     // kill -9 of the postmaster.
  server_restarted,  // An orderly restart.
  server_paused,     // It stands still without a sign.
  answer_lost,       // The connection is cut after COMMIT was sent.
  connections_cut,
  silence,  // One daemon's connection: nothing goes through, one way or both.
  slow_wire,
  failover,  // To a standby without the last second.
};
constexpr std::array<std::string_view, 12> names{
    "kill -9",           "orderly stop",     "SIGSTOP, SIGCONT",    "backends killed",
    "postmaster killed", "server restarted", "server stands still", "cut after COMMIT",
    "connections cut",   "silence",          "200 ms a way",        "failover, a second lost"};
constexpr std::string_view name_of(Trouble trouble) {
  return names[static_cast<std::size_t>(trouble)];
}

struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

constexpr std::size_t daemons_count = 3;
/// Between a hand-over and the last request by the org's previous owner: it may be on its way, or its process
/// may have been stopped between looking at its lease and sending.
constexpr Duration grace = 2s;

class Replicas {
 public:
  explicit Replicas(const Settings& settings)
      : settings_(settings), random_(settings.seed), world_(settings.seed) {
    for (std::uint64_t org = 0; org < settings.tenants; ++org) {
      OrgSpec spec{.settings = {.rate_limit = 1'000'000}};
      for (std::size_t i = 0; i < daemons_count; ++i) spec.keys.push_back(fmt::format("00key-{}-{}", org, i));
      world_.add_org(std::move(spec));
      world_.issue_past(org, 200, 24h);
    }
    world_.add_listener({.settings = {.keep_lines = false}});
    world_.with_ledger([](model::Ledger& ledger) { ledger.expect_overtaken_copies(); });
    server_ = std::make_unique<PostgresServer>();
    for (std::size_t i = 0; i < daemons_count; ++i) {
      wires_.push_back(std::make_unique<Wire>(server_->port()));
      write_file(tenants_file(i), tenants_of(i));
    }
    daemons_.resize(daemons_count);
  }

  void run() {
    start(0);
    until_delivered();
    owners_.install(*server_);
    for (std::size_t i = 1; i < daemons_count; ++i) start(i);
    const std::vector<Trouble> kinds = kinds_to_make();
    while (rounds_ < settings_.rounds) make_round(kinds[rounds_ % kinds.size()]);
    end_in_order();
  }

  void tell_table() {
    clear_line();
    fmt::print("\n| trouble | rounds | everything delivered again after, at most |\n|---|---|---|\n");
    for (const auto& [trouble, row] : table_) {
      fmt::print("| {} | {} | {:.1f} s |\n", name_of(trouble), row.rounds, row.slowest_s);
    }
    fmt::print("\n| an org is asked for again after | orgs | p50 | p99 | at most |\n|---|---|---|---|---|\n");
    for (auto& [trouble, taken_s] : takeovers_) {
      std::ranges::sort(taken_s);
      fmt::print("| {} | {} | {:.2f} s | {:.2f} s | {:.2f} s |\n", name_of(trouble), taken_s.size(),
                 percentile(taken_s, 0.5), percentile(taken_s, 0.99), taken_s.back());
    }
    fmt::print("\nseed {}, lease {} s: {} rounds, {} starts of a daemon in {:.0f} s\n{}\n", settings_.seed,
               settings_.lease_s, rounds_, starts_, seconds_since(began_), world_.judge().summary());
    for (const std::string& finding : world_.judge().findings) fmt::print("{}\n", finding);
  }
  [[nodiscard]] std::string last_words() const {
    std::string words;
    for (std::size_t i = 0; i < daemons_.size(); ++i) {
      if (daemons_[i])
        words += fmt::format("{}:\n{}\n", instance(i), daemons_[i]->log_tail(settings_.last_words));
    }
    return words;
  }
  [[nodiscard]] std::string where() const {
    return fmt::format("seed {}, round {}, {}", settings_.seed, rounds_, name_of(trouble_));
  }

 private:
  struct Row {
    std::size_t rounds = 0;
    double slowest_s = 0;
  };

  static double seconds_since(Clock::time_point then) {
    return std::chrono::duration<double>(Clock::now() - then).count();
  }
  static double percentile(const std::vector<double>& sorted, double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
    return sorted[std::max<std::size_t>(rank, 1) - 1];
  }
  [[nodiscard]] bool chance(std::uint64_t one_in) { return random_.below(one_in) == 0; }
  [[nodiscard]] Duration lease() const { return std::chrono::seconds(settings_.lease_s); }
  /// How long a trouble lasts that a lease may or may not outlive.
  [[nodiscard]] Duration some_time() {
    return chance(3) ? random_.between(200ms, lease() / 2) : lease() + random_.between(1s, 5s);
  }

  std::vector<Trouble> kinds_to_make() {
    std::vector<Trouble> kinds;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (settings_.only.empty() || settings_.only == names[i]) kinds.push_back(static_cast<Trouble>(i));
    }
    if (kinds.empty()) throw std::runtime_error("no kind of trouble has that name");
    for (std::size_t i = kinds.size(); i > 1; --i) std::swap(kinds[i - 1], kinds[random_.below(i)]);
    return kinds;
  }

  // A round.

  void make_round(Trouble trouble) {
    until_delivered();
    ++rounds_;
    trouble_ = trouble;
    make(trouble);
    heal();
    const auto began = Clock::now();
    until_delivered();
    Row& row = table_[trouble];
    ++row.rounds;
    row.slowest_s = std::max(row.slowest_s, seconds_since(began));
    judge();
    if (!on_terminal_ && rounds_ % 10 == 0) fmt::print("{}\n", progress());
    std::fflush(stdout);
  }

  void make(Trouble trouble) {
    const std::size_t victim = busiest();
    switch (trouble) {
      case Trouble::kill:
        events_come(random_.between(0s, 1s));
        return measure_takeover(victim, [&] { daemons_[victim]->kill_hard(); });
      case Trouble::stop:
        events_come(random_.between(0s, 1s));
        return measure_takeover(victim, [&] { stop(victim); });
      case Trouble::pause:
        daemons_[victim]->signal(SIGSTOP);
        events_come(some_time());
        daemons_[victim]->signal(SIGCONT);
        return events_come(2s);
      case Trouble::backend_killed:
        for (int i = 0; i < 2; ++i) {
          events_come(random_.between(0s, 1s));
          server_->kill_backends();
        }
        return;
      case Trouble::server_killed:
        server_->kill_postmaster();
        events_come(random_.between(0s, 3s));
        return server_->start();
      case Trouble::server_restarted:
        server_->stop();
        events_come(some_time());
        return server_->start();
      case Trouble::server_paused:
        server_->pause();
        events_come(some_time());
        return server_->resume();
      case Trouble::answer_lost:
        for (int i = 0; i < 5; ++i) {
          events_come(random_.between(0s, 1s));
          for (const auto& wire : wires_) wire->swallow_answers();
        }
        return;
      case Trouble::connections_cut:
        for (int i = 0; i < 10; ++i) {
          events_come(random_.between(0ms, 500ms));
          wires_[random_.below(daemons_count)]->cut();
        }
        return;
      case Trouble::silence: {
        constexpr std::array ways{Wire::Way::there, Wire::Way::back, Wire::Way::both};
        wires_[victim]->stall(ways[random_.below(ways.size())]);
        return events_come(some_time());
      }
      case Trouble::slow_wire:
        for (const auto& wire : wires_) wire->delay(200ms);
        return events_come(5s);
      case Trouble::failover:
        return fail_over();
    }
  }

  void fail_over() {
    std::unique_ptr<PostgresServer> standby = server_->standby();
    events_come(1s);
    standby->stop_following();
    events_come(1s);
    owners_.read(*server_);
    server_->kill();
    standby->promote();
    for (const auto& wire : wires_) {
      wire->lead_to(standby->port());
      wire->cut();
    }
    server_ = std::move(standby);
    owners_.begin_anew(*server_, World::now());
  }

  void heal() {
    for (const auto& wire : wires_) {
      wire->stall(Wire::Way::none);
      wire->delay({});
    }
    for (std::size_t i = 0; i < daemons_count; ++i) {
      if (!daemons_[i]) start(i);
    }
  }

  /// The daemon that holds the most orgs.
  std::size_t busiest() {
    owners_.read(*server_);
    std::size_t most = 0;
    for (std::size_t i = 1; i < daemons_count; ++i) {
      if (owners_.held_by(instance(i)).size() > owners_.held_by(instance(most)).size()) most = i;
    }
    return most;
  }

  /// How long it takes until each org of one daemon is asked for by another one.
  template <class End>
  void measure_takeover(std::size_t victim, End end) {
    owners_.read(*server_);
    const std::vector<std::string> domains = owners_.held_by(instance(victim));
    const WallTime ended = World::now();
    end();
    gone(victim);
    std::map<std::string, double> taken;
    const auto began = Clock::now();
    while (taken.size() < domains.size()) {
      events_come(50ms);
      if (Clock::now() - began > 3 * lease() + 60s) throw Violation("not every org is taken over");
      for (std::size_t org = 0; org < world_.orgs(); ++org) {
        const std::string& domain = world_.org_name(org);
        if (std::ranges::find(domains, domain) == domains.end() || taken.contains(domain)) continue;
        const auto by_another = first_asked(org, victim, ended);
        if (by_another) taken[domain] = std::chrono::duration<double>(*by_another - ended).count();
      }
    }
    for (const auto& [domain, seconds] : taken) takeovers_[trouble_].push_back(seconds);
  }

  /// When the org was first asked for by another daemon than this one.
  std::optional<WallTime> first_asked(std::size_t org, std::size_t but, WallTime from) {
    return world_.with_org(org, [&](model::OktaOrg& okta) -> std::optional<WallTime> {
      for (const model::RequestRecord& record : okta.records()) {
        if (record.wall >= from && record.key != key_of(org, but)) return record.wall;
      }
      return std::nullopt;
    });
  }

  // The daemons.

  [[nodiscard]] static std::string instance(std::size_t i) { return fmt::format("okta-{}", i); }
  [[nodiscard]] const std::string& key_of(std::size_t org, std::size_t i) const {
    return keys_.at(org).at(i);
  }
  [[nodiscard]] std::filesystem::path tenants_file(std::size_t i) const {
    return files_.path() / (instance(i) + ".yml");
  }
  std::string tenants_of(std::size_t i) {
    std::string yaml = "tenants_credentials:\n";
    keys_.resize(world_.orgs());
    for (std::size_t org = 0; org < world_.orgs(); ++org) {
      keys_[org].push_back(fmt::format("00key-{}-{}", org, i));
      yaml += fmt::format("  - {{okta_domain: \"{}\", okta_api_key: \"{}\"}}\n", world_.org_domain(org),
                          keys_[org].back());
    }
    return yaml;
  }

  void start(std::size_t i) {
    ++starts_;
    daemons_[i] = std::make_unique<Daemon>(ProcessSpec{
        .binary = settings_.binary,
        .args = {"--tenants", tenants_file(i).string(), "--listener", world_.listener_address(0), "--store",
                 PostgresServer::url("okta", wires_[i]->port()), "--instance", instance(i), "--lease",
                 fmt::format("{}s", settings_.lease_s), "--ca-file", world_.ca_file(), "--poll-interval",
                 "200ms", "--rate-share", "1", "--admin", "off"},
        .env = {{"LOGZIO_TOKEN", world_.token()}, {"ASAN_OPTIONS", "detect_leaks=0"}},
        .directory = files_.path()});
  }

  void stop(std::size_t i) {
    daemons_[i]->signal(SIGTERM);
    const auto code = daemons_[i]->wait_exit(60s);
    if (!code) throw Violation("it does not stop");
    if (*code != 0) throw Violation(fmt::format("a stop in good health ended with {}", *code));
  }

  /// Searches its log.
  void gone(std::size_t i) {
    const std::string log = daemons_[i]->log() + daemons_[i]->out();
    daemons_[i].reset();
    for (const char* word : {"Sanitizer", "runtime error:", "check failed"}) {
      const std::size_t at = log.find(word);
      if (at != std::string::npos) throw Violation(instance(i) + " said: " + log.substr(at, 2000));
    }
  }

  // Events, the ledger, and which daemon asked.

  void events_come(Duration span) {
    constexpr auto tick = 20ms;
    for (const auto end = Clock::now() + span; Clock::now() < end;) {
      for (int i = 0; i < 3; ++i) world_.issue(event_random_.below(world_.orgs()), event_random_.below(4));
      look_around(tick);
    }
  }

  /// Lets time pass.
  void look_around(Duration span) {
    if (!patience_.wait(0s)) throw std::runtime_error("interrupted");
    static_cast<void>(world_.wait(span, [] { return false; }));
    for (std::size_t i = 0; i < daemons_count; ++i) {
      if (daemons_[i] && !daemons_[i]->running()) {
        throw Violation(
            fmt::format("{} ended by itself, with {}", instance(i), daemons_[i]->wait_exit(1s).value_or(-1)));
      }
    }
    if (on_terminal_ && Clock::now() >= next_line_) {
      next_line_ = Clock::now() + 500ms;
      fmt::print("\r{}\x1b[K", progress());
      std::fflush(stdout);
    }
  }

  /// For every org, a new event has come, and all before it.
  void until_delivered() {
    constexpr Duration patience = 300s;
    for (std::size_t org = 0; org < world_.orgs(); ++org) world_.issue(org, 1);
    const auto began = Clock::now();
    while (!world_.with_ledger([](model::Ledger& ledger) { return ledger.complete(); })) {
      look_around(20ms);
      if (Clock::now() - began > patience) throw Violation("not everything is delivered");
    }
  }

  void judge() {
    const model::Judgement judgement = world_.judge();
    const auto wrong = judgement.repeats_unmarked + judgement.altered + judgement.misnamed + judgement.alien +
                       judgement.unwelcome;
    if (wrong > 0) throw Violation(judgement.findings.front());
    judge_owners();
  }

  void judge_owners() {
    // Where the database forgot a hand-over, the daemon that took the org learns of it from a heartbeat.
    const Duration slack = trouble_ == Trouble::failover ? lease() : grace;
    owners_.read(*server_);
    for (std::size_t org = 0; org < world_.orgs(); ++org) {
      const auto found = owners_.misplaced(world_.org_name(org), take_asked(org), slack);
      if (found) {
        throw Violation(fmt::format("{} asked for {} at {} and did not hold it", found->by,
                                    world_.org_name(org), format_rfc3339(found->at)));
      }
    }
  }

  /// The requests to Okta since the last time.
  std::vector<Owners::Asked> take_asked(std::size_t org) {
    return world_.with_org(org, [&](model::OktaOrg& okta) {
      std::vector<Owners::Asked> asked;
      for (const model::RequestRecord& record : okta.records()) {
        const auto key = std::ranges::find(keys_[org], record.key);
        if (key == keys_[org].end()) continue;
        asked.push_back(
            {.at = record.wall, .by = instance(static_cast<std::size_t>(key - keys_[org].begin()))});
      }
      okta.forget_records();
      return asked;
    });
  }

  /// All is well: all stop cleanly, and a daemon started then has nothing to repeat.
  void end_in_order() {
    until_delivered();
    for (std::size_t i = 0; i < daemons_count; ++i) {
      stop(i);
      gone(i);
    }
    const std::size_t repeats = world_.judge().repeats;
    start(0);
    until_delivered();
    stop(0);
    gone(0);
    const model::Judgement judgement = world_.judge();
    if (judgement.repeats != repeats) throw Violation("after an orderly end it repeats");
    if (!judgement.proven()) throw Violation("the ledger is not balanced");
  }

  [[nodiscard]] std::string progress() {
    const model::Judgement judgement = world_.judge();
    return fmt::format(
        "{:5.0f} s  round {:3} of {}  {:7} issued  {:7} delivered  {:6} repeats, {} unmarked  {}",
        seconds_since(began_), rounds_, settings_.rounds, judgement.issued, judgement.delivered,
        judgement.repeats, judgement.repeats_unmarked, name_of(trouble_));
  }
  void clear_line() const {
    if (on_terminal_) fmt::print("\r\x1b[K");
  }

  Patience patience_;  // First: before any thread.
  Settings settings_;
  Random random_;
  Random event_random_{1};  ///< Separate, so that the machine's pace does not change what else is drawn.
  TempDir files_;
  World world_;
  std::vector<std::vector<std::string>> keys_;  ///< Each org's keys, one for each daemon.
  std::unique_ptr<PostgresServer> server_;
  std::vector<std::unique_ptr<Wire>> wires_;
  std::vector<std::unique_ptr<Daemon>> daemons_;
  Owners owners_;
  bool on_terminal_ = isatty(STDOUT_FILENO) == 1;
  Clock::time_point began_ = Clock::now();
  Clock::time_point next_line_;
  std::size_t rounds_ = 0;
  std::size_t starts_ = 0;
  Trouble trouble_ = Trouble::kill;
  std::map<Trouble, Row> table_;
  std::map<Trouble, std::vector<double>> takeovers_;
};

std::optional<Settings> read_arguments(int count, char** arguments) {
  Settings settings;
  cxxopts::Options options("logzio-okta-replicas",
                           "Three daemons on one PostgreSQL, and all that can happen.");
  options.add_options()("binary", "the daemon", cxxopts::value(settings.binary))(
      "rounds", "how often trouble is made", cxxopts::value(settings.rounds)->default_value("200"))(
      "seed", "decides what is done", cxxopts::value(settings.seed)->default_value("1"))(
      "tenants", "how many orgs are shared", cxxopts::value(settings.tenants)->default_value("50"))(
      "lease", "seconds of --lease", cxxopts::value(settings.lease_s)->default_value("20"))(
      "last-words", "so many lines of each daemon's log after a violation",
      cxxopts::value(settings.last_words)->default_value("15"))(
      "only", "one kind of trouble, named as in the table", cxxopts::value(settings.only))("h,help",
                                                                                           "this text");
  if (options.parse(count, arguments).count("help") > 0) {
    fmt::print("{}", options.help());
    return std::nullopt;
  }
  return settings;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const auto settings = read_arguments(count, arguments);
    if (!settings) return 0;
    if (!PostgresServer::programs()) {
      fmt::print("skipped: PostgreSQL is not installed\n");
      return 77;
    }
    Replicas replicas(*settings);
    try {
      replicas.run();
      replicas.tell_table();
      fmt::print("Clean: nothing was lost, every repeat is marked, and no org had two owners.\n");
      return 0;
    } catch (const std::exception& violation) {
      replicas.tell_table();
      fmt::print("\nNOT clean: {}: {}\nThe daemons' last words:\n{}", replicas.where(), violation.what(),
                 replicas.last_words());
      return 1;
    }
  } catch (const std::exception& fault) {
    fmt::print(stderr, "logzio-okta-replicas: {}\n", fault.what());
    return 64;
  }
}
