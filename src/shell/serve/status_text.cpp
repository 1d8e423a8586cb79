#include "shell/serve/status_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/output/text_table.hpp"

namespace logzio_okta {
namespace {

/// A server's own text may be quoted in it.
constexpr std::size_t error_bytes = 1000;

std::string known(std::optional<Duration> duration) {
  return duration ? describe(*duration) : "-";
}

std::string ago(std::optional<WallTime> then, WallTime now) {
  return then ? describe(std::max<Duration>(now - *then, 0s)) + " ago" : "-";
}

std::string rate_left(const TenantReport& tenant) {
  if (!tenant.rate_limit || !tenant.rate_remaining) return "-";
  return std::to_string(*tenant.rate_remaining) + "/" + std::to_string(*tenant.rate_limit);
}

std::string keys(const TenantReport& tenant) {
  std::string text = std::to_string(tenant.keys);
  if (tenant.keys_refused > 0) text += ", refused " + std::to_string(tenant.keys_refused);
  if (!tenant.auth.service_app) return text;
  text += tenant.auth.dpop ? ", oauth dpop" : ", oauth";
  return text + (tenant.auth.token_left ? ", token for " + describe(*tenant.auth.token_left) : ", no token");
}

std::string rate(std::optional<double> per_second) {
  if (!per_second) return "-";
  const auto tenths = static_cast<std::int64_t>(std::llround(*per_second * 10));
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string next_poll(const TenantReport& tenant) {
  if (tenant.state == TenantState::held) return "held";
  return tenant.next_ask ? describe(*tenant.next_ask) : "now";
}

/// "standby (okta-2)": who follows it.
std::string state(const TenantReport& tenant) {
  std::string text(name_of(tenant.state));
  return tenant.held_by.empty() ? text : text + " (" + printable(tenant.held_by) + ")";
}

struct Column {
  const char* title;
  Align align;
  int keep;  ///< The lowest goes first where the terminal is narrow.
  std::string (*cell)(const TenantReport& tenant, const Report& report, const History& history);
};

constexpr Column tenant_columns[] = {
    {"TENANT", Align::left, 9,
     [](const TenantReport& t, const Report&, const History&) { return printable(t.domain); }},
    {"STATE", Align::left, 9, [](const TenantReport& t, const Report&, const History&) { return state(t); }},
    {"BEHIND", Align::right, 8,
     [](const TenantReport& t, const Report&, const History&) { return known(t.behind); }},
    {"EVENTS/S", Align::right, 3,
     [](const TenantReport& t, const Report&, const History& history) {
       return rate(history.events_per_second(t.domain));
     }},
    {"LAST EVENT", Align::right, 6,
     [](const TenantReport& t, const Report& report, const History&) {
       const auto age = t.event_age(report.at);
       return age ? describe(*age) + " ago" : std::string("-");
     }},
    {"DELIVERED", Align::right, 7,
     [](const TenantReport& t, const Report&, const History&) { return std::to_string(t.events.delivered); }},
    {"RATE LEFT", Align::right, 1,
     [](const TenantReport& t, const Report&, const History&) { return rate_left(t); }},
    {"NEXT POLL", Align::right, 5,
     [](const TenantReport& t, const Report&, const History&) { return next_poll(t); }},
    {"KEYS", Align::right, 2, [](const TenantReport& t, const Report&, const History&) { return keys(t); }},
};

std::string table_of(const std::vector<Column>& columns, const Report& report, const History& history) {
  std::vector<Align> aligns;
  std::vector<std::string> titles;
  for (const Column& column : columns) {
    aligns.push_back(column.align);
    titles.emplace_back(column.title);
  }
  TextTable table(aligns);
  table.add(std::move(titles));
  for (const TenantReport& tenant : report.tenants) {
    std::vector<std::string> cells;
    for (const Column& column : columns) cells.push_back(column.cell(tenant, report, history));
    table.add(std::move(cells));
  }
  return table.text();
}

std::size_t widest_line(std::string_view text) {
  std::size_t widest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    widest = std::max(widest, end - at);
    at = end + 1;
  }
  return widest;
}

std::string tenants_table(const Report& report, const History& history, std::size_t width) {
  constexpr std::size_t columns_min = 3;
  std::vector<Column> columns(std::begin(tenant_columns), std::end(tenant_columns));
  std::string text = table_of(columns, report, history);
  while (width > 0 && widest_line(text) > width && columns.size() > columns_min) {
    columns.erase(std::ranges::min_element(columns, {}, &Column::keep));
    text = table_of(columns, report, history);
  }
  return text;
}

std::string last_errors(const Report& report) {
  std::string text;
  for (const TenantReport& tenant : report.tenants) {
    if (tenant.last_error.empty()) continue;
    text += printable(tenant.domain) + ": " + printable(tenant.last_error, error_bytes) + "\n";
  }
  return text.empty() ? text : text + "\n";
}

/// Only where the clock is off: the tenant that shows it most.
std::string clock(const Report& report) {
  Duration ahead{};
  for (const TenantReport& tenant : report.tenants) {
    if (tenant.clock_ahead && std::chrono::abs(*tenant.clock_ahead) > std::chrono::abs(ahead))
      ahead = *tenant.clock_ahead;
  }
  if (std::chrono::abs(ahead) <= limits::clock_off_max) return "";
  return "clock: this machine's is " + describe(std::chrono::abs(ahead)) +
         (ahead > 0s ? " ahead of" : " behind") + " Okta's; set it by NTP\n";
}

std::string totals(const EventCounts& total) {
  return "events: " + std::to_string(total.fetched) + " fetched = " + std::to_string(total.delivered) +
         " delivered + " + std::to_string(total.deduplicated) + " deduplicated + " +
         std::to_string(total.set_aside) + " set aside + " + std::to_string(total.in_flight) + " in flight\n";
}

std::string listener(const DestinationReport& destination, bool alone, WallTime at) {
  std::string text = alone ? "listener: "
                           : "account " + printable(destination.name) + " at " + destination.listener + ", " +
                                 counted(destination.tenants.size(), "tenant") + ": ";
  text += printable(destination.state) + ", " + counted(destination.bulks_taken, "bulk") + " taken, last " +
          ago(destination.last_taken, at) + ", " + std::to_string(destination.waiting) + " waiting\n";
  if (!destination.last_error.empty()) text += "  " + printable(destination.last_error) + "\n";
  return text;
}

std::string copies(const CopiesReport& copies, WallTime at) {
  std::string text = "copies: " + counted(copies.bulks, "bulk") + " (" + std::to_string(copies.bytes) +
                     " bytes) in " + printable(copies.dir) + ", last " + ago(copies.last_written, at) + ", " +
                     std::to_string(copies.waiting) + " waiting\n";
  if (!copies.last_error.empty()) text += "  " + printable(copies.last_error, error_bytes) + "\n";
  return text;
}

/// "okta-1 (this one) holds 3 orgs, its lease lasts for 18 s"; each org's holder is in the table.
std::string replicas(const FleetReport& fleet) {
  std::string text = "replicas, as of " + describe(fleet.read_ago) +
                     " ago: " + std::to_string(fleet.instances.size()) + " alive" +
                     (fleet.instances.size() == 1 ? ", so that no other would take over\n" : "\n");
  for (const InstanceReport& each : fleet.instances) {
    text += "  " + printable(each.name) + (each.self ? " (this one)" : "") +
            (each.orgs.empty() ? " stands by" : " holds " + counted(each.orgs.size(), "org")) +
            ", its lease lasts for " + describe(each.lease_left) + "\n";
  }
  if (fleet.unheld.empty()) return text;
  text += "  no replica holds";
  const char* separator = " ";
  for (const std::string& org : fleet.unheld) text += std::exchange(separator, ", ") + printable(org);
  return text + "\n";
}

std::string hooks(const HookReport& hooks, WallTime at) {
  std::uint64_t refused = 0;
  for (const std::uint64_t count : hooks.refused) refused += count;
  std::string text = "event hooks: " + std::to_string(hooks.received) + " received, last " +
                     ago(hooks.last_received, at) + ", " + std::to_string(hooks.woken) + " woke a tenant, " +
                     std::to_string(hooks.spooled) + " spooled, " + std::to_string(refused) + " refused\n";
  for (const HookStreamReport& stream : hooks.streams) {
    text += "  " + printable(stream.domain) + (stream.region.empty() ? "" : " to " + stream.region) + ": " +
            counted(stream.events.delivered, "event") + " delivered, " +
            std::to_string(stream.events.in_flight) + " in the spool (" + std::to_string(stream.bytes) +
            " bytes), the oldest came " + ago(stream.oldest, at) + "\n";
  }
  return text;
}

}  // namespace

std::string headline(const Report& report) {
  if (!report.ready) return "NOT READY: " + printable(report.not_ready_because, error_bytes);
  const std::size_t troubled = report.tenants_in_trouble();
  if (troubled == 0) return "ready";
  std::map<std::string_view, std::size_t> states;
  for (const TenantReport& tenant : report.tenants) {
    if (tenant.in_trouble()) ++states[name_of(tenant.state)];
  }
  const std::size_t all = report.tenants.size();
  std::string text = "ready for " + std::to_string(all - troubled) + " of " + counted(all, "tenant");
  std::string_view separator = ": ";
  for (const auto& [state, count] : states) {
    text += separator;
    text += std::to_string(count) + " " +
            (state == name_of(TenantState::following) ? "without an answer" : std::string(state));
    separator = ", ";
  }
  return text;
}

std::string status_text(const Report& report, const History& history, std::size_t columns,
                        const std::vector<std::string>& refused) {
  std::string out = headline(report);
  if (!refused.empty()) out.append("; ").append(changed_file_refused);
  out += "; running for " + describe(std::max<Duration>(report.at - report.started, 0s));
  if (report.stopping) out += ", stopping";
  out += "\n\n";
  for (const std::string& why : refused)
    out += printable(without_credentials(why), error_bytes) + ". What was read before stays in force\n\n";
  out += tenants_table(report, history, columns) + "\n" + last_errors(report) + totals(report.total) +
         clock(report);
  for (const DestinationReport& destination : report.destinations)
    out += listener(destination, report.destinations.size() == 1, report.at);
  if (report.copies) out += copies(*report.copies, report.at);
  if (report.fleet) out += replicas(*report.fleet);
  if (report.hooks.listening || !report.hooks.streams.empty()) out += hooks(report.hooks, report.at);
  return out;
}

}  // namespace logzio_okta
