#include "shell/serve/history.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "shell/output/json.hpp"

namespace logzio_okta {
namespace {

constexpr Duration rate_span = 60s;

}  // namespace

void History::sample(Instant now, const Report& report) {
  due_ = now + interval;
  FleetSample since_last;
  std::vector<Tenant> tenants;
  for (const TenantReport& each : report.tenants) {
    Tenant tenant{.domain = each.domain};
    const auto known = std::ranges::find(tenants_, each.domain, &Tenant::domain);
    if (known != tenants_.end()) tenant = std::move(*known);
    since_last.delivered += extend(tenant, now, report.at, each);
    since_last.behind = std::max(since_last.behind, each.behind);
    tenants.push_back(std::move(tenant));
  }
  tenants_ = std::move(tenants);
  extend_fleet(now, since_last);
}

std::uint64_t History::extend(Tenant& tenant, Instant now, WallTime at, const TenantReport& report) {
  std::deque<Sample>& samples = tenant.samples;
  const std::uint64_t delivered = report.events.delivered;
  // A tenant that left and came back counts from the beginning.
  if (!samples.empty() && samples.back().delivered > delivered) samples.clear();
  const std::uint64_t before = samples.empty() ? delivered : samples.back().delivered;
  samples.push_back(
      {.at = now, .delivered = delivered, .behind = report.behind, .rate_remaining = report.rate_remaining});
  if (samples.size() > samples_max) samples.pop_front();
  const bool in_error = !report.last_error.empty();
  if (in_error && (!tenant.in_error || tenant.errors.back().text != report.last_error)) {
    tenant.errors.push_back({.at = at, .text = report.last_error});
    if (tenant.errors.size() > errors_max) tenant.errors.pop_front();
  }
  tenant.in_error = in_error;
  return delivered - before;
}

void History::extend_fleet(Instant now, const FleetSample& since_last) {
  minute_.delivered += since_last.delivered;
  minute_.behind = std::max(minute_.behind, since_last.behind);
  if (now < minute_ends_) return;
  fleet_.push_back(std::exchange(minute_, {}));
  if (fleet_.size() > fleet_samples_max) fleet_.pop_front();
  minute_ends_ = now + fleet_interval;
}

std::optional<double> History::events_per_second(std::string_view domain) const {
  const auto tenant = std::ranges::find(tenants_, domain, &Tenant::domain);
  if (tenant == tenants_.end() || tenant->samples.size() < 2) return std::nullopt;
  const Sample& last = tenant->samples.back();
  const auto first = std::ranges::find_if(
      tenant->samples, [&](const Sample& sample) { return last.at - sample.at <= rate_span; });
  if (first->at == last.at) return std::nullopt;
  return static_cast<double>(last.delivered - first->delivered) /
         std::chrono::duration<double>(last.at - first->at).count();
}

std::string History::json() const {
  Json json;
  json.begin();
  json.member("interval_seconds", interval);
  json.begin_list("tenants");
  for (const Tenant& tenant : tenants_) {
    json.begin();
    json.member("domain", tenant.domain);
    json.begin_list("delivered");
    for (std::size_t i = 1; i < tenant.samples.size(); ++i) {
      json.element(tenant.samples[i].delivered - tenant.samples[i - 1].delivered);
    }
    json.end_list();
    json.begin_list("behind_seconds");
    for (std::size_t i = 1; i < tenant.samples.size(); ++i) json.element(tenant.samples[i].behind);
    json.end_list();
    json.begin_list("rate_remaining");
    for (std::size_t i = 1; i < tenant.samples.size(); ++i) json.element(tenant.samples[i].rate_remaining);
    json.end_list();
    json.begin_list("errors");
    for (const Error& error : tenant.errors) {
      json.begin();
      json.member("at", error.at);
      json.member("text", error.text);
      json.end();
    }
    json.end_list();
    json.end();
  }
  json.end_list();
  json.begin("fleet");
  json.member("interval_seconds", fleet_interval);
  json.begin_list("delivered");
  for (const FleetSample& sample : fleet_) json.element(sample.delivered);
  json.end_list();
  json.begin_list("behind_seconds");
  for (const FleetSample& sample : fleet_) json.element(sample.behind);
  json.end_list();
  json.end();
  json.end();
  return json.text();
}

}  // namespace logzio_okta
