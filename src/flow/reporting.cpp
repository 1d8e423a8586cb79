#include "logzio_okta/flow/reporting.hpp"

#include <algorithm>
#include <string>

namespace logzio_okta {
namespace {

// Past the poll interval; then a tenant without an answer does not flow.
constexpr Duration flow_grace = 50s;
// Likewise, where Okta's rate limit is what keeps it waiting.
constexpr Duration limited_grace = 15min;

bool flows(const TenantReport& tenant, Now now, Duration poll_interval) {
  switch (tenant.state) {
    case TenantState::limited:
      return tenant.last_answer && *tenant.last_answer + to_ms(limited_grace) >= now.wall;
    case TenantState::finished:
      return tenant.last_answer.has_value();
    case TenantState::held:
    case TenantState::following:
      return tenant.last_answer && *tenant.last_answer + to_ms(poll_interval + flow_grace) >= now.wall;
    case TenantState::opening:
    case TenantState::backing_off:
    case TenantState::refused:
    case TenantState::standby:
    case TenantState::stopped:
      return false;
  }
  return false;
}

std::string listener_does_not_take(const Report& report) {
  std::string text = "the listener does not take";
  if (report.destinations.empty()) return text;
  const DestinationReport& first = report.destinations.front();
  text += ": " + first.state;
  if (!first.last_error.empty()) text += " (" + first.last_error + ")";
  return text;
}

std::string no_tenant_flows(const Report& report) {
  const auto telling =
      std::ranges::find_if_not(report.tenants, &std::string::empty, &TenantReport::last_error);
  if (telling == report.tenants.end()) return "no tenant flows";
  return "no tenant flows; " + telling->domain + ": " + telling->last_error;
}

/// Others work; as soon as they do not, we do.
bool all_on_standby(const Report& report) {
  const auto on_standby = [](const TenantReport& each) { return each.state == TenantState::standby; };
  return !report.tenants.empty() && std::ranges::all_of(report.tenants, on_standby);
}

}  // namespace

Report draw_report(Now now, const Core& core) {
  Report report;
  report.at = now.wall;
  report.started = by_clock(now, core.started);
  report.total = core.roster.retired_counts();
  bool flowing = false;
  for (const StreamId stream : core.roster.order()) {
    const Tenant& tenant = core.roster.tenants().at(stream);
    TenantReport& each = report.tenants.emplace_back(tenant.report(now, core.watch.held(tenant)));
    each.flowing = flows(each, now, core.policy.poll_interval);
    flowing = flowing || each.flowing;
    const Shipper& shipper = core.roster.shipper_of(tenant);
    if (!shipper.healthy()) each.flowing = false;
    // An earlier error is not why it is held; the headline or its destination gives the reason.
    if (each.state == TenantState::held) each.last_error.clear();
    if (each.last_error.empty() && shipper.waits_for_room(stream))
      each.last_error = "its share of the room for events set aside is full";
  }
  for (const auto& [stream, tenant] : core.roster.tenants()) report.total += tenant.poller.report(now).events;
  bool takes = false;
  for (const auto& [id, shipper] : core.roster.shippers()) {
    DestinationReport& destination = report.destinations.emplace_back(shipper.report());
    destination.tenants = core.roster.served_by(id);
    takes = takes || (destination.healthy && !destination.tenants.empty());
  }
  report.hooks = core.hooks.report();
  report.hooks.listening = core.listening;
  report.total += core.hooks.lost_counts();
  for (const HookStreamReport& stream : report.hooks.streams) report.total += stream.events;
  report.memory_used = core.memory.used();
  report.set_aside_bytes = core.roster.share().set_aside_bytes;
  report.saving_fails = core.watch.saving_fails();
  report.stopping = core.stopping;
  if (report.stopping) {
    report.not_ready_because = "stopping";
  } else if (report.saving_fails) {
    report.not_ready_because = core.watch.saving_error();
  } else if (!takes) {
    report.not_ready_because = listener_does_not_take(report);
  } else if (!flowing && !all_on_standby(report)) {
    report.not_ready_because = no_tenant_flows(report);
  }
  report.ready = report.not_ready_because.empty();
  return report;
}

}  // namespace logzio_okta
