// logzio-okta-hooks-bench: event hooks under load, and kill -9 under it.
//
//     DAEMON wake [SECONDS]         a polled org, asked once an hour, 100 pushes a second: push to listener
//     DAEMON load [SECONDS] [RATE]  an org that is not polled, 2,000 pushes a second: due to answered
//     DAEMON load-tls               likewise over TLS
//     DAEMON load-new               likewise, a new connection for each push
//     DAEMON load-tls-new           both, 200 a second
//     DAEMON kills [TIMES]          kill -9 under that load: all that was answered 200 is delivered
//     DAEMON outage [SECONDS]       the listener is away: 200 until the spool is full, then 503
//
// The load is open: a push that waits for another's answer counts from when it was due.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "sandbox/hook_client.hpp"
#include "sandbox/process.hpp"
#include "sandbox/temp_dir.hpp"
#include "sandbox/world.hpp"
#include "tools/certificates.hpp"

using namespace logzio_okta;  // NOLINT(google-build-using-namespace)

namespace {

using Clock = std::chrono::steady_clock;
using sandbox::HookClient;

constexpr std::size_t senders = 64;
const std::string alone_org = "globex.okta.com";

double ms_of(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

/// Until then, or until it is stopped.
void wait_until(Clock::time_point due, const std::stop_token& stop = {}) {
  std::mutex mutex;
  std::condition_variable_any never_told;
  std::unique_lock lock(mutex);
  never_told.wait_until(lock, stop, due, [] { return false; });
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

/// An event of two kilobytes, as Okta's are.
std::string event_of(const std::string& uuid, WallTime published) {
  return R"({"uuid":")" + uuid + R"(","published":")" + format_rfc3339(published) +
         R"(","eventType":"user.session.start","displayMessage":"User login to Okta","severity":"INFO",)" +
         R"("debugContext":{"debugData":{"filler":")" + std::string(1700, 'x') + R"("}}})";
}

struct Stage {
  sandbox::World world;
  sandbox::TempDir files;
  std::filesystem::path binary;
  std::size_t org = 0;
  bool tls = false;
  std::optional<sandbox::Daemon> daemon;
  std::uint16_t port = 0;

  explicit Stage(std::filesystem::path daemon_binary, bool with_tls = false)
      : binary(std::move(daemon_binary)), tls(with_tls) {
    sandbox::OrgSpec spec;
    spec.settings.rate_limit = 600;
    org = world.add_org(std::move(spec));
    world.add_listener();
    world.set_judging(false);  // We count events ourselves; the ledger would be the bottleneck.
    sandbox::write_file((files.path() / "tenants.yml").string(), world.tenants_yaml());
    const test::Certificate leaf = world.authority().issue({"localhost", "127.0.0.1"});
    sandbox::write_file((files.path() / "hook.crt").string(), leaf.certificate_pem);
    sandbox::write_file((files.path() / "hook.key").string(), leaf.key_pem);
  }

  void start() {
    const auto file = [&](const char* name) { return (files.path() / name).string(); };
    std::vector<std::string> args = {
        "--tenants",     file("tenants.yml"),       "--state-dir", file("state"), "--ca-file",
        world.ca_file(), "--poll-interval",         "1h",          "--admin",     "off",
        "--listener",    world.listener_address(0), "--hooks",     "127.0.0.1:0", "--hooks-orgs",
        alone_org};
    if (tls) args.insert(args.end(), {"--hooks-cert", file("hook.crt"), "--hooks-key", file("hook.key")});
    daemon.emplace(sandbox::ProcessSpec{
        .binary = binary, .args = std::move(args), .env = {{"LOGZIO_TOKEN", world.token()}}});
    const std::string words = "event hooks are taken on port ";
    if (!daemon->wait_log(words, 20s)) throw std::runtime_error("it does not start: " + daemon->log());
    const std::string log = daemon->log();
    port = static_cast<std::uint16_t>(std::stoi(log.substr(log.find(words) + words.size())));
  }
  [[nodiscard]] std::string header() const { return "logzio_token: " + world.token() + "\r\n"; }
  [[nodiscard]] HookClient client() const { return HookClient(port, tls ? world.ca_file() : std::string()); }
  [[nodiscard]] std::size_t lines() {
    return world.with_listener(0, [](model::Listener& logz) { return logz.lines().size(); });
  }
  /// The uuids that have reached the listener: how often, and how often without the mark of a possible
  /// repeat.
  [[nodiscard]] std::map<std::string, std::pair<int, int>> delivered() {
    std::map<std::string, std::pair<int, int>> found;
    world.with_listener(0, [&](model::Listener& logz) {
      for (const model::StoredLine& line : logz.lines()) {
        const std::size_t at = line.text.find("\"uuid\":\"");
        const std::size_t from = at + 8;
        auto& [times, unmarked] = found[line.text.substr(from, line.text.find('"', from) - from)];
        ++times;
        unmarked += line.text.contains("\"possible_duplicate\":true") ? 0 : 1;
      }
    });
    return found;
  }
};

/// What became of the pushes of one load.
struct Load {
  std::mutex mutex;
  std::vector<double> ms;          ///< From when it was due to its answer.
  std::set<std::string> answered;  ///< 200.
  std::map<int, std::size_t> statuses;

