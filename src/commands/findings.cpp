#include "commands/findings.hpp"

#include <algorithm>
#include <chrono>
#include <ios>
#include <optional>
#include <sstream>
#include <string_view>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/output/json.hpp"
#include "shell/output/text_table.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view yellow = "\x1b[33m";
constexpr std::string_view normal = "\x1b[0m";

std::string number(std::optional<std::int64_t> value) {
  return value ? std::to_string(*value) : "";
}

std::string rate_left(const TenantDiagnosis& tenant) {
  if (!tenant.rate_left || !tenant.rate_limit) return "";
  return std::to_string(*tenant.rate_left) + "/" + std::to_string(*tenant.rate_limit);
}

std::string newest(const TenantDiagnosis& tenant, WallTime at) {
  if (tenant.role != "ok" || tenant.key != "ok" || tenant.http != "ok") return "";
  if (!tenant.newest_event) return "none in " + describe(newest_event_span);
  const WallTime okta_now = at - to_ms(tenant.clock_ahead.value_or(0s));
  return describe(std::max<Duration>(okta_now - *tenant.newest_event, 0s)) + " ago";
}

std::string clock(const TenantDiagnosis& tenant) {
  if (!tenant.clock_ahead) return tenant.clock;
  const Duration ahead = *tenant.clock_ahead;
  const Duration off = ahead < Duration::zero() ? -ahead : ahead;
  if (off < 2s) return "ok";
  return (ahead < Duration::zero() ? "-" : "+") + describe(off);
}

std::string certificate(const Sighting& seen) {
  if (seen.certificate.empty()) return "";
  std::string text = printable(seen.certificate) + " by " + printable(seen.authority);
  if (seen.expires) text += " until " + format_rfc3339(*seen.expires).substr(0, 10);
  return text;
}

std::string tenants_table(const Examination& examination) {
  using enum Align;
  TextTable table({left, left, left, left, left, left, left, left, right, right, right, left});
  table.add({"TENANT", "DNS", "PROXY", "TLS", "HTTP", "KEY", "ROLE", "CLOCK", "RATE LEFT", "OTHERS", "NEWEST",
             "CERTIFICATE"});
  for (const TenantDiagnosis& tenant : examination.tenants) {
    table.add({printable(tenant.domain), tenant.dns, tenant.proxy, tenant.tls, tenant.http, tenant.key,
               tenant.role, clock(tenant), rate_left(tenant), number(tenant.rate_of_others),
               newest(tenant, examination.at), certificate(tenant.sighting)});
  }
  return table.text();
}

std::string listeners_table(const Examination& examination) {
  TextTable table(std::vector<Align>(8, Align::left));
  table.add({"LISTENER", "DNS", "PROXY", "TLS", "HTTP", "TOKEN", "SET BY", "CERTIFICATE"});
  for (const ListenerDiagnosis& listener : examination.listeners) {
    table.add({listener.listener, listener.dns, listener.proxy, listener.tls, listener.http, listener.token,
               listener.set_by, certificate(listener.sighting)});
  }
  return table.text();
}

std::string set_aside_part(const std::optional<SetAsideTotal>& total) {
  if (!total) return {};
  std::string part = "; " + (total->events == 0 ? "nothing" : counted(total->events, "event")) + " set aside";
  if (total->events > 0) {
    part += " (" + describe_bytes(total->bytes) + " of " + describe_bytes(limits::set_aside_bytes_max) +
            "; logzio-okta set-aside list shows them)";
  }
  return part;
}

/// "state in DIR: owned by uid 1000, mode 0700, 12 GiB free; 3 events are set aside (2.1 KiB of 256 MiB)"
std::string state_line(const StateFound& state) {
  std::ostringstream mode;
  mode << std::oct << state.mode;
  std::string line = "state in " + harmless(state.path);
  line += state.exists ? ": owned by uid " + std::to_string(state.owner) + ", mode 0" + mode.str()
                       : " (created at the first start)";
  if (state.free_bytes) line += ", " + describe_bytes(*state.free_bytes) + " free";
  return line + set_aside_part(state.set_aside) + "\n";
}

/// Who follows what is told below.
std::string store_lines(const StoreFound& store) {
  std::string lines = "state in " + harmless(store.place);
  if (store.round_trip) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(*store.round_trip).count();
    lines += ": " + harmless(store.server) + ", " + std::to_string(micros / 1000) + "." +
             std::to_string(micros % 1000 / 100) + " ms away";
  }
  lines += set_aside_part(store.set_aside) + "\n";
  for (const std::string& line : store.fleet) lines += "  " + harmless(line) + "\n";
  return lines;
}

std::string daemon_line(const DaemonFound& daemon) {
  std::string line = "daemon at " + daemon.address + ": " + harmless(daemon.headline);
  if (daemon.woken) line += "; it now retries keys that Okta has refused";
  return line + "\n";
}

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::warning:
      return "warning";
    case Severity::failure:
      return "failure";
    case Severity::misconfigured:
      return "misconfigured";
  }
  return {};
}

