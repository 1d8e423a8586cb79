#include "shell/settings/readings.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/logzio/endpoint.hpp"

#include "shell/settings/store_url.hpp"

namespace logzio_okta {
namespace {

Result<void> keep(std::optional<std::string>& place, const OptionValue& value) {
  place = value.text;
  return {};
}

template <class T>
Result<void> assign(T& place, Result<T> value) {
  if (!value) return std::unexpected(std::move(value.error()));
  place = std::move(*value);
  return {};
}

Result<void> keep_store(Options& options, const OptionValue& value, WallTime /*now*/) {
  const Result<void> good = check_store_url(value.text);
  if (!good) return good;
  return keep(options.store, value);
}

Result<void> take_listener(Options& options, const OptionValue& value, WallTime /*now*/) {
  options.listener_from = value.from;
  return assign(options.listener, Endpoint::parse(value.text));
}

Result<Duration> parse_poll_interval(std::string_view text) {
  constexpr Duration poll_interval_max = 1h;
  Result<Duration> interval = parse_duration(text);
  if (interval && *interval > poll_interval_max)
    return fail(ascii::quote(text) + " is too long; write 1h or less");
  return interval;
}

Result<void> take_level(Options& options, const OptionValue& value, WallTime /*now*/) {
  const std::optional<Level> level = parse_level(value.text);
  const std::string wrong =
      ascii::quote(value.text) + " is not a level; write trace, debug, info, warn, error or fatal";
  if (level) {
    options.level = *level;
  } else if (value.of_flag) {
    return fail(wrong);
  } else {
    options.warnings.push_back(value.from + ": " + wrong + "; info is used");  // As the old image did.
  }
  return {};
}

Result<void> take_format(Options& options, const OptionValue& value, WallTime /*now*/) {
  const std::string word = ascii::lower(ascii::trim(value.text));
  if (word != "text" && word != "json")
    return fail(ascii::quote(value.text) + " is not a format; write text or json");
  options.format = word == "json" ? LogFormat::json : LogFormat::text;
  return {};
}

struct Reading {
  std::string_view flag;
  Result<void> (*take)(Options& options, const OptionValue& value, WallTime now);
};

/// One for each row of option_table() that has a value.
constexpr Reading readings[] = {
    {"tenants", [](auto& o, auto& v, auto) { return keep(o.tenants, v); }},
    {"token-file", [](auto& o, auto& v, auto) { return keep(o.token_file, v); }},
    {"state-dir", [](auto& o, auto& v, auto) { return keep(o.state_dir, v); }},
    {"store", keep_store},
    {"instance", [](auto& o, auto& v, auto) { return assign(o.instance.emplace(), parse_instance(v.text)); }},
    {"lease", [](auto& o, auto& v, auto) { return assign(o.lease, parse_lease(v.text)); }},
    {"copy-to", [](auto& o, auto& v, auto) { return keep(o.copy_to, v); }},
    {"ca-file", [](auto& o, auto& v, auto) { return keep(o.ca_file, v); }},
    {"listener", take_listener},
    {"since", [](auto& o, auto& v, auto now) { return assign(o.policy.since, parse_since(v.text, now)); }},
    {"poll-interval",
     [](auto& o, auto& v, auto) { return assign(o.policy.poll_interval, parse_poll_interval(v.text)); }},
    {"rate-share",
     [](auto& o, auto& v, auto) { return assign(o.policy.rate_share, parse_rate_share(v.text)); }},
    {"admin",
     [](auto& o, auto& v, auto) { return assign(o.admin, parse_address(v.text, "127.0.0.1:9810")); }},
    {"admin-hosts", [](auto& o, auto& v, auto) { return assign(o.admin_hosts, parse_hosts(v.text)); }},
    {"hooks", [](auto& o, auto& v, auto) { return assign(o.hooks, parse_address(v.text, "0.0.0.0:8443")); }},
    {"hooks-cert", [](auto& o, auto& v, auto) { return keep(o.hooks_cert, v); }},
    {"hooks-key", [](auto& o, auto& v, auto) { return keep(o.hooks_key, v); }},
    {"hooks-orgs", [](auto& o, auto& v, auto) { return assign(o.hooks_orgs, parse_orgs(v.text)); }},
    {"hooks-proxies", [](auto& o, auto& v, auto) { return assign(o.hooks_proxies, parse_proxies(v.text)); }},
    {"hooks-regions",
     [](auto& o, auto& v, auto) { return assign(o.hooks_regions.emplace(), parse_regions(v.text)); }},
    {"hooks-secrets", [](auto& o, auto& v, auto) { return keep(o.hooks_secrets, v); }},
    {"user", [](auto& o, auto& v, auto) { return assign(o.user.emplace(), parse_user(v.text)); }},
    {"log-level", take_level},
    {"log-format", take_format},
};

}  // namespace

Result<void> take_value(Options& options, std::string_view flag, const OptionValue& value, WallTime now) {
  // Another word for the level is a warning, as in the old image.
  if (!value.of_flag && is_quoted(value.text) && flag != "log-level") {
    return fail("it has quotes around it, which docker's --env-file keeps; write the value without them");
  }
  const auto* const reading = std::ranges::find(readings, flag, &Reading::flag);
  CHECK(reading != std::end(readings));
  return reading->take(options, value, now);
}

}  // namespace logzio_okta
