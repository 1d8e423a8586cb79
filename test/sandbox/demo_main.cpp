// logzio-okta-demo BINARY: the real daemon against three Okta orgs and a Logz.io listener on this machine,
// with the mishaps of a bad day packed into twenty seconds, and the proof that nothing was lost. Exit 0 only
// if it was proven.
#include <algorithm>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include "sandbox/live_view.hpp"
#include "sandbox/patience.hpp"
#include "sandbox/process.hpp"
#include "sandbox/world.hpp"

namespace {

using namespace logzio_okta;
using namespace logzio_okta::sandbox;
using Clock = std::chrono::steady_clock;

constexpr std::size_t tenants = 3;
constexpr std::size_t with_service_app = 2;  // The others with an API key.
constexpr std::size_t backlog = 800;         // Events in each org's log at the start.
constexpr std::size_t events_a_tick = 2;     // And then this many in each, every tick.
constexpr auto tick = 50ms;
constexpr std::chrono::seconds silence = 4s;  // What Okta's 429 asks for.
constexpr Duration patience_for_delivery = 15s;

class Demo {
 public:
  explicit Demo(std::string binary) : binary_(std::move(binary)), view_(stdout) {
    for (std::size_t org = 0; org < tenants; ++org) {
      world_.add_org({.tls = true, .settings = {.rate_limit = 600}, .service_app = org == with_service_app});
      world_.issue_past(org, backlog, 6h);
    }
    world_.add_listener({.settings = {.keep_lines = false}});
    write_file(files_.path() / "tenants-credentials.yml", world_.tenants_yaml());
    std::filesystem::create_directory(files_.path() / "state");
  }

  /// True if everything was proven.
  bool run() {
    start_daemon();
    step(
        fmt::format("Three Okta orgs, each with 800 events of the past hours; the daemon signs in to {} as a "
                    "service app, and catches up.",
                    world_.org_name(with_service_app)));
    until("the backlog was not delivered", [this] { return complete(); });

    issuing_ = true;
    step("New events keep coming, 40 a second in each org.");
    pass(2s);

    step(fmt::format("Okta answers {} with 429: no requests for {} s.", world_.org_name(0), silence.count()));
    world_.with_org(
        0, [](model::OktaOrg& okta) { okta.inject(model::fault::RateLimited{.ahead = silence}, 1); });
    pass(2s);

    step("Logz.io accepts a bulk, but the response is lost; then it refuses connections for 3 s.");
    lose_one_answer();
    refuse_listener(true);
    pass(3s);
    refuse_listener(false);

    step("Logz.io is back; the daemon finds out.");
    until_delivery_resumes();
    pass(1s);

    step("kill -9 in the middle of it; the daemon starts again.");
    daemon_->kill_hard();
    ++kills_;
    start_daemon();
    pass(2s);

    issuing_ = false;
    step("No more events; what is in flight arrives.");
    until("not everything was delivered", [this] { return complete(); });
    stop_daemon();
    draw();
    view_.let_stand();
    return report();
  }

  [[nodiscard]] std::string daemon_log() const { return daemon_ ? daemon_->log_tail(25) : std::string(); }

 private:
  void start_daemon() {
    daemon_.emplace(ProcessSpec{
        .binary = binary_,
        .args = {"--tenants", (files_.path() / "tenants-credentials.yml").string(), "--listener",
                 world_.listener_address(0), "--state-dir", (files_.path() / "state").string(), "--ca-file",
                 world_.ca_file(), "--poll-interval", "1s", "--rate-share", "1", "--admin", "off"},
        .env = {{"LOGZIO_TOKEN", world_.token()}},
        .directory = files_.path()});
  }

  void stop_daemon() {
    daemon_->signal(SIGTERM);
    exit_code_ = daemon_->wait_exit(10s);
  }

  void lose_one_answer() {
    const auto bulks = [this] {
      return world_.with_listener(0, [](model::Listener& listener) { return listener.counts().bulks; });
    };
    const std::size_t before = bulks();
    world_.with_listener(0,
                         [](model::Listener& listener) { listener.inject(model::fault::Unanswered{}, 1); });
    until("no bulk came", [&] { return bulks() > before; });
  }

  void until_delivery_resumes() {
    const auto lines = [this] {
      return world_.with_listener(0,
                                  [](model::Listener& listener) { return listener.counts().lines_stored; });
    };
    until("delivery did not resume", [&, before = lines()] { return lines() > before; });
  }

  void refuse_listener(bool refused) {
    world_.refuse(world_.listener_port(0), refused);
    refusing_ = refused;
  }

  [[nodiscard]] bool complete() {
    return world_.with_ledger([](model::Ledger& ledger) { return ledger.complete(); });
  }

  void pass(Duration time) {
    const auto end = Clock::now() + time;
    while (Clock::now() < end) beat();
  }

  void until(const char* complaint, const std::function<bool()>& done) {
    const auto end = Clock::now() + patience_for_delivery;
    while (!done()) {
      if (Clock::now() > end) throw std::runtime_error(complaint);
      beat();
    }
  }

  /// One tick: events, drawing, and a look at the daemon.
  void beat() {
    if (!patience_.wait(tick)) throw std::runtime_error("interrupted");
    if (!daemon_->running()) throw std::runtime_error("the daemon has ended");
    if (issuing_) {
      for (std::size_t org = 0; org < tenants; ++org) world_.issue(org, events_a_tick);
    }
    rss_peak_ = std::max(rss_peak_, daemon_->rss_bytes());
    draw();
  }

