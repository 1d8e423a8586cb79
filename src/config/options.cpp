#include "logzio_okta/config/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <system_error>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"

namespace logzio_okta {
namespace {

constexpr std::array rows = {
    OptionRow{"--tenants FILE", "LOGZIO_OKTA_TENANTS",
              "the first that exists of /etc/logzio-okta/tenants-credentials.yml, "
              "/usr/share/logstash/tenants-credentials.yml, ./tenants-credentials.yml; else one tenant from "
              "OKTA_DOMAIN and OKTA_API_KEY, or OKTA_CLIENT_ID and OKTA_PRIVATE_KEY_FILE",
              "The tenants: up to 50 Okta orgs and their API keys. LOGZIO_OKTA_TENANTS_YAML holds the text "
              "of such a file instead."},
    OptionRow{"--token-file FILE", "LOGZIO_TOKEN, LOGZIO_TOKEN_FILE", "required",
              "The Logz.io shipping token, 32 letters: in LOGZIO_TOKEN or in a file, never a flag's value."},
    OptionRow{
        "--listener HOST", "LOGZIO_LISTENER_HOST", "required",
        "Your region's listener: host, host:port or scheme://host:port; or name the region in LOGZIO_REGION. "
        "Port 8071 is HTTPS (the default), "
        "5052 lines over TLS, 8070 HTTP, 5050 lines over TCP; https:// tls:// http:// tcp:// say it for any "
        "port."},
    OptionRow{"--state-dir DIR", "LOGZIO_OKTA_STATE_DIR",
              "$STATE_DIRECTORY, /var/lib/logzio-okta or ~/.local/state/logzio-okta",
              "Where each tenant's cursor is kept. If it is lost, events are delivered again from --since."},
    OptionRow{"--store URL", "LOGZIO_OKTA_STORE", "",
              "Keep the state in PostgreSQL instead, for replicas that take over from each other: "
              "postgresql://okta@db.example.com/okta. The password comes from PGPASSWORD, PGPASSFILE or "
              "LOGZIO_OKTA_STORE_PASSWORD_FILE."},
    OptionRow{"--instance NAME", "LOGZIO_OKTA_INSTANCE", "the host's name",
              "The name of this replica among those that share a store."},
    OptionRow{"--lease D", "LOGZIO_OKTA_LEASE", "20s",
              "How long a replica may be silent before others take over its orgs: 10s to 5m."},
    OptionRow{"--copy-to DIR", "LOGZIO_OKTA_COPY_TO", "",
              "Keep what the listener took in files as well: DIR/<destination>/<hour>.ndjson.gz."},
    OptionRow{"--since T", "LOGZIO_OKTA_SINCE", "7d",
              "Where a tenant seen for the first time starts: 7d, 24h, now or 2026-11-23T12:00:00Z; at "
              "most 90 days back."},
    OptionRow{"--poll-interval D", "LOGZIO_OKTA_POLL_INTERVAL", "10s",
              "The pause after a page that was not full: 500ms, 10s, 5m."},
    OptionRow{"--rate-share F", "LOGZIO_OKTA_RATE_SHARE", "0.5",
              "The share of each org's rate limit that may be spent, 0.05 to 1."},
    OptionRow{"--once", "", "",
              "Deliver what there is, save the cursors and exit, with 69 if that cannot be finished."},
    OptionRow{"--ca-file FILE", "LOGZIO_OKTA_CA_FILE", "the system's store",
              "More certificates to trust, for a proxy that inspects TLS."},
    OptionRow{"--admin ADDR:PORT", "LOGZIO_OKTA_ADMIN", "127.0.0.1:9810",
              "Where health, metrics and status are served; off disables this."},
    OptionRow{"--admin-hosts LIST", "LOGZIO_OKTA_ADMIN_HOSTS", "",
              "Comma-separated host names that requests to that server may use; on loopback, without them, "
              "only localhost is answered."},
    OptionRow{"--hooks ADDR:PORT", "LOGZIO_OKTA_HOOKS", "off",
              "Where Okta's event hooks are received; a delivery makes the daemon poll its org at once."},
    OptionRow{"--hooks-cert FILE", "LOGZIO_OKTA_HOOKS_CERT", "",
              "The event hook's certificate with its chain, PEM; without one, plain HTTP, for a proxy on "
              "loopback or one of --hooks-proxies."},
    OptionRow{"--hooks-key FILE", "LOGZIO_OKTA_HOOKS_KEY", "", "The key of that certificate, PEM."},
    OptionRow{"--hooks-secrets FILE", "LOGZIO_OKTA_HOOKS_SECRETS", "",
              "Secrets, one per line, that a delivery may have in its Authorization header instead of the "
              "shipping token in logzio_token."},
    OptionRow{"--hooks-orgs LIST", "LOGZIO_OKTA_HOOKS_ORGS", "",
              "Comma-separated orgs that are not polled: the events in their deliveries are shipped."},
    OptionRow{"--hooks-proxies LIST", "LOGZIO_OKTA_HOOKS_PROXIES", "",
              "Reverse proxies in front of the hook, as comma-separated addresses or networks: they may use "
              "plain HTTP, and the client addresses that they forward are trusted."},
    OptionRow{
        "--hooks-regions LIST", "LOGZIO_OKTA_HOOKS_REGIONS", "all",
        "The regions that a delivery's logzio_region may name, comma-separated; none forbids the header."},
    OptionRow{
        "--user UID[:GID]", "LOGZIO_OKTA_USER", "",
        "If started as root, the user to become once the files are read. The image sets it to 1000:1000."},
    OptionRow{"--log-level L", "LOG_LEVEL", "info", "trace, debug, info, warn, error or fatal."},
    OptionRow{"--log-format F", "LOGZIO_OKTA_LOG_FORMAT", "text",
              "text or json, one line per entry, on stderr."},
};

constexpr std::array level_names = {std::string_view("trace"), std::string_view("debug"),
                                    std::string_view("info"),  std::string_view("warn"),
                                    std::string_view("error"), std::string_view("fatal")};

/// A comma-separated list, each item once.
template <class Parse>
auto parse_list(std::string_view text, std::size_t count_max, std::string_view what, Parse parse)
    -> Result<std::vector<typename decltype(parse(text))::value_type>> {
  std::vector<typename decltype(parse(text))::value_type> items;
  for (;;) {
    const std::size_t comma = text.find(',');
    auto item = parse(text.substr(0, comma));
    if (!item) return std::unexpected(std::move(item.error()));
    if (std::ranges::find(items, *item) == items.end()) items.push_back(std::move(*item));
    if (items.size() > count_max) {
      return fail("more than " + std::to_string(count_max) + " " + std::string(what) + "; leave some out");
    }
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

constexpr std::string_view since_forms = "write for example 7d, 24h, now or 2026-11-23T12:00:00Z";

}  // namespace

std::span<const OptionRow> option_table() {
  return rows;
}

Result<Since> parse_since(std::string_view text, WallTime wall) {
  constexpr const char* too_long_ago = " is longer ago than the 90 days that Okta keeps; write 90d or less";
  text = ascii::trim(text);
  if (ascii::equal_ignoring_case(text, "now")) return SinceAgo{};
  if (const std::optional<WallTime> at = parse_rfc3339(text)) {
    if (*at > wall) return fail(ascii::quote(text) + " is in the future; " + std::string(since_forms));
    // A minute of grace, so that "90 days ago" may be worked out by the command line. In milliseconds: a
    // moment centuries away has no place in nanoseconds.
    if (wall - *at > to_ms(limits::retention + 1min)) return fail(ascii::quote(text) + too_long_ago);
    return SinceAt{*at};
  }
  const Result<Duration> ago = parse_duration(text);
  if (!ago) return fail(ascii::quote(text) + " is not a time; " + std::string(since_forms));
  if (*ago > limits::retention) return fail(ascii::quote(text) + too_long_ago);
  return SinceAgo{*ago};
}

Result<std::vector<Domain>> parse_orgs(std::string_view text) {
  return parse_list(text, limits::hook_orgs_max, "orgs", Domain::parse);
}

Result<std::vector<IpBlock>> parse_proxies(std::string_view text) {
  return parse_list(text, limits::hook_proxies_max, "proxies", IpBlock::parse);
}

Result<std::vector<std::string>> parse_regions(std::string_view text) {
  constexpr std::size_t regions_max = 5;
  if (ascii::equal_ignoring_case(ascii::trim(text), "none")) return std::vector<std::string>();
  return parse_list(text, regions_max, "regions", [](std::string_view item) -> Result<std::string> {
    std::string region = ascii::lower(ascii::trim(item));
    if (!is_region(region)) {
      return fail(ascii::quote(item) + " is not a region; write some of us, au, ca, eu and uk, or none");
    }
    return region;
  });
}

Result<std::vector<std::string>> parse_hosts(std::string_view text) {
  return parse_list(text, limits::admin_hosts_max, "names", [](std::string_view item) -> Result<std::string> {
    std::string host = ascii::lower(ascii::trim(item));
    const auto belongs = [](char c) {
      return ascii::is_letter(c) || ascii::is_digit(c) || c == '-' || c == '_' || c == '.';
    };
    if (!is_ip_address(host) && (host.empty() || !std::ranges::all_of(host, belongs))) {
      return fail(ascii::quote(item) +
                  " is not a host name; write it without scheme and port, for example status.example.com");
    }
    return host;
  });
}

Result<Duration> parse_lease(std::string_view text) {
  constexpr Duration least = 10s;
  constexpr Duration most = 5min;
  Result<Duration> lease = parse_duration(text);
  if (!lease || *lease < least || *lease > most)
    return fail(ascii::quote(text) + " is not a time from 10s to 5m; write 20s, for example");
  return lease;
}

Result<std::string> parse_instance(std::string_view text) {
  constexpr std::size_t bytes_max = 100;
  text = ascii::trim(text);
  if (text.empty() || text.size() > bytes_max || !std::ranges::all_of(text, ascii::is_visible))
    return fail(ascii::quote(text) + " is not a name: up to 100 letters, digits and signs, without spaces");
  return std::string(text);
}

Result<double> parse_rate_share(std::string_view text) {
  text = ascii::trim(text);
  double share = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), share, std::chars_format::fixed);
  const bool number = error == std::errc{} && end == text.data() + text.size();
  if (!number || !(share >= 0.05 && share <= 1)) {
    return fail(ascii::quote(text) + " is not a share from 0.05 to 1; write 0.5 for half of the rate limit");
  }
  return share;
}

Result<std::optional<AdminAddress>> parse_address(std::string_view text, std::string_view example) {
  const std::string forms = "write for example " + std::string(example) + ", or off";
  text = ascii::trim(text);
  if (ascii::equal_ignoring_case(text, "off")) return std::nullopt;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return fail(ascii::quote(text) + " is not ADDR:PORT; " + forms);
  }
  std::string host = ascii::lower(text.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  if (!is_ip_address(host)) {
    return fail(ascii::quote(text) + " does not begin with an IP address; " + forms);
  }
  const std::optional<std::uint64_t> port = ascii::whole_number(text.substr(colon + 1));
  if (!port || *port > 65'535) {
    return fail(ascii::quote(text) + " does not end with a port; " + forms);
  }
  return AdminAddress{std::move(host), static_cast<std::uint16_t>(*port), true};
}

Result<UserId> parse_user(std::string_view text) {
  text = ascii::trim(text);
  const std::size_t colon = std::min(text.find(':'), text.size());
  const auto number = [](std::string_view digits) -> std::optional<std::uint32_t> {
    constexpr std::uint64_t nobody_at_all = 0xffff'ffff;  // What the system calls mean by -1: no change.
    const std::optional<std::uint64_t> whole = ascii::whole_number(digits);
    if (!whole || *whole == 0 || *whole >= nobody_at_all) return std::nullopt;
    return static_cast<std::uint32_t>(*whole);
  };
  const auto user = number(text.substr(0, colon));
  const auto group = colon == text.size() ? user : number(text.substr(colon + 1));
  if (!user || !group) {
    return fail(ascii::quote(text) +
                " is not a numeric UID or UID:GID above 0; write, for example, 1000:1000");
  }
  return UserId{*user, *group};
}

Result<void> check_token(std::string_view token) {
  constexpr std::size_t letters = 32;
  const std::string cure =
      "; copy the shipping token (32 letters) from Logz.io: Settings, Manage tokens, Data shipping";
  if (token.find_first_of("<>${}") != std::string_view::npos) return fail("it is a placeholder" + cure);
  if (!std::ranges::all_of(token, ascii::is_letter)) {
    return fail("it contains something other than letters" + cure);
  }
  if (token.size() != letters)
    return fail("it has " + std::to_string(token.size()) + " letters, not 32" + cure);
  return {};
}

std::optional<Level> parse_level(std::string_view text) {
  const auto* const name = std::ranges::find(level_names, ascii::lower(ascii::trim(text)));
  if (name == level_names.end()) return std::nullopt;
  return static_cast<Level>(name - level_names.begin());
}

std::string_view name_of(Level level) {
  return level_names.at(static_cast<std::size_t>(level));
}

}  // namespace logzio_okta
