#include "logzio_okta/flow/once.hpp"

#include <algorithm>
#include <ranges>
#include <string>
#include <utility>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

void give_up_where_stuck(Now now, ActiveRoster& roster, std::deque<Output>& outputs) {
  for (auto& [stream, tenant] : roster.tenants()) {
    if (tenant.gave_up || tenant.taken_over || tenant.poller.finished()) continue;
    const bool stuck = now.steady >= tenant.poller.last_progress() + limits::once_patience;
    if (!tenant.org->all_refused() && !stuck) continue;
    tenant.gave_up = true;
    outputs.emplace_back(Note{.level = Level::error,
                              .tenant = tenant.poller.domain().name(),
                              .text = stuck ? "no progress for 5 minutes; left unfinished"
                                            : "every key is refused; left unfinished"});
  }
}

bool once_done(const ActiveRoster& roster) {
  return std::ranges::all_of(roster.tenants() | std::views::values, [](const Tenant& tenant) {
    return tenant.gave_up || tenant.taken_over || tenant.poller.finished();
  });
}

bool some_gave_up(const ActiveRoster& roster) {
  return std::ranges::any_of(roster.tenants() | std::views::values, &Tenant::gave_up);
}

void tell_once_results(Now now, const ActiveRoster& roster, std::deque<Output>& outputs) {
  for (const auto& [stream, tenant] : roster.tenants()) {
    if (tenant.gave_up || tenant.taken_over) continue;
    const TenantReport report = tenant.poller.report(now);
    std::string text = "caught up: " + std::to_string(report.events.delivered) + " events delivered";
    if (report.events.set_aside > 0) text += ", " + std::to_string(report.events.set_aside) + " set aside";
    outputs.emplace_back(Note{.level = Level::info, .tenant = report.domain, .text = std::move(text)});
  }
}

}  // namespace logzio_okta
