// logzio-okta-sandbox: Okta orgs and a Logz.io listener on this machine, to run the daemon against by hand.

// cxxopts's own little parser of flags instead of one built from regular expressions.
#define CXXOPTS_NO_REGEX

#include <exception>
#include <filesystem>

#include <cxxopts.hpp>
#include <fmt/format.h>

#include "sandbox/patience.hpp"
#include "sandbox/world.hpp"

namespace {

using namespace logzio_okta;
using namespace logzio_okta::sandbox;

struct Settings {
  std::size_t orgs = 3;
  std::size_t events = 1000;
  double rate = 10;
  bool tls = false;
  bool lines = false;
  std::uint16_t port_base = 0;
  std::string directory;
};

/// Nothing: help was wanted and given.
std::optional<Settings> read_arguments(int count, char** arguments) {
  Settings settings;
  cxxopts::Options options("logzio-okta-sandbox",
                           "Okta orgs and a Logz.io listener on 127.0.0.1, until Ctrl-C.");
  options.add_options()("orgs", "how many orgs", cxxopts::value(settings.orgs)->default_value("3"))(
      "events", "events in each org's log at the start, from the past day",
      cxxopts::value(settings.events)->default_value("1000"))(
      "rate", "new events a second in each org", cxxopts::value(settings.rate)->default_value("10"))(
      "tls", "orgs and listener over TLS, with a certificate made for this run",
      cxxopts::value(settings.tls))("lines", "a listener of newline JSON over TCP instead of HTTP bulk",
                                    cxxopts::value(settings.lines))(
      "port-base", "listener at this port, orgs at the ones behind it (0: any free ports)",
      cxxopts::value(settings.port_base)->default_value("0"))(
      "dir", "where to put the tenants file, the token and the state (default: a temporary directory)",
      cxxopts::value(settings.directory))("h,help", "this text");
  if (options.parse(count, arguments).count("help") > 0) {
    fmt::print("{}", options.help());
    return std::nullopt;
  }
  return settings;
}

Protocol protocol_of(const Settings& settings) {
  if (settings.lines) return settings.tls ? Protocol::tls_lines : Protocol::tcp_lines;
  return settings.tls ? Protocol::https_bulk : Protocol::http_bulk;
}

std::uint16_t nth_port(const Settings& settings, std::size_t nth) {
  return settings.port_base == 0 ? std::uint16_t{0} : static_cast<std::uint16_t>(settings.port_base + nth);
}

void build(World& world, const Settings& settings) {
  world.add_listener(
      {.protocol = protocol_of(settings), .settings = {.keep_lines = false}, .port = nth_port(settings, 0)});
  for (std::size_t org = 0; org < settings.orgs; ++org) {
    world.add_org({.tls = settings.tls, .port = nth_port(settings, org + 1)});
    world.issue_past(org, settings.events, 24h);
  }
}

void tell_how_to_run(const World& world, const Settings& settings, const std::filesystem::path& directory) {
  write_file(directory / "tenants-credentials.yml", world.tenants_yaml());
  write_file(directory / "ca.pem", world.authority().pem());
  write_file(directory / "token", world.token() + "\n");
  std::filesystem::create_directories(directory / "state");
  const std::string dir = directory.string();
  fmt::print("The tenants file is {}/tenants-credentials.yml. Run against it, from another terminal:\n\n",
             dir);
  fmt::print("  logzio-okta --tenants {0}/tenants-credentials.yml --token-file {0}/token \\\n", dir);
  fmt::print("    --listener {} --state-dir {}/state --poll-interval 1s", world.listener_address(0), dir);
  if (settings.tls) fmt::print(" \\\n    --ca-file {}/ca.pem", dir);
  fmt::print("\n\nA line a second follows; Ctrl-C ends it.\n");
}

std::string status_line(World& world, std::size_t second) {
  const model::Judgement judgement = world.judge();
  model::RequestCounts all;
  for (std::size_t org = 0; org < world.orgs(); ++org) {
    const auto counts = world.with_org(org, [](model::OktaOrg& okta) { return okta.counts(); });
    all.requests += counts.requests;
    all.limited += counts.limited;
    all.misuses += counts.misuses;
  }
  return fmt::format(
      "{:4} s  issued {:7}  delivered {:7}  repeats {} ({} unmarked)  wrong {}  requests {} (429: {}, "
      "misuse: {})",
      second, judgement.issued, judgement.delivered, judgement.repeats, judgement.repeats_unmarked,
      judgement.altered + judgement.alien + judgement.misnamed, all.requests, all.limited, all.misuses);
}

void serve(World& world, const Settings& settings, const Patience& patience) {
  static constexpr int ticks_a_second = 10;
  double owed = 0;
  for (std::size_t tick = 1; patience.wait(Duration(1s) / ticks_a_second); ++tick) {
    owed += settings.rate / ticks_a_second;
    const auto due = static_cast<std::size_t>(owed);
    owed -= static_cast<double>(due);
    for (std::size_t org = 0; org < world.orgs(); ++org) world.issue(org, due);
    if (tick % ticks_a_second == 0) {
      fmt::print("{}\n", status_line(world, tick / ticks_a_second));
      std::fflush(stdout);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const Patience patience;
    const auto settings = read_arguments(count, arguments);
    if (!settings) return 0;
    const TempDir temporary;
    const std::filesystem::path directory =
        settings->directory.empty() ? temporary.path() : std::filesystem::absolute(settings->directory);
    std::filesystem::create_directories(directory);
    World world;
    build(world, *settings);
    tell_how_to_run(world, *settings, directory);
    std::fflush(stdout);
    serve(world, *settings, patience);
    fmt::print("{}\n", world.judge().summary());
    return 0;
  } catch (const std::exception& fault) {
    fmt::print(stderr, "logzio-okta-sandbox: {}\n", fault.what());
    return 1;
  }
}
