// Options: flags and environment after reading, valid by construction; and the one table that documents them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/address.hpp"
#include "logzio_okta/logzio/endpoint.hpp"
#include "logzio_okta/okta/domain.hpp"

namespace logzio_okta {

enum class Level : std::uint8_t { trace, debug, info, warn, error, fatal };
enum class LogFormat : std::uint8_t { text, json };

/// Where a tenant without a cursor starts.
struct SinceAgo {
  Duration ago{};  ///< 0 is "now".
};
struct SinceAt {
  WallTime at;
};
using Since = std::variant<SinceAgo, SinceAt>;

struct AdminAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9810;
  bool given = false;  ///< Set by the operator: a port in use is then an error, not a warning.
};

/// A user and a group of the system, by their numbers.
struct UserId {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
};

/// The options that the core needs.
struct Policy {
  Since since = SinceAgo{7 * 24h};
  Duration poll_interval = 10s;
  double rate_share = 0.5;
  bool once = false;
};

/// All options. `tenants`, `state_dir`: nullopt means that the defaults are searched.
struct Options {
  Policy policy;
  std::optional<std::string> tenants;
  Secret token;
  std::optional<std::string> token_file;
  std::string token_from = "LOGZIO_TOKEN";  ///< The flag or variable that set it.
  Endpoint listener;
  std::string listener_from = "LOGZIO_LISTENER_HOST";
  std::optional<std::string> state_dir;
  std::optional<std::string> store;     ///< Where PostgreSQL is; then there is no state directory.
  std::optional<std::string> instance;  ///< By which other replicas know this one; nothing: the host's name.
  Duration lease = 20s;
  std::optional<std::string> copy_to;
  std::optional<std::string> ca_file;
  std::optional<AdminAddress> admin = AdminAddress{};
  std::vector<std::string> admin_hosts;  ///< Host names that it answers to; lower case.
  std::optional<AdminAddress> hooks;     ///< The address for event hooks.
  std::optional<std::string> hooks_cert;
  std::optional<std::string> hooks_key;
  std::optional<std::string> hooks_secrets;
  std::vector<Domain> hooks_orgs;      ///< Orgs whose hooks are accepted although they are not polled.
  std::vector<IpBlock> hooks_proxies;  ///< Proxies that may use plain HTTP and name their clients.
  std::optional<std::vector<std::string>> hooks_regions;  ///< Allowed in a hook; nothing: any.
  std::optional<UserId> user;  ///< The user to become when started as root; never root itself.
  Level level = Level::info;
  LogFormat format = LogFormat::text;
  std::vector<std::string> warnings;
};

/// One row of the contract. --help, README and man page are held to this table by a test.
struct OptionRow {
  std::string_view flag;         ///< "--poll-interval D"
  std::string_view environment;  ///< "LOGZIO_OKTA_POLL_INTERVAL"; empty when there is none.
  std::string_view fallback;     ///< "10s"
  std::string_view meaning;      ///< One or two sentences.
};
[[nodiscard]] std::span<const OptionRow> option_table();

/// "7d", "24h", "now", or RFC 3339; at most 90 days back, not in the future. `wall` is now.
[[nodiscard]] Result<Since> parse_since(std::string_view text, WallTime wall);
/// "acme.okta.com,globex.okta.com", at most limits::hook_orgs_max.
[[nodiscard]] Result<std::vector<Domain>> parse_orgs(std::string_view text);
/// "172.17.0.1,10.0.0.0/8", at most limits::hook_proxies_max.
[[nodiscard]] Result<std::vector<IpBlock>> parse_proxies(std::string_view text);
/// "us,eu", or "none" for an empty list.
[[nodiscard]] Result<std::vector<std::string>> parse_regions(std::string_view text);
/// "status.example.com,monitor", without ports, in lower case; at most limits::admin_hosts_max.
[[nodiscard]] Result<std::vector<std::string>> parse_hosts(std::string_view text);
/// How long a replica's orgs are its own without a sign of life.
[[nodiscard]] Result<Duration> parse_lease(std::string_view text);
[[nodiscard]] Result<std::string> parse_instance(std::string_view text);
[[nodiscard]] Result<double> parse_rate_share(std::string_view text);
/// "127.0.0.1:9810", "[::1]:9810", "off" (nullopt). The error shows `example`.
[[nodiscard]] Result<std::optional<AdminAddress>> parse_address(std::string_view text,
                                                                std::string_view example);
/// "1000" or "1000:1000", above 0: numbers, because an image may not have names for them. Without a group,
/// the user's number is used.
[[nodiscard]] Result<UserId> parse_user(std::string_view text);
/// 32 letters (docs/logzio.md 6). The error never quotes it.
[[nodiscard]] Result<void> check_token(std::string_view token);
[[nodiscard]] std::optional<Level> parse_level(std::string_view text);
[[nodiscard]] std::string_view name_of(Level level);

}  // namespace logzio_okta
