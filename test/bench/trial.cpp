#include "bench/trial.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "logzio_okta/base/check.hpp"

#include "sandbox/process.hpp"
#include "sandbox/temp_dir.hpp"
#include "sandbox/tls.hpp"
#include "tools/certificates.hpp"
#include "tools/key_pair.hpp"

namespace logzio_okta::bench {
namespace {

constexpr Duration turn_lasts = 2ms;
constexpr Duration look_every = 20ms;
constexpr Duration patience = 5min;
constexpr std::string_view token = "AbcdefghijklmnopqrstuvwxyzABCDEF";

// Finer than /proc/PID/stat, which counts hundredths of a second.
std::optional<double> cpu_seconds(pid_t process) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) return std::nullopt;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::vector<std::string> host_names(std::size_t orgs) {
  std::vector<std::string> names{std::string(Load::listener_host)};
  for (std::size_t org = 0; org < orgs; ++org) names.push_back(Load::host_of(org));
  return names;
}

std::string tenants_file(const LoadSpec& load, std::uint16_t port, const std::string& key_file) {
  std::string text = "tenants_credentials:\n";
  for (std::size_t org = 0; org < load.orgs.size(); ++org) {
    const std::string number = std::to_string(org + 1);
    text += load.service_apps
                ? "  - okta_client_id: 0oaAppOfTenant" + number + "\n    okta_private_key_file: " + key_file
                : "  - okta_api_key: 00key-of-tenant-" + number;
    text += "\n    okta_domain: https://" + Load::host_of(org) + ":" + std::to_string(port) + "\n";
    if (load.own_accounts) {
      std::string own(token);
      own[0] = static_cast<char>('a' + org / 26);
      own[1] = static_cast<char>('a' + org % 26);
      text += "    logzio_token: " + own + "\n";
    }
  }
  return text;
}

/// A port that was free a moment ago.
std::uint16_t free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  CHECK(::bind(probe, reinterpret_cast<sockaddr*>(&address), size) == 0);
  CHECK(::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(probe);
  return ntohs(address.sin_port);
}

/// The daemon's metrics; empty if it does not serve them.
std::string metrics_at(std::uint16_t port) {
  std::string text;
  CURL* const curl = curl_easy_init();
  CHECK(curl != nullptr);
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/metrics";
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 5L);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
  curl_easy_setopt(
      curl, CURLOPT_WRITEFUNCTION,
      +[](const char* bytes, std::size_t one, std::size_t count, std::string* to) {
        to->append(bytes, one * count);
        return one * count;
      });
  const CURLcode got = curl_easy_perform(curl);
  curl_easy_cleanup(curl);
  return got == CURLE_OK ? text : std::string();
}

std::uint64_t turns_in(const std::string& metrics, std::string_view up_to) {
  const std::string series = "logzio_okta_loop_turn_seconds_bucket{le=\"" + std::string(up_to) + "\"} ";
  const std::size_t at = metrics.find(series);
  return at == std::string::npos ? 0 : std::strtoull(metrics.c_str() + at + series.size(), nullptr, 10);
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void pin(pid_t process, bool first) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  static const std::vector<std::size_t> processors = [&] {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &allowed)) found.push_back(i);
    }
    return found;
  }();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first ? processors.front() : processors.back(), &one);
  sched_setaffinity(process, sizeof one, &one);
}

Trial run_trial(const std::filesystem::path& binary, const Pages& pages, const TrialSpec& spec) {
  const sandbox::TempDir dir;
  const test::Authority authority;
  const std::size_t orgs = spec.load.orgs.size();
  Load load(pages, spec.load);
  std::uint16_t port = 0;
  Server server(sandbox::server_context(authority.issue(host_names(orgs))),
                [&](Request&& request) { return load.answer(std::move(request), port); });
  port = server.port();
  if (spec.load.listening == Listening::never_reading) server.stop_reading_bodies();
  const std::filesystem::path key_file = dir.path() / "key.pem";
  if (spec.load.service_apps) sandbox::write_file(key_file, test::KeyPair::rsa().pkcs8());
  sandbox::write_file(dir.path() / "tenants.yml", tenants_file(spec.load, port, key_file));
  sandbox::write_file(dir.path() / "ca.pem", authority.pem());

  const std::uint16_t admin = spec.turns ? free_port() : 0;
  std::vector<std::string> args = {
      "--tenants",
      dir.path() / "tenants.yml",
      spec.store.empty() ? "--state-dir" : "--store",
      spec.store.empty() ? (dir.path() / "state").string() : spec.store,
      "--ca-file",
      dir.path() / "ca.pem",
      "--admin",
      spec.turns ? "127.0.0.1:" + std::to_string(admin) : "off",
      "--rate-share",
      "1",
      "--poll-interval",
      spec.poll_interval,
      "--listener",
      "https://" + std::string(Load::listener_host) + ":" + std::to_string(port)};
  if (spec.copies) args.insert(args.end(), {"--copy-to", dir.path() / "copies"});
  const double own_before = cpu_seconds(0).value_or(0);
  const Instant begun = steady_now();
  sandbox::Daemon daemon(
      {.binary = binary, .args = std::move(args), .env = {{"LOGZIO_TOKEN", std::string(token)}}});
  pin(daemon.pid(), true);

  Trial trial;
  double cpu = 0;
  bool told = false;
  Instant look_at{};
  while (daemon.running() && steady_now() < begun + patience) {
    server.turn(turn_lasts);
    cpu = std::max(cpu, cpu_seconds(daemon.pid()).value_or(0));
    if (trial.start_cpu_s == 0 && load.first_request()) {
      trial.start_cpu_s = cpu;
      trial.start_rss = daemon.rss_peak_bytes();
    }
    const Instant now = steady_now();
    if (now < look_at) continue;
    look_at = now + look_every;
    trial.rss_peak = std::max(trial.rss_peak, daemon.rss_peak_bytes());
    if (!told && (spec.lasts ? now >= begun + *spec.lasts : load.exhausted())) {
      told = true;
      if (spec.turns) {
        const std::string metrics = metrics_at(admin);
        trial.turns = turns_in(metrics, "+Inf");
        trial.long_turns = trial.turns - turns_in(metrics, "0.01");
      }
      daemon.signal(SIGTERM);
    }
  }
  trial.exit_code = daemon.wait_exit(0s).value_or(-1);
  trial.log = daemon.log();
  trial.cpu_s = cpu - trial.start_cpu_s;
  trial.server_cpu_s = cpu_seconds(0).value_or(0) - own_before;
  if (load.first_request()) {
    trial.start_ms = seconds(*load.first_request() - begun) * 1e3;
    trial.wall_s = seconds(load.last_bulk() - *load.first_request());
  }
  trial.pages = load.pages_served();
  trial.bulks = load.bulks();
  trial.bytes_in = load.bytes_in();
  trial.bytes_out = load.bytes_out();
  if (load.first_request()) trial.proof = load.prove(steady_now());
  return trial;
}

}  // namespace logzio_okta::bench
