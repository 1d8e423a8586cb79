// logzio-okta-sandbox: Okta orgs and a Logz.io listener on this machine, to run the daemon against by hand.

// cxxopts's own little parser of flags instead of one built from regular expressions.
#define CXXOPTS_NO_REGEX

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include <cxxopts.hpp>
#include <fmt/format.h>

#include "sandbox/patience.hpp"
#include "sandbox/world.hpp"

namespace {

using namespace logzio_okta;
using namespace logzio_okta::sandbox;

/// The faults a user can choose for the daemon to meet.
enum class Trouble : std::uint8_t { limited, refused, poison, slow, dead };
constexpr std::pair<std::string_view, Trouble> troubles[] = {{"429", Trouble::limited},
                                                             {"401", Trouble::refused},
                                                             {"poison", Trouble::poison},
                                                             {"slow", Trouble::slow},
                                                             {"dead", Trouble::dead}};

struct Settings {
  std::size_t orgs = 3;
  std::size_t events = 1000;
  double rate = 10;
  bool tls = false;
  bool lines = false;
  bool named = false;
  std::uint16_t port_base = 0;
  std::string directory;
  std::vector<Trouble> faults = {};
  std::size_t fault_seconds = 0;
};

std::vector<Trouble> read_faults(const std::vector<std::string>& names) {
  std::vector<Trouble> faults;
  for (const std::string& name : names) {
    const auto known = std::ranges::find(troubles, name, &std::pair<std::string_view, Trouble>::first);
    if (known == std::end(troubles))
      throw std::invalid_argument("--fault takes 429, 401, poison, slow and dead, not \"" + name + "\"");
    faults.push_back(known->second);
  }
  return faults;
}

/// Nothing: help was asked for and printed.
std::optional<Settings> read_arguments(int count, char** arguments) {
  Settings settings;
  std::vector<std::string> faults;
  cxxopts::Options options("logzio-okta-sandbox",
                           "Okta orgs and a Logz.io listener on 127.0.0.1, until Ctrl-C.");
  options.add_options()("orgs", "how many orgs", cxxopts::value(settings.orgs)->default_value("3"))(
      "events", "events in each org's log at the start, from the past day",
      cxxopts::value(settings.events)->default_value("1000"))(
      "rate", "new events a second in each org", cxxopts::value(settings.rate)->default_value("10"))(
      "tls", "orgs and listener over TLS, with a certificate made for this run",
      cxxopts::value(settings.tls))("lines", "a listener of newline JSON over TCP instead of HTTP bulk",
                                    cxxopts::value(settings.lines))(
      "named", "orgs and listener by names (acme.okta.com, listener.logz.io) that a proxy knows; over TLS",
      cxxopts::value(settings.named))("port-base",
                                      "listener at this port, orgs at the ones after it (0: any free ports)",
                                      cxxopts::value(settings.port_base)->default_value("0"))(
      "dir", "where to put the tenants file, the token and the state (default: a temporary directory)",
      cxxopts::value(settings.directory))(
      "fault",
      "what goes wrong from the start, comma-separated: 429 (the first org's rate limit is spent), 401 (the "
      "second org's key is revoked), poison (the first org's log holds events that the listener refuses), "
      "slow (the third org answers after 20 s), dead (nothing listens for events)",
      cxxopts::value(faults))("fault-seconds", "for how long (0: until the end)",
                              cxxopts::value(settings.fault_seconds)->default_value("0"))("h,help",
                                                                                          "this text");
  if (options.parse(count, arguments).count("help") > 0) {
    fmt::print("{}", options.help());
    return std::nullopt;
  }
  settings.faults = read_faults(faults);
  settings.tls = settings.tls || settings.named;
  return settings;
}

std::size_t nth_org(const World& world, std::size_t nth) {
  return std::min(nth, world.orgs() - 1);
}

/// The third org uses a service app, the others an API key.
constexpr std::size_t with_service_app = 2;

void begin(World& world, Trouble trouble) {
  switch (trouble) {
    case Trouble::limited:
      world.with_org(0, [](model::OktaOrg& okta) {
        okta.inject(model::fault::RateLimited{}, model::always, model::match::any());
      });
      return;
    case Trouble::refused: {
      const std::size_t org = nth_org(world, 1);
      world.with_org(
          org, [&](model::OktaOrg& okta) { okta.set_key(world.org_key(org), model::KeyState::revoked); });
      return;
    }
    case Trouble::poison:
      for (const auto special : {model::Special::bad_utf8, model::Special::bad_literal})
        world.issue_special(0, special);
      return;
    case Trouble::slow:
      world.with_org(nth_org(world, 2), [](model::OktaOrg& okta) {
        okta.inject(model::fault::Delay{.time = 20s}, model::always, model::match::any());
      });
      return;
    case Trouble::dead:
      world.refuse(world.listener_port(0), true);
      return;
  }
}

/// What was set aside stays so; all else recovers.
void end_faults(World& world) {
  for (std::size_t org = 0; org < world.orgs(); ++org) {
    world.with_org(org, [&](model::OktaOrg& okta) {
      okta.clear_faults();
      if (org != with_service_app) okta.set_key(world.org_key(org), model::KeyState::good);
    });
  }
  world.refuse(world.listener_port(0), false);
}

Protocol protocol_of(const Settings& settings) {
  if (settings.lines) return settings.tls ? Protocol::tls_lines : Protocol::tcp_lines;
  return settings.tls ? Protocol::https_bulk : Protocol::http_bulk;
}

std::uint16_t nth_port(const Settings& settings, std::size_t nth) {
  return settings.port_base == 0 ? std::uint16_t{0} : static_cast<std::uint16_t>(settings.port_base + nth);
}

/// "acme.okta.com", "globex.okta.com", ..., "acme2.okta.com", ...
std::string nth_host(std::size_t nth) {
  static constexpr std::string_view companies[] = {
      "acme",  "globex", "initech", "umbrella", "hooli",    "soylent", "wonka",      "tyrell", "cyberdyne",
      "wayne", "stark",  "oscorp",  "dunder",   "vandelay", "massive", "pied-piper", "sirius"};
  const std::size_t round = nth / std::size(companies);
  return fmt::format("{}{}.okta.com", companies[nth % std::size(companies)],
                     round == 0 ? "" : std::to_string(round + 1));
}

/// The proxy's port, if it takes one to reach them.
std::optional<PortId> build(World& world, const Settings& settings) {
  world.add_listener({.protocol = protocol_of(settings),
                      .host = settings.named ? "listener.logz.io" : "",
                      .settings = {.keep_lines = false},
                      .port = nth_port(settings, 0)});
  for (std::size_t org = 0; org < settings.orgs; ++org) {
    world.add_org({.tls = settings.tls,
                   .host = settings.named ? nth_host(org) : "",
                   .settings = {.bounded = true},
                   .service_app = org == with_service_app,
                   .port = nth_port(settings, org + 1)});
    world.issue_past(org, settings.events, 24h);
  }
  if (settings.named) return world.add_proxy();
  return std::nullopt;
}

void tell_how_to_run(const World& world, const Settings& settings, std::optional<PortId> proxy,
                     const std::filesystem::path& directory) {
  write_file(directory / "tenants-credentials.yml", world.tenants_yaml());
  write_file(directory / "ca.pem", world.authority().pem());
  write_file(directory / "token", world.token() + "\n");
  std::filesystem::create_directories(directory / "state");
  const std::string dir = directory.string();
  const char* const said = std::getenv("LOGZIO_OKTA_PROGRAM");
  const std::string program = said != nullptr ? said : "logzio-okta";
  const std::string trust = settings.tls ? fmt::format(" --ca-file {}/ca.pem", dir) : "";
  fmt::print("{} orgs and a listener are running", world.orgs());
  if (world.orgs() > with_service_app)
    fmt::print("; {} has a service app (OAuth with DPoP)", world.org_name(with_service_app));
  fmt::print(". From another terminal, all events to the listener:\n\n");
  if (proxy) fmt::print("  export HTTPS_PROXY=http://127.0.0.1:{}\n", world.port(*proxy));
  fmt::print("  {} --tenants {}/tenants-credentials.yml --token-file {}/token \\\n", program, dir, dir);
  fmt::print("    --listener {} --state-dir {}/state --poll-interval 1s{}\n\n", world.listener_address(0),
             dir, trust);
  fmt::print("or check the same without shipping anything, see how it goes, or look at one org's log:\n\n");
  fmt::print("  {} check --tenants {}/tenants-credentials.yml --token-file {}/token --listener {} \\\n",
             program, dir, dir, world.listener_address(0));
  fmt::print("    --state-dir {}/state{}\n", dir, trust);
  fmt::print("  {} status\n", program);
  fmt::print("  {} events --tenants {}/tenants-credentials.yml --tenant {} --since 1h{}\n\n", program, dir,
             world.org_name(0), trust);
  fmt::print("One status line per second follows; Ctrl-C ends it.\n");
}

std::string status_line(World& world, std::size_t second) {
  const model::Judgement judgement = world.judge();
  model::RequestCounts all;
  for (std::size_t org = 0; org < world.orgs(); ++org) {
    const auto counts = world.with_org(org, [](model::OktaOrg& okta) { return okta.counts(); });
    all.requests += counts.requests;
    all.limited += counts.limited;
    all.misuses +=
        counts.misuses + world.with_org(org, [](model::OktaOrg& okta) { return okta.oauth().misuses(); });
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
  for (const Trouble trouble : settings.faults) begin(world, trouble);
  for (std::size_t tick = 1; patience.wait(Duration(1s) / ticks_a_second); ++tick) {
    if (!settings.faults.empty() && tick == settings.fault_seconds * ticks_a_second) end_faults(world);
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
    const std::optional<PortId> proxy = build(world, *settings);
    tell_how_to_run(world, *settings, proxy, directory);
    std::fflush(stdout);
    serve(world, *settings, patience);
    fmt::print("{}\n", world.judge().summary());
    return 0;
  } catch (const std::exception& fault) {
    fmt::print(stderr, "logzio-okta-sandbox: {}\n", fault.what());
    return 1;
  }
}
