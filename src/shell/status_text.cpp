#include "shell/status_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "logzio_okta/base/text.hpp"

#include "shell/text_table.hpp"

namespace logzio_okta {
namespace {

/// "[acme] this" and "that" as they stand: the texts are ours, but may quote what a server said.
constexpr std::size_t error_columns = 80;

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
  if (tenant.keys_refused == 0) return std::to_string(tenant.keys);
  return std::to_string(tenant.keys) + ", refused " + std::to_string(tenant.keys_refused);
}

std::string rate(std::optional<double> per_second) {
  if (!per_second) return "-";
  const auto tenths = static_cast<std::int64_t>(std::llround(*per_second * 10));
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string next_poll(const TenantReport& tenant) {
  if (tenant.state == TenantState::held) return "when saved";
  return tenant.next_ask ? describe(*tenant.next_ask) : "now";
}

std::string tenants_table(const Report& report, const History& history) {
  using enum Align;
  TextTable table({left, left, right, right, right, right, right, right, right, left});
  table.add({"TENANT", "STATE", "BEHIND", "EVENTS/S", "LAST EVENT", "DELIVERED", "RATE LEFT", "NEXT POLL",
             "KEYS", "LAST ERROR"});
  for (const TenantReport& tenant : report.tenants) {
    table.add({printable(tenant.domain), std::string(name_of(tenant.state)), known(tenant.behind),
               rate(history.events_per_second(tenant.domain)), ago(tenant.newest_event, report.at),
               std::to_string(tenant.events.delivered), rate_left(tenant), next_poll(tenant), keys(tenant),
               printable(tenant.last_error, error_columns)});
  }
  return table.text();
}

std::string totals(const EventCounts& total) {
  return "events: " + std::to_string(total.fetched) + " fetched = " + std::to_string(total.delivered) +
         " delivered + " + std::to_string(total.deduplicated) + " deduplicated + " +
         std::to_string(total.set_aside) + " set aside + " + std::to_string(total.in_flight) + " in flight\n";
}

std::string listener(const DestinationReport& destination, bool alone, WallTime at) {
  std::string text = alone ? "listener: "
                           : "listener " + std::to_string(destination.number) + ", " + destination.listener +
                                 ", " + counted(destination.tenants.size(), "tenant") + ": ";
  text += printable(destination.state) + ", " + counted(destination.bulks_taken, "bulk") + " taken, last " +
          ago(destination.last_taken, at) + ", " + std::to_string(destination.waiting) + " waiting\n";
  if (!destination.last_error.empty()) text += "  " + printable(destination.last_error) + "\n";
  return text;
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

std::string status_text(const Report& report, const History& history) {
  std::string out = report.ready ? "ready" : "NOT READY: " + printable(report.not_ready_because);
  out += ", running for " + describe(std::max<Duration>(report.at - report.started, 0s));
  if (report.stopping) out += ", stopping";
  out += "\n\n" + tenants_table(report, history) + "\n" + totals(report.total);
  for (const DestinationReport& destination : report.destinations)
    out += listener(destination, report.destinations.size() == 1, report.at);
  if (report.hooks.listening || !report.hooks.streams.empty()) out += hooks(report.hooks, report.at);
  return out;
}

}  // namespace logzio_okta
