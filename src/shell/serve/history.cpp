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
  std::vector<Tenant> tenants;
  for (const TenantReport& each : report.tenants) {
    Tenant tenant{.domain = each.domain, .samples = {}};
    const auto known = std::ranges::find(tenants_, each.domain, &Tenant::domain);
    if (known != tenants_.end()) tenant.samples = std::move(known->samples);
    // A tenant that left and came back counts from the beginning.
    if (!tenant.samples.empty() && tenant.samples.back().delivered > each.events.delivered) {
      tenant.samples.clear();
    }
    tenant.samples.push_back({.at = now, .delivered = each.events.delivered, .behind = each.behind});
    if (tenant.samples.size() > samples_max) tenant.samples.pop_front();
    tenants.push_back(std::move(tenant));
  }
  tenants_ = std::move(tenants);
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
    json.end();
  }
  json.end_list();
  json.end();
  return json.text();
}

}  // namespace logzio_okta
