#include "logzio_okta/config/options.hpp"

#include <set>

#include "catch.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;

namespace {

const WallTime noon = parse_rfc3339("2026-11-23T12:00:00Z").value();

std::optional<Duration> ago(std::string_view text) {
  const auto since = parse_since(text, noon);
  if (!since || !std::holds_alternative<SinceAgo>(*since)) return std::nullopt;
  return std::get<SinceAgo>(*since).ago;
}

template <class T>
std::string refusal(const Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  REQUIRE(result.error().text.find('\n') == std::string::npos);
  return result.error().text;
}

}  // namespace

TEST_CASE("options: the table holds every flag of the contract once, with its variable and its default") {
  const std::vector<std::pair<std::string, std::string>> contract = {
      {"--tenants", "LOGZIO_OKTA_TENANTS"},
      {"--token-file", "LOGZIO_TOKEN, LOGZIO_TOKEN_FILE"},
      {"--listener", "LOGZIO_LISTENER_HOST"},
      {"--state-dir", "LOGZIO_OKTA_STATE_DIR"},
      {"--store", "LOGZIO_OKTA_STORE"},
      {"--instance", "LOGZIO_OKTA_INSTANCE"},
      {"--lease", "LOGZIO_OKTA_LEASE"},
      {"--copy-to", "LOGZIO_OKTA_COPY_TO"},
      {"--since", "LOGZIO_OKTA_SINCE"},
      {"--poll-interval", "LOGZIO_OKTA_POLL_INTERVAL"},
      {"--rate-share", "LOGZIO_OKTA_RATE_SHARE"},
      {"--once", ""},
      {"--ca-file", "LOGZIO_OKTA_CA_FILE"},
      {"--admin", "LOGZIO_OKTA_ADMIN"},
      {"--admin-hosts", "LOGZIO_OKTA_ADMIN_HOSTS"},
      {"--hooks", "LOGZIO_OKTA_HOOKS"},
      {"--hooks-cert", "LOGZIO_OKTA_HOOKS_CERT"},
      {"--hooks-key", "LOGZIO_OKTA_HOOKS_KEY"},
      {"--hooks-secrets", "LOGZIO_OKTA_HOOKS_SECRETS"},
      {"--hooks-orgs", "LOGZIO_OKTA_HOOKS_ORGS"},
      {"--hooks-proxies", "LOGZIO_OKTA_HOOKS_PROXIES"},
      {"--hooks-regions", "LOGZIO_OKTA_HOOKS_REGIONS"},
      {"--user", "LOGZIO_OKTA_USER"},
      {"--log-level", "LOG_LEVEL"},
      {"--log-format", "LOGZIO_OKTA_LOG_FORMAT"},
  };
  std::vector<std::pair<std::string, std::string>> table;
  for (const OptionRow& row : option_table()) {
    table.emplace_back(row.flag.substr(0, row.flag.find(' ')), row.environment);
    REQUIRE_FALSE(row.meaning.empty());
  }
  REQUIRE(table == contract);
}

TEST_CASE("options: the table's defaults are the defaults") {
  const Policy policy;
  for (const OptionRow& row : option_table()) {
    if (row.flag.starts_with("--since")) REQUIRE(ago(row.fallback) == std::get<SinceAgo>(policy.since).ago);
    if (row.flag.starts_with("--poll")) REQUIRE(parse_duration(row.fallback) == policy.poll_interval);
    if (row.flag.starts_with("--lease")) REQUIRE(parse_lease(row.fallback) == Options{}.lease);
    if (row.flag.starts_with("--rate")) REQUIRE(parse_rate_share(row.fallback) == policy.rate_share);
    if (row.flag.starts_with("--admin "))
      REQUIRE((*parse_address(row.fallback, ""))->port == AdminAddress{}.port);
    if (row.flag.starts_with("--log-level")) REQUIRE(parse_level(row.fallback) == Options{}.level);
  }
}

TEST_CASE("options: since is a time span, now, or a moment") {
  REQUIRE(ago("7d") == Duration(7 * 24h));
  REQUIRE(ago(" 24h ") == Duration(24h));
  REQUIRE(ago("now") == Duration(0));
  REQUIRE(ago("90d") == Duration(90 * 24h));
  const auto at = parse_since("2026-11-20T00:00:00+01:00", noon);
  REQUIRE(at.has_value());
  REQUIRE(std::get<SinceAt>(*at).at == parse_rfc3339("2026-11-19T23:00:00Z"));
}

