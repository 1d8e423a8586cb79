#include "logzio_okta/flow/watch.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

constexpr Duration retention_watch = 1h;

}  // namespace

Watch::Watch(Instant now, ActiveRoster& roster, std::deque<Output>& outputs)
    : roster_(roster),
      outputs_(outputs),
      summary_at_(now + limits::summary_interval),
      retention_at_(now + retention_watch) {}

void Watch::look(Now now) {
  if (now.steady >= summary_at_) {
    summary_at_ = now.steady + limits::summary_interval;
    for (const StreamId stream : roster_.order()) tell_summary(now, roster_.tenants().at(stream));
  }
  if (now.steady >= retention_at_) {
    retention_at_ = now.steady + retention_watch;
    for (auto& [stream, tenant] : roster_.tenants()) tenant.watch_retention(now);
  }
}

Instant Watch::deadline() const {
  return std::min(summary_at_, retention_at_);
}

bool Watch::held(const Tenant& tenant) const {
  const Shipper& shipper = roster_.shipper_of(tenant);
  return saving_fails() || !shipper.healthy() || shipper.waits_for_room(tenant.poller.stream());
}

std::string Watch::why_held(const Tenant& tenant) const {
  if (saving_fails()) return "the state cannot be saved";
  const DestinationReport listener = roster_.shipper_of(tenant).report();
  return listener.last_error.empty() ? listener.state : "Logz.io: " + listener.last_error;
}

void Watch::tell_summary(Now now, Tenant& tenant) {
  if (tenant.on_standby()) return;
  const TenantReport report = tenant.report(now, held(tenant));
  std::string text = std::string(name_of(report.state)) + ": " +
                     std::to_string(report.events.delivered - tenant.delivered_at_summary) +
                     " events delivered in 5 min, " + std::to_string(report.events.delivered) +
                     " since the start";
  if (report.newest_event) text += ", newest from " + format_rfc3339(*report.newest_event);
  if (report.behind && *report.behind > 0s) text += ", " + describe(*report.behind) + " behind";
  const std::string trouble = report.state == TenantState::held ? why_held(tenant) : report.last_error;
  if (!trouble.empty()) text += "; " + trouble;
  tenant.delivered_at_summary = report.events.delivered;
  outputs_.emplace_back(Note{.level = Level::info, .tenant = report.domain, .text = std::move(text)});
}

void Watch::look_for_twins(const Tenant& tenant, const std::vector<EventSlice>& events) {
  const std::string& domain = tenant.poller.domain().name();
  const std::string twin = twins_.brought(domain, events);
  if (twin.empty()) return;
  note(Level::warn, twin + " and " + domain +
                        " are one org, so each event is delivered twice: keep one of the two domains in the "
                        "tenants file, with both keys if there are two");
}

void Watch::watch_clock(Now now, const Tenant& tenant) {
  const auto is_off = [](const Tenant& each) {
    return std::chrono::abs(each.org->offset()) > to_ms(limits::clock_off_max);
  };
  if (is_off(tenant)) {
    const Duration ahead = -tenant.org->offset();
    if (!clock_trouble_.failed(now.steady, ahead > 0s ? "ahead" : "behind")) return;
    note(Level::warn,
         "this machine's clock is " + describe(std::chrono::abs(ahead)) +
             (ahead > 0s ? " ahead of" : " behind") + " Okta's, as " + tenant.poller.domain().name() +
             " shows it: set it by NTP. Nothing is lost, because everything saved is dated by Okta's clock");
    return;
  }
  if (!clock_trouble_.active() || std::ranges::any_of(roster_.tenants() | std::views::values, is_off)) return;
  if (clock_trouble_.healed(now.steady)) note(Level::info, "this machine's clock agrees with Okta's again");
}

void Watch::save_failed(Now now, const SaveFailed& failed) {
  copying_fails_ = failed.copy;
  saving_error_ = (failed.copy ? "the copy cannot be saved: " : "the state cannot be saved: ") + failed.text;
  if (save_trouble_.failed(now.steady, *saving_error_)) {
    note(Level::error, *saving_error_ +
                           ". Nothing more is fetched or delivered until it can; nothing is lost" +
                           save_trouble_.so_far(now.steady));
  }
}

void Watch::saved() {
  saving_error_.reset();
}

void Watch::tell_saving(Now now) {
  if (saving_fails()) return;
  if (const auto lasted = save_trouble_.healed(now.steady))
    note(Level::info,
         (copying_fails_ ? "the copy can be saved again, after " : "the state can be saved again, after ") +
             describe(*lasted));
}

void Watch::note(Level level, std::string text) {
  outputs_.emplace_back(Note{.level = level, .tenant = {}, .text = std::move(text)});
}

}  // namespace logzio_okta