std::string finding_line(const Finding& finding, Colour colour) {
  const bool warning = finding.severity == Severity::warning;
  std::string line;
  if (colour == Colour::terminal) line += warning ? yellow : red;
  line += warning ? "WARN  " : "FAIL  ";
  line += harmless(finding.subject) + ": ";
  // Many texts begin with a name of their own; the step shows which cell they explain.
  if (finding.step != finding.subject) line += finding.step + ": ";
  line += harmless(finding.text);
  if (colour == Colour::terminal) line += normal;
  return line + "\n";
}

void write_sighting(Json& json, const Sighting& seen) {
  json.member("address", seen.address);
  json.member("via_proxy", seen.proxy);
  json.member("certificate", seen.certificate);
  json.member("certificate_by", seen.authority);
  json.member("certificate_until", seen.expires);
  json.member("seconds", seen.took);
}

void write_state(Json& json, const StateFound& state, const StoreFound& store) {
  if (store.place.empty()) {
    json.member("state_dir", state.path);
    json.member("state_dir_exists", state.exists);
    json.member("state_dir_owner", std::int64_t{state.owner});
    json.member("state_dir_mode", std::int64_t{state.mode});
    json.member("state_dir_free_bytes", state.free_bytes);
  } else {
    json.member("store", store.place);
    json.member("store_server", store.server);
    if (store.round_trip) json.member("store_seconds", *store.round_trip);
    json.begin_list("replicas");
    for (const std::string& line : store.fleet) json.element(line);
    json.end_list();
  }
  if (const auto& set_aside = store.place.empty() ? state.set_aside : store.set_aside) {
    json.member("set_aside_events", set_aside->events);
    json.member("set_aside_bytes", set_aside->bytes);
  }
}

void write_tenant(Json& json, const TenantDiagnosis& tenant) {
  json.begin();
  json.member("domain", tenant.domain);
  for (const auto& [key, cell] :
       {std::pair{"dns", &tenant.dns}, std::pair{"proxy", &tenant.proxy}, std::pair{"tls", &tenant.tls},
        std::pair{"http", &tenant.http}, std::pair{"key", &tenant.key}, std::pair{"role", &tenant.role},
        std::pair{"clock", &tenant.clock}}) {
    json.member(key, *cell);
  }
  json.member("rate_limit", tenant.rate_limit);
  json.member("rate_remaining", tenant.rate_left);
  json.member("rate_spent_by_others", tenant.rate_of_others);
  json.member("clock_ahead_seconds", tenant.clock_ahead);
  json.member("newest_event", tenant.newest_event);
  write_sighting(json, tenant.sighting);
  json.end();
}

void write_listener(Json& json, const ListenerDiagnosis& listener) {
  json.begin();
  json.member("listener", listener.listener);
  json.member("set_by", listener.set_by);
  for (const auto& [key, cell] :
       {std::pair{"dns", &listener.dns}, std::pair{"proxy", &listener.proxy}, std::pair{"tls", &listener.tls},
        std::pair{"http", &listener.http}, std::pair{"token", &listener.token}}) {
    json.member(key, *cell);
  }
  write_sighting(json, listener.sighting);
  json.end();
}

void write_finding(Json& json, const Finding& finding) {
  json.begin();
  json.member("severity", name_of(finding.severity));
  json.member("subject", finding.subject);
  json.member("step", finding.step);
  json.member("text", finding.text);
  json.end();
}

}  // namespace

std::string examination_text(const Examination& examination, Colour colour, bool strict) {
  std::string out;
  if (!examination.tenants.empty()) out += harmless(tenants_table(examination), "\n") + "\n";
  if (!examination.listeners.empty()) out += harmless(listeners_table(examination), "\n") + "\n";
  if (!examination.state.path.empty()) out += state_line(examination.state);
  if (!examination.store.place.empty()) out += store_lines(examination.store);
  if (!examination.daemon.address.empty()) out += daemon_line(examination.daemon);
  if (!examination.state.path.empty() || !examination.store.place.empty()) out += "\n";
  for (const Finding& finding : examination.findings) out += finding_line(finding, colour);
  const auto bad = std::ranges::count_if(examination.findings, [&](const Finding& finding) {
    return strict || finding.severity != Severity::warning;
  });
  if (bad == 0) return out + "nothing is wrong\n";
  return out + std::to_string(bad) + (bad == 1 ? " thing is wrong\n" : " things are wrong\n");
}

std::string examination_json(const Examination& examination, int exit_code) {
  Json json;
  json.begin();
  json.member("at", examination.at);
  json.member("exit_code", std::int64_t{exit_code});
  write_state(json, examination.state, examination.store);
  json.member("daemon", examination.daemon.headline);
  json.member("daemon_running", examination.daemon.running);
  json.member("daemon_woken", examination.daemon.woken);
  json.begin_list("tenants");
  for (const TenantDiagnosis& tenant : examination.tenants) write_tenant(json, tenant);
  json.end_list();
  json.begin_list("listeners");
  for (const ListenerDiagnosis& listener : examination.listeners) write_listener(json, listener);
  json.end_list();
  json.begin_list("findings");
  for (const Finding& finding : examination.findings) write_finding(json, finding);
  json.end_list();
  json.end();
  return json.text();
}

}  // namespace logzio_okta
