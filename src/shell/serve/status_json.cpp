#include "shell/serve/status_json.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/base/limits.hpp"

#include "shell/output/json.hpp"
#include "shell/serve/outcomes.hpp"

namespace logzio_okta {
namespace {

/// How a tenant signs in.
std::string_view auth_of(const TenantReport& tenant) {
  if (!tenant.auth.service_app) return "api key";
  return tenant.auth.dpop ? "oauth dpop" : "oauth";
}

void write(Json& json, const EventCounts& events) {
  for (const auto& [name, count] : event_counts) json.member(std::string(name).c_str(), events.*count);
}

void write(Json& json, const TenantReport& tenant) {
  json.member("domain", tenant.domain);
  json.member("state", name_of(tenant.state));
  json.begin("events");
  write(json, tenant.events);
  json.end();
  json.begin("requests");
  for (const auto& [outcome, count] : request_outcomes) json.member(outcome, tenant.requests.*count);
  json.end();
  json.member("newest_event", tenant.newest_event);
  json.member("last_answer", tenant.last_answer);
  json.member("last_delivery", tenant.last_delivery);
  json.member("behind_seconds", tenant.behind);
  json.member("next_ask_seconds", tenant.next_ask);
  json.member("rate_limit", tenant.rate_limit);
  json.member("rate_remaining", tenant.rate_remaining);
  json.member("rate_spent", tenant.rate_spent);
  json.member("keys", std::uint64_t{tenant.keys});
  json.member("keys_refused", std::uint64_t{tenant.keys_refused});
  json.member("auth", auth_of(tenant));
  json.member("clock_ahead_seconds", tenant.clock_ahead);
  json.member("hostile_links", tenant.hostile_links);
  json.member("gaps", tenant.gaps);
  json.member("held_by", tenant.held_by);
  json.member("recovering", tenant.recovering);
  json.member("flowing", tenant.flowing);
  json.member("last_error", tenant.last_error);
}

void write(Json& json, const DestinationReport& destination) {
  json.member("name", destination.name);
  json.member("listener", destination.listener);
  json.begin_list("tenants");
  for (const std::string& tenant : destination.tenants) json.element(tenant);
  json.end_list();
  json.member("state", destination.state);
  json.member("healthy", destination.healthy);
  for (const auto& [outcome, count] : bulk_outcomes) {
    json.member((std::string("bulks_") + outcome).c_str(), destination.*count);
  }
  json.member("lines_taken", destination.lines_taken);
  json.member("bytes_taken", destination.bytes_taken);
  json.member("waiting", std::uint64_t{destination.waiting});
  json.member("in_flight", std::uint64_t{destination.in_flight});
  json.member("last_taken", destination.last_taken);
  json.member("last_error", destination.last_error);
}

void write(Json& json, const FleetReport& fleet) {
  json.member("read_seconds_ago", fleet.read_ago);
  json.member("may_act_seconds", fleet.may_act);
  json.begin_list("instances");
  for (const InstanceReport& instance : fleet.instances) {
    json.begin();
    json.member("name", instance.name);
    json.member("self", instance.self);
    json.member("lease_left_seconds", instance.lease_left);
    json.begin_list("orgs");
    for (const std::string& org : instance.orgs) json.element(org);
    json.end_list();
    json.end();
  }
  json.end_list();
  json.begin_list("unheld");
  for (const std::string& org : fleet.unheld) json.element(org);
  json.end_list();
}

void write(Json& json, const CopiesReport& copies) {
  json.member("dir", copies.dir);
  json.member("bulks", copies.bulks);
  json.member("bytes", copies.bytes);
  json.member("waiting", std::uint64_t{copies.waiting});
  json.member("last_written", copies.last_written);
  json.member("last_error", copies.last_error);
}

void write(Json& json, const HookReport& hooks) {
  json.member("listening", hooks.listening);
  json.member("received", hooks.received);
  json.member("woken", hooks.woken);
  json.member("spooled", hooks.spooled);
  json.member("verified", hooks.verified);
  json.begin("refused");
  for (std::size_t kind = 0; kind < hook_refusals_count; ++kind) {
    json.member(std::string(name_of(static_cast<HookRefusal>(kind))).c_str(), hooks.refused.at(kind));
  }
  json.end();
  json.member("last_received", hooks.last_received);
  json.begin_list("orgs");
  for (const HookStreamReport& stream : hooks.streams) {
    json.begin();
    json.member("domain", stream.domain);
    json.member("region", stream.region);
    json.begin("events");
    write(json, stream.events);
    json.end();
    json.member("spool_bytes", std::uint64_t{stream.bytes});
    json.member("oldest_in_spool", stream.oldest);
    json.end();
  }
  json.end_list();
}

}  // namespace

std::string status_json(const Report& report) {
  Json json;
  json.begin();
  json.member("version", std::string_view(LOGZIO_OKTA_VERSION));
  json.member("at", report.at);
  json.member("started", report.started);
  json.member("ready", report.ready);
  json.member("not_ready_because", report.not_ready_because);
  json.member("stopping", report.stopping);
  json.member("saving_fails", report.saving_fails);
  json.member("memory_used_bytes", std::uint64_t{report.memory_used});
  json.member("memory_budget_bytes", std::uint64_t{limits::memory_budget});
  json.member("set_aside_bytes", report.set_aside_bytes);
  json.begin("total");
  write(json, report.total);
  json.end();
  json.begin_list("destinations");
  for (const DestinationReport& destination : report.destinations) {
    json.begin();
    write(json, destination);
    json.end();
  }
  json.end_list();
  if (report.copies) {
    json.begin("copies");
    write(json, *report.copies);
    json.end();
  } else {
    json.member("copies", std::optional<WallTime>());  // null
  }
  if (report.fleet) {
    json.begin("replicas");
    write(json, *report.fleet);
    json.end();
  } else {
    json.member("replicas", std::optional<WallTime>());
  }
  json.begin("hooks");
  write(json, report.hooks);
  json.end();
  json.begin_list("tenants");
  for (const TenantReport& tenant : report.tenants) {
    json.begin();
    write(json, tenant);
    json.end();
  }
  json.end_list();
  json.end();
  return json.text();
}

}  // namespace logzio_okta