  void step(const std::string& text) { view_.say(fmt::format("{:5.1f} s  {}", elapsed(), text)); }

  void draw() {
    std::vector<std::string> block{""};
    std::size_t issued_all = 0;
    std::size_t delivered_all = 0;
    for (std::size_t org = 0; org < tenants; ++org) {
      const std::string& name = world_.org_name(org);
      const auto [issued, delivered] = world_.with_ledger(
          [&](model::Ledger& ledger) { return std::pair(ledger.issued(name), ledger.delivered(name)); });
      block.push_back(fmt::format("  {:15} {:5} issued  [{}] {:5} delivered  {}", name, issued,
                                  bar(delivered, issued, 12), delivered, org_state(org)));
      issued_all += issued;
      delivered_all += delivered;
    }
    const auto counts = world_.with_listener(0, [](model::Listener& listener) { return listener.counts(); });
    block.push_back(fmt::format("  {:15} {:5} lines in {} bulks  {}", "Logz.io", counts.lines_stored,
                                counts.bulks, refusing_ ? "refusing connections" : ""));
    block.push_back(fmt::format("  {:15} {:5} MiB", "the daemon", daemon_->rss_bytes() >> 20U));
    block.push_back("");
    block.push_back(fmt::format("{:5.1f} s  {} issued, {} delivered", elapsed(), issued_all, delivered_all));
    view_.show(block);
  }

  [[nodiscard]] std::string org_state(std::size_t org) {
    const auto quiet_until = world_.with_org(org, [](model::OktaOrg& okta) { return okta.quiet_until(); });
    const WallTime now = World::now();
    if (!quiet_until || *quiet_until <= now) return "";
    return fmt::format("429: quiet for {:.0f} s", std::chrono::duration<double>(*quiet_until - now).count());
  }

  bool report() {
    const model::Judgement judgement = world_.judge();
    std::size_t requests = 0;
    std::size_t bad_manners = 0;
    for (std::size_t org = 0; org < tenants; ++org) {
      const auto counts = world_.with_org(org, [](model::OktaOrg& okta) { return okta.counts(); });
      requests += counts.requests;
      bad_manners += counts.in_silence + counts.misuses;
    }
    const auto [tokens, misuses] = world_.with_org(with_service_app, [](model::OktaOrg& okta) {
      return std::pair(okta.oauth().granted(), okta.oauth().misuses());
    });
    bad_manners += misuses;
    const bool proven = judgement.proven() && bad_manners == 0 && exit_code_ == 0;
    const auto row = [](std::string_view name, const std::string& value) {
      fmt::print("  {:22} {}\n", name, value);
    };
    fmt::print("\n");
    row("issued by Okta", fmt::format("{} events, {} tenants", judgement.issued, tenants));
    row("delivered to Logz.io", fmt::format("{}, every byte as issued", judgement.delivered));
    row("missing", fmt::format("{}", judgement.missing));
    row("altered or unknown", fmt::format("{}", judgement.altered + judgement.misnamed + judgement.alien));
    row("repeats",
        fmt::format("{}, {} of them without a mark", judgement.repeats, judgement.repeats_unmarked));
    row("requests to Okta",
        fmt::format("{}, {} of them against Okta's rules (during a required pause, for example)", requests,
                    bad_manners));
    row("access tokens", fmt::format("{}, bound by DPoP to a key of the daemon", tokens));
    row("killed and restarted", kills_ == 1 ? "once" : fmt::format("{} times", kills_));
    row("peak memory", fmt::format("{} MiB", rss_peak_ >> 20U));
    row("exit code", exit_code_ ? std::to_string(*exit_code_) : "none: it did not stop");
    row("time", fmt::format("{:.1f} s", elapsed()));
    for (const std::string& finding : judgement.findings) row("", finding);
    fmt::print("\n{}\n",
               proven ? "Proven: nothing was lost.\nNext: ./dev sandbox, to type the commands yourself."
                      : "NOT proven.");
    return proven;
  }

  [[nodiscard]] double elapsed() const {
    return std::chrono::duration<double>(Clock::now() - began_).count();
  }

  Patience patience_;  // First: before any thread.
  std::string binary_;
  LiveView view_;
  TempDir files_;
  World world_;
  std::optional<Daemon> daemon_;
  Clock::time_point began_ = Clock::now();
  bool issuing_ = false;
  bool refusing_ = false;
  int kills_ = 0;
  std::size_t rss_peak_ = 0;
  std::optional<int> exit_code_;
};

void complain(const Demo& demo, std::string_view what) {
  fmt::print(stderr, "\nlogzio-okta-demo: {}. The daemon's last words:\n\n{}", what, demo.daemon_log());
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 || std::string_view(arguments[1]).starts_with('-')) {
    fmt::print(stderr, "Usage: logzio-okta-demo BINARY\n  BINARY: the logzio-okta to show.\n");
    return 64;
  }
  try {
    Demo demo(arguments[1]);
    try {
      if (demo.run()) return 0;
      complain(demo, "the proof failed");
    } catch (const std::exception& fault) {
      complain(demo, fault.what());
    }
  } catch (const std::exception& fault) {
    fmt::print(stderr, "logzio-okta-demo: {}\n", fault.what());
  }
  return 1;
}