TEST_CASE("options: a since that Okta cannot serve is refused with what to write") {
  REQUIRE_THAT(refusal(parse_since("91d", noon)), Contains("90"));
  REQUIRE_THAT(refusal(parse_since("2026-08-01T00:00:00Z", noon)), Contains("90"));
  // Centuries do not fit into nanoseconds; some of them would wrap around to yesterday.
  for (const char* long_ago : {"0026-11-23T12:00:00Z", "1442-01-01T00:00:00Z", "1734-04-07T13:00:00Z"}) {
    REQUIRE_THAT(refusal(parse_since(long_ago, noon)), Contains("90"));
  }
  REQUIRE_THAT(refusal(parse_since("2026-11-24T00:00:00Z", noon)), Contains("future"));
  for (const std::string_view text : {"", "7", "yesterday", "-1d", "0d", "2026-11-20", "7d!"}) {
    CAPTURE(text);
    REQUIRE_THAT(refusal(parse_since(text, noon)), Contains("7d, 24h, now"));
  }
}

TEST_CASE("options: 90 days ago, computed when the command was typed, is still accepted") {
  REQUIRE(parse_since(format_rfc3339(noon - 90 * 24h - 30s), noon).has_value());
}

TEST_CASE("options: a lease is a time from 10 s to 5 min, an instance a name") {
  REQUIRE(parse_lease("10s") == Duration(10s));
  REQUIRE(parse_lease("5m") == Duration(5min));
  for (const std::string_view text : {"", "9s", "301s", "20", "0s", "soon"}) {
    CAPTURE(text);
    REQUIRE_THAT(refusal(parse_lease(text)), Contains("10s to 5m"));
  }
  REQUIRE(parse_instance(" okta-1 ") == "okta-1");
  REQUIRE_THAT(refusal(parse_instance("okta 1")), Contains("not a name"));
  REQUIRE_THAT(refusal(parse_instance("")), Contains("not a name"));
}

TEST_CASE("options: the rate share is a number from 0.05 to 1") {
  REQUIRE(parse_rate_share("0.5") == 0.5);
  REQUIRE(parse_rate_share("1") == 1.0);
  REQUIRE(parse_rate_share("0.05") == 0.05);
  for (const std::string_view text :
       {"", "0", "0.049", "1.01", "50%", "50", "nan", "inf", "1e-1", "0,5", "-0.5"}) {
    CAPTURE(text);
    REQUIRE_THAT(refusal(parse_rate_share(text)), Contains("0.05 to 1"));
  }
}

TEST_CASE("options: the admin address is an IP address and a port, or off") {
  const auto address = parse_address("0.0.0.0:9999", "");
  REQUIRE(address.has_value());
  REQUIRE((*address)->host == "0.0.0.0");
  REQUIRE((*address)->port == 9999);
  REQUIRE((*address)->given);
  REQUIRE((*parse_address("[::1]:9810", ""))->host == "[::1]");
  REQUIRE((*parse_address("localhost:0", ""))->host == "127.0.0.1");
  REQUIRE_FALSE(parse_address("off", "").value().has_value());
  for (const std::string_view text :
       {"", "9810", ":9810", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:9810", "example.com:9810",
        "127.0.0.1:98x", "http://127.0.0.1:9810"}) {
    CAPTURE(text);
    REQUIRE_THAT(refusal(parse_address(text, "127.0.0.1:9810")), Contains("127.0.0.1:9810"));
  }
}

TEST_CASE("options: a token is 32 letters, and its error never quotes it") {
  REQUIRE(check_token("abcdefghijklmnopABCDEFGHIJKLMNOP").has_value());
  for (const std::string_view token :
       {"", "SECRETSECRET", "SECRETSECRETSECRETSECRETSECRETSECRET", "SECRETSECRET-SECRETSECRETSECRETS",
        "<<SECRET-SHIPPING-TOKEN>>", "SECRETSECRETSECRETSECRETSECRETSE\n"}) {
    CAPTURE(token);
    REQUIRE_THAT(refusal(check_token(token)), !Contains("SECRET") && Contains("32"));
  }
}

TEST_CASE("options: levels have Logstash's names") {
  for (const Level level :
       {Level::trace, Level::debug, Level::info, Level::warn, Level::error, Level::fatal}) {
    REQUIRE(parse_level(name_of(level)) == level);
  }
  REQUIRE(parse_level("WARN") == Level::warn);
  REQUIRE_FALSE(parse_level("verbose").has_value());
  REQUIRE_FALSE(parse_level("").has_value());
}

TEST_CASE("options: a user is a number or two, and never root") {
  REQUIRE(parse_user("1000")->user == 1000);
  REQUIRE(parse_user("1000")->group == 1000);
  REQUIRE(parse_user(" 1000:4 ")->group == 4);
  for (const std::string_view text :
       {"", "0", "0:0", "1000:", ":1000", "1000:0", "root", "1000:staff", "-1", "4294967295", "1:2:3"}) {
    CAPTURE(text);
    REQUIRE_THAT(refusal(parse_user(text)), Contains("1000:1000"));
  }
}