  void tell(const std::string& uuid, int status, double took) {
    const std::lock_guard lock(mutex);
    ms.push_back(took);
    ++statuses[status];
    if (status == 200) answered.insert(uuid);
  }
  [[nodiscard]] std::string text() const {
    std::string text = fmt::format("{} pushes, answered in p50 {:.1f} p99 {:.1f} max {:.1f} ms:", ms.size(),
                                   quantile(ms, 0.5), quantile(ms, 0.99), quantile(ms, 1));
    for (const auto& [status, count] : statuses) text += fmt::format(" {} x {}", status, count);
    return text;
  }
};

/// Pushes one event at a time, this many a second, until it is stopped; each sender has its own connection.
class Pushers {
 public:
  Pushers(Stage& stage, Load& load, std::size_t rate, std::string name, bool keeps_alive = true) {
    const auto begin = Clock::now();
    const std::size_t count = std::min(senders, rate);
    for (std::size_t i = 0; i < count; ++i) {
      threads_.emplace_back(
          [&stage, &load, rate, count, begin, name, keeps_alive, i](const std::stop_token& stop) {
            std::optional<HookClient> client;
            for (std::size_t n = i; !stop.stop_requested(); n += count) {
              const auto due = begin + std::chrono::nanoseconds(1'000'000'000) * n / rate;
              wait_until(due, stop);
              const std::string uuid = name + "-" + std::to_string(n);
              const std::string body =
                  sandbox::hook_body(alone_org, {event_of(uuid, sandbox::World::now())}, uuid);
              if (!client || !keeps_alive) client.emplace(stage.client());
              client->say(sandbox::hook_post(body, stage.header(), keeps_alive));
              const int status = client->hear().status;
              if (status == 0) client.reset();
              load.tell(uuid, status, ms_of(Clock::now() - due));
            }
          });
    }
  }

 private:
  std::vector<std::jthread> threads_;
};

/// Everything that was answered 200 has arrived; nothing arrived twice without a mark.
bool prove(Stage& stage, const Load& load, Duration patience) {
  // Checked as a whole only rarely, because the listener waits meanwhile.
  const auto begun = Clock::now();
  const auto end = begun + patience;
  std::size_t missing = load.answered.size();
  for (;;) {
    const std::size_t before = stage.lines();
    const auto found = stage.delivered();
    missing = static_cast<std::size_t>(
        std::ranges::count_if(load.answered, [&](const std::string& uuid) { return !found.contains(uuid); }));
    if (missing == 0 || Clock::now() >= end) break;
    static_cast<void>(stage.world.wait(std::chrono::duration_cast<Duration>(end - Clock::now()),
                                       [&] { return stage.lines() >= before + missing; }));
  }
  const auto took = Clock::now() - begun;
  std::size_t repeats = 0;
  std::size_t unexplained = 0;
  for (const auto& [uuid, times] : stage.delivered()) {
    repeats += times.first > 1 ? 1 : 0;
    unexplained += times.second > 1 ? 1 : 0;
  }
  fmt::print("  {} answered 200: {} missing after {:.1f} s, {} repeated, {} of them without saying so\n",
             load.answered.size(), missing, ms_of(took) / 1000, repeats, unexplained);
  return missing == 0 && unexplained == 0;
}

bool wake(const std::filesystem::path& binary, int seconds) {
  Stage stage(binary);
  stage.start();
  if (!stage.world.wait(20s, [&] {
        return stage.world.with_org(stage.org, [](model::OktaOrg& okta) { return !okta.records().empty(); });
      })) {
    throw std::runtime_error("the org is not asked");
  }
  std::map<std::string, WallTime> pushed;
  HookClient client = stage.client();
  const auto begin = Clock::now();
  for (int n = 0; n < seconds * 100; ++n) {
    wait_until(begin + std::chrono::milliseconds(10) * n);
    stage.world.issue(stage.org, 1);
    const std::string event = stage.world.with_org(
        stage.org, [](model::OktaOrg& okta) { return okta.log().events().back().bytes; });
    const std::size_t at = event.find("\"uuid\":\"") + 8;
    pushed[event.substr(at, event.find('"', at) - at)] = sandbox::World::now();
    client.say(sandbox::hook_post(sandbox::hook_body(stage.world.org_domain(stage.org), {event}),
                                  stage.header(), true));
    if (client.hear().status != 204) throw std::runtime_error("a push is not answered 204");
  }
  std::vector<double> late;
  const bool all = stage.world.wait(20s, [&] { return stage.delivered().size() >= pushed.size(); });
  stage.world.with_listener(0, [&](model::Listener& logz) {
    for (const model::StoredLine& line : logz.lines()) {
      const std::size_t at = line.text.find("\"uuid\":\"") + 8;
      const auto found = pushed.find(line.text.substr(at, line.text.find('"', at) - at));
      if (found != pushed.end()) late.push_back(static_cast<double>((line.at - found->second).count()));
    }
  });
  fmt::print(
      "wake: {} pushes, 100 a second, limit 600 a minute of which half is ours: push to listener p50 {:.0f} "
      "p99 {:.0f} max {:.0f} ms{}\n",
      pushed.size(), quantile(late, 0.5), quantile(late, 0.99), quantile(late, 1),
      all ? "" : "; NOT ALL ARRIVED");
  return all && quantile(late, 0.99) < 1000;
}

bool load(const std::filesystem::path& binary, int seconds, std::size_t rate, bool tls, bool keeps_alive) {
  Stage stage(binary, tls);
  stage.start();
  Load result;
  {
    const Pushers pushers(stage, result, rate, "load", keeps_alive);
    wait_until(Clock::now() + std::chrono::seconds(seconds));
  }
  fmt::print("load{}{}: {} a second for {} s: {}; daemon {:.2f} s of processor, {:.0f} MiB at its highest\n",
             tls ? " over TLS" : "", keeps_alive ? "" : ", a connection each", rate, seconds, result.text(),
             std::chrono::duration<double>(stage.daemon->cpu_time()).count(),
             static_cast<double>(stage.daemon->rss_peak_bytes()) / 1048576.0);
  return prove(stage, result, 30s) && quantile(result.ms, 0.99) < 300;
}

bool kills(const std::filesystem::path& binary, int times, std::size_t rate) {
  Stage stage(binary);
  stage.world.with_listener(0, [](model::Listener& logz) { logz.inject(model::fault::Delay{.time = 20ms}); });
  Load result;
  for (int life = 0; life < times; ++life) {
    stage.start();
    {
      const Pushers pushers(stage, result, rate, "life" + std::to_string(life));
      wait_until(Clock::now() + std::chrono::milliseconds(300 + life * 37 % 500));
      stage.daemon->kill_hard();
    }
  }
  stage.start();
  fmt::print("kills: {} times under {} a second: {}\n", times, rate, result.text());
  return prove(stage, result, 60s);
}

bool outage(const std::filesystem::path& binary, int seconds, std::size_t rate) {
  Stage stage(binary);
  stage.start();
  stage.world.refuse(stage.world.listener_port(0), true);
  stage.world.drop(stage.world.listener_port(0));
  Load result;
  {
    const Pushers pushers(stage, result, rate, "outage");
    wait_until(Clock::now() + std::chrono::seconds(seconds));
  }
  fmt::print("outage: {} s under {} a second: {}; daemon {:.0f} MiB at its highest\n", seconds, rate,
             result.text(), static_cast<double>(stage.daemon->rss_peak_bytes()) / 1048576.0);
  stage.world.refuse(stage.world.listener_port(0), false);
  return prove(stage, result, 300s) && quantile(result.ms, 1) < 1000;
}

bool run(const std::vector<std::string>& words) {
  const auto number = [&](std::size_t at, int otherwise) {
    return words.size() > at ? std::atoi(words[at].c_str()) : otherwise;
  };
  const std::filesystem::path binary = std::filesystem::absolute(words.at(0));
  const std::string what = words.size() > 1 ? words[1] : "all";
  const auto rate = static_cast<std::size_t>(number(3, 2000));
  bool good = true;
  const auto is = [&](std::string_view name) { return what == name || what == "all"; };
  if (is("wake")) good = wake(binary, number(2, 10)) && good;
  if (is("load")) good = load(binary, number(2, 10), rate, false, true) && good;
  if (is("load-new")) good = load(binary, number(2, 10), rate, false, false) && good;
  if (is("load-tls")) good = load(binary, number(2, 10), rate, true, true) && good;
  if (is("load-tls-new")) {
    good = load(binary, number(2, 10), static_cast<std::size_t>(number(3, 200)), true, false) && good;
  }
  if (is("kills")) good = kills(binary, number(2, 10), rate) && good;
  if (is("outage")) good = outage(binary, number(2, 20), rate) && good;
  return good;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) {
    fmt::print(stderr,
               "usage: logzio-okta-hooks-bench DAEMON "
               "[wake|load|load-new|load-tls|load-tls-new|kills|outage] [N] [RATE]\n");
    return 64;
  }
  return run(words) ? 0 : 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "hooks-bench: {}\n", error.what());
  return 70;
}
