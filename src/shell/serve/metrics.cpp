#include "shell/serve/metrics.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "logzio_okta/base/limits.hpp"

#include "shell/serve/outcomes.hpp"

namespace logzio_okta {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<prometheus::ClientMetric::Label>;
using Value = std::optional<double>;

constexpr std::array tenant_states = {TenantState::opening, TenantState::following,   TenantState::limited,
                                      TenantState::held,    TenantState::backing_off, TenantState::refused,
                                      TenantState::standby, TenantState::finished,    TenantState::stopped};

template <class Number>
Value value_of(Number number) {
  return static_cast<double>(number);
}
template <class Number>
Value value_of(std::optional<Number> number) {
  return number ? value_of(*number) : std::nullopt;
}
Value value_of(std::optional<Duration> duration) {
  return duration ? Value(std::chrono::duration<double>(*duration).count()) : std::nullopt;
}

double seconds_of(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

/// Never negative: a clock set back, or Okta's ahead of ours, is no age.
Value age(std::optional<WallTime> then, WallTime now) {
  return then ? Value(std::max(0.0, seconds_of(now) - seconds_of(*then))) : std::nullopt;
}

struct TenantMetric {
  const char* name;
  const char* help;
  MetricType type;
  Value (*value)(const TenantReport& tenant, WallTime now);
};

constexpr TenantMetric tenant_metrics[] = {
    {"logzio_okta_events_fetched_total", "Events read from Okta.", MetricType::Counter,
     [](const TenantReport& t, WallTime) { return value_of(t.events.fetched); }},
    {"logzio_okta_events_in_flight", "Events fetched and not settled yet.", MetricType::Gauge,
     [](const TenantReport& t, WallTime) { return value_of(t.events.in_flight); }},
    {"logzio_okta_events_marked_total", "Delivered events marked possible_duplicate.", MetricType::Counter,
     [](const TenantReport& t, WallTime) { return value_of(t.events.marked); }},
    {"logzio_okta_events_reduced_total", "Delivered events that went out reduced and are whole on disk.",
     MetricType::Counter, [](const TenantReport& t, WallTime) { return value_of(t.events.reduced); }},
    {"logzio_okta_events_flattened_total", "Fetched events that Logz.io will flatten after taking them.",
     MetricType::Counter, [](const TenantReport& t, WallTime) { return value_of(t.events.flattened); }},
    {"logzio_okta_last_event_age_seconds", "Time since the newest settled event was published.",
     MetricType::Gauge, [](const TenantReport& t, WallTime now) { return value_of(t.event_age(now)); }},
    {"logzio_okta_last_answer_age_seconds", "Time since Okta last gave a usable answer.", MetricType::Gauge,
     [](const TenantReport& t, WallTime now) { return age(t.last_answer, now); }},
    {"logzio_okta_last_delivery_age_seconds", "Time since events were last settled.", MetricType::Gauge,
     [](const TenantReport& t, WallTime now) { return age(t.last_delivery, now); }},
    {"logzio_okta_behind_seconds", "How far delivery is behind Okta's log (estimate; 0 at the tail).",
     MetricType::Gauge, [](const TenantReport& t, WallTime) { return value_of(t.behind); }},
    {"logzio_okta_next_ask_seconds", "Time until Okta is asked again.", MetricType::Gauge,
     [](const TenantReport& t, WallTime) { return value_of(t.next_ask); }},
    {"logzio_okta_rate_limit_requests", "Okta's limit per window, as last reported.", MetricType::Gauge,
     [](const TenantReport& t, WallTime) { return value_of(t.rate_limit); }},
    {"logzio_okta_rate_remaining_requests", "Requests left in Okta's window, as last reported.",
     MetricType::Gauge, [](const TenantReport& t, WallTime) { return value_of(t.rate_remaining); }},
    {"logzio_okta_rate_spent_requests", "Our requests in this window, over all keys.", MetricType::Gauge,
     [](const TenantReport& t, WallTime) { return value_of(t.rate_spent); }},
    {"logzio_okta_keys", "API keys of the tenant.", MetricType::Gauge,
     [](const TenantReport& t, WallTime) { return value_of(t.keys); }},
    {"logzio_okta_tokens_granted_total", "Access tokens that Okta granted to the tenant's service apps.",
     MetricType::Counter,
     [](const TenantReport& t, WallTime) { return t.auth.service_app ? value_of(t.auth.mints) : Value(); }},
    {"logzio_okta_token_seconds", "How long the access token in use is still valid.", MetricType::Gauge,
     [](const TenantReport& t, WallTime) {
       return t.auth.service_app ? value_of(std::optional<Duration>(t.auth.token_left.value_or(Duration(0))))
                                 : Value();
     }},
    {"logzio_okta_keys_refused", "API keys that Okta refuses.", MetricType::Gauge,
     [](const TenantReport& t, WallTime) { return value_of(t.keys_refused); }},
    {"logzio_okta_clock_ahead_seconds", "This machine's clock minus Okta's; 0 when they agree.",
     MetricType::Gauge, [](const TenantReport& t, WallTime) { return value_of(t.clock_ahead); }},
    {"logzio_okta_hostile_links_total", "Next links that would have left the org; none was followed.",
     MetricType::Counter, [](const TenantReport& t, WallTime) { return value_of(t.hostile_links); }},
    {"logzio_okta_gaps_total", "Spans of the log that expired in Okta before they were read.",
     MetricType::Counter, [](const TenantReport& t, WallTime) { return value_of(t.gaps); }},
    {"logzio_okta_tenant_flowing", "1 while Okta answers and the listener takes what it brings.",
     MetricType::Gauge, [](const TenantReport& t, WallTime) { return value_of(t.flowing); }},
    {"logzio_okta_recovering", "1 while the tenant asks again from its watermark.", MetricType::Gauge,
     [](const TenantReport& t, WallTime) { return value_of(t.recovering); }},
};

struct OutcomeOf {
  const char* outcome;
  std::uint64_t EventCounts::* count;
};
constexpr OutcomeOf event_outcomes[] = {
    {"delivered", &EventCounts::delivered},
    {"deduplicated", &EventCounts::deduplicated},
    {"set_aside", &EventCounts::set_aside},
};

MetricFamily family(const char* name, const char* help, MetricType type) {
  MetricFamily made;
  made.name = name;
  made.help = help;
  made.type = type;
  return made;
}

void add(MetricFamily& to, Value value, Labels labels = {}) {
  if (!value) return;
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  (to.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = *value;
  to.metric.push_back(std::move(metric));
}

class Families {
 public:
  MetricFamily& open(const char* name, const char* help, MetricType type) {
    return families_.emplace_back(family(name, help, type));
  }
  void gauge(const char* name, const char* help, Value value) {
    add(open(name, help, MetricType::Gauge), value);
  }
  void counter(const char* name, const char* help, Value value) {
    add(open(name, help, MetricType::Counter), value);
  }
  [[nodiscard]] std::string text() {
    // A family without a value would be a HELP and a TYPE of nothing.
    std::erase_if(families_, [](const MetricFamily& one) { return one.metric.empty(); });
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return std::move(out).str();
  }

 private:
  std::vector<MetricFamily> families_;
};

void add_tenants(Families& families, const Report& report) {
  for (const TenantMetric& metric : tenant_metrics) {
    MetricFamily& to = families.open(metric.name, metric.help, metric.type);
    for (const TenantReport& tenant : report.tenants) {
      add(to, metric.value(tenant, report.at), {{"tenant", tenant.domain}});
    }
  }
  MetricFamily& settled =
      families.open("logzio_okta_events_settled_total", "Settled events by outcome.", MetricType::Counter);
  for (const TenantReport& tenant : report.tenants) {
    for (const auto& [outcome, count] : event_outcomes) {
      add(settled, value_of(tenant.events.*count), {{"tenant", tenant.domain}, {"outcome", outcome}});
    }
  }
  MetricFamily& requests =
      families.open("logzio_okta_requests_total", "Requests to Okta by outcome.", MetricType::Counter);
  for (const TenantReport& tenant : report.tenants) {
    for (const auto& [outcome, count] : request_outcomes) {
      add(requests, value_of(tenant.requests.*count), {{"tenant", tenant.domain}, {"outcome", outcome}});
    }
  }
  MetricFamily& refused =
      families.open("logzio_okta_tokens_refused_total", "Access tokens that Okta did not grant, by reason.",
                    MetricType::Counter);
  for (const TenantReport& tenant : report.tenants) {
    for (std::size_t i = 0; i < token_troubles_count && tenant.auth.service_app; ++i) {
      add(refused, value_of(tenant.auth.mints_refused[i]),
          {{"tenant", tenant.domain}, {"reason", std::string(name_of(static_cast<TokenTrouble>(i)))}});
    }
  }
  MetricFamily& states =
      families.open("logzio_okta_tenant_state", "1 for the state the tenant is in.", MetricType::Gauge);
  for (const TenantReport& tenant : report.tenants) {
    for (const TenantState state : tenant_states) {
      add(states, value_of(tenant.state == state),
          {{"tenant", tenant.domain}, {"state", std::string(name_of(state))}});
    }
  }
}

struct DestinationMetric {
  const char* name;
  const char* help;
  MetricType type;
  Value (*value)(const DestinationReport& destination, WallTime now);
};

constexpr DestinationMetric destination_metrics[] = {
    {"logzio_okta_lines_taken_total", "Lines the listener took.", MetricType::Counter,
     [](const DestinationReport& d, WallTime) { return value_of(d.lines_taken); }},
    {"logzio_okta_sent_bytes_total", "Compressed bytes of the bulks the listener took.", MetricType::Counter,
     [](const DestinationReport& d, WallTime) { return value_of(d.bytes_taken); }},
    {"logzio_okta_bulks_waiting", "Bulks not settled, the open one included.", MetricType::Gauge,
     [](const DestinationReport& d, WallTime) { return value_of(d.waiting); }},
    {"logzio_okta_bulks_in_flight", "Bulks sent and not answered.", MetricType::Gauge,
     [](const DestinationReport& d, WallTime) { return value_of(d.in_flight); }},
    {"logzio_okta_destination_healthy", "1 while the listener takes what it is sent.", MetricType::Gauge,
     [](const DestinationReport& d, WallTime) { return value_of(d.healthy); }},
    {"logzio_okta_destination_tenants", "Tenants whose events go there.", MetricType::Gauge,
     [](const DestinationReport& d, WallTime) { return value_of(d.tenants.size()); }},
    {"logzio_okta_last_taken_age_seconds", "Time since the listener last took a bulk.", MetricType::Gauge,
     [](const DestinationReport& d, WallTime now) { return age(d.last_taken, now); }},
};

Labels labels_of(const DestinationReport& destination) {
  return {{"listener", destination.listener}, {"destination", destination.name}};
}

void add_destinations(Families& families, const Report& report) {
  MetricFamily& bulks = families.open("logzio_okta_bulks_total", "Bulks by outcome.", MetricType::Counter);
  for (const DestinationReport& destination : report.destinations) {
    for (const auto& [outcome, count] : bulk_outcomes) {
      Labels labels = labels_of(destination);
      labels.push_back({"outcome", outcome});
      add(bulks, value_of(destination.*count), std::move(labels));
    }
  }
  for (const DestinationMetric& metric : destination_metrics) {
    MetricFamily& to = families.open(metric.name, metric.help, metric.type);
    for (const DestinationReport& destination : report.destinations) {
      add(to, metric.value(destination, report.at), labels_of(destination));
    }
  }
}

void add_daemon(Families& families, const Report& report, const ProcessFacts& process) {
  MetricFamily& build =
      families.open("logzio_okta_build_info", "Always 1; the labels say what runs.", MetricType::Gauge);
  add(build, 1.0, {{"version", LOGZIO_OKTA_VERSION}});
  families.gauge("logzio_okta_ready",
                 "1 while at least one tenant flows, the listener takes and saves succeed.",
                 value_of(report.ready));
  families.gauge("logzio_okta_tenants", "Tenants being followed.", value_of(report.tenants.size()));
  families.gauge("logzio_okta_stopping", "1 once the daemon was told to stop.", value_of(report.stopping));
  families.gauge("logzio_okta_saving_fails", "1 while the state, or the copy of --copy-to, cannot be saved.",
                 value_of(report.saving_fails));
  families.gauge("logzio_okta_memory_used_bytes",
                 "Bytes of the memory budget in use: answers on their way, bulks waiting.",
                 value_of(report.memory_used));
  families.gauge("logzio_okta_memory_budget_bytes", "Beyond this, nothing more is requested.",
                 value_of(limits::memory_budget));
  families.gauge("logzio_okta_set_aside_bytes",
                 "Bytes kept on disk of events that could not be delivered, or only reduced.",
                 value_of(report.set_aside_bytes));
  families.gauge("logzio_okta_set_aside_budget_bytes", "Beyond this, delivery is held.",
                 value_of(limits::set_aside_bytes_max));
  MetricFamily& reloads = families.open(
      "logzio_okta_reloads_total", "Times a file of the configuration was read again.", MetricType::Counter);
  add(reloads, value_of(process.reloads_taken), {{"outcome", "taken"}});
  add(reloads, value_of(process.reloads_refused), {{"outcome", "refused"}});
  families.gauge("logzio_okta_last_reload_refused",
                 "1 while the tenants or token file on disk cannot be used.",
                 value_of(!process.refused.empty()));
  families.counter("logzio_okta_log_lines_dropped_total",
                   "Log lines dropped because stderr did not take them.",
                   value_of(process.log_lines_dropped));
}

/// Absent where no copies are kept.
void add_copies(Families& families, const Report& report) {
  if (!report.copies) return;
  const CopiesReport& copies = *report.copies;
  families.counter("logzio_okta_copied_bulks_total", "Bulks whose copy is on disk.", value_of(copies.bulks));
  families.counter("logzio_okta_copied_bytes_total", "Compressed bytes of these copies.",
                   value_of(copies.bytes));
  families.gauge("logzio_okta_copies_waiting", "Bulks taken whose copy is not on disk yet.",
                 value_of(copies.waiting));
  families.gauge("logzio_okta_copying_fails", "1 while the copy cannot be written; delivery waits for it.",
                 value_of(!copies.last_error.empty()));
}

/// Absent where no store is shared, and before the database has answered.
void add_fleet(Families& families, const Report& report) {
  if (!report.fleet) return;
  const FleetReport& fleet = *report.fleet;
  families.gauge("logzio_okta_instances", "Live replicas that share the database, this one included.",
                 value_of(fleet.instances.size()));
  families.gauge("logzio_okta_orgs_held", "Orgs that this replica holds.", value_of(fleet.held_by_us()));
  families.gauge("logzio_okta_orgs_unheld", "Orgs that no live replica holds, though one would follow them.",
                 value_of(fleet.unheld.size()));
  families.gauge("logzio_okta_lease_left_seconds",
                 "How long this replica may ask and send without an answer from the database.",
                 value_of(std::optional(fleet.may_act)));
}

void add_spool(Families& families, const HookReport& hooks, WallTime now) {
  const auto labels = [](const HookStreamReport& stream) {
    return Labels{{"org", stream.domain}, {"region", stream.region}};
  };
  MetricFamily& bytes = families.open("logzio_okta_hook_spool_bytes",
                                      "Bytes of deliveries on disk that are not settled.", MetricType::Gauge);
  for (const HookStreamReport& stream : hooks.streams) add(bytes, value_of(stream.bytes), labels(stream));
  MetricFamily& oldest = families.open("logzio_okta_hook_spool_oldest_seconds",
                                       "Time since the oldest of them arrived.", MetricType::Gauge);
  for (const HookStreamReport& stream : hooks.streams) {
    add(oldest, age(stream.oldest.value_or(now), now), labels(stream));  // 0 if nothing waits.
  }
  MetricFamily& events = families.open("logzio_okta_hook_events_total",
                                       "Events of spooled deliveries by outcome.", MetricType::Counter);
  for (const HookStreamReport& stream : hooks.streams) {
    for (const auto& [outcome, count] : event_outcomes) {
      Labels with_outcome = labels(stream);
      with_outcome.push_back({"outcome", outcome});
      add(events, value_of(stream.events.*count), std::move(with_outcome));
    }
  }
}

/// Absent where no event hook is listened for.
void add_hooks(Families& families, const HookReport& hooks, WallTime now) {
  if (!hooks.listening) return;
  families.counter("logzio_okta_hook_deliveries_total", "Accepted deliveries of event hooks.",
                   value_of(hooks.received));
  families.counter("logzio_okta_hook_deliveries_woken_total",
                   "Deliveries that made the daemon ask their org at once.", value_of(hooks.woken));
  families.counter("logzio_okta_hook_verifications_total", "Okta's verifications of the event hook.",
                   value_of(hooks.verified));
  families.counter("logzio_okta_hook_deliveries_spooled_total",
                   "Deliveries whose events were spooled on disk, to be shipped.", value_of(hooks.spooled));
  MetricFamily& refused =
      families.open("logzio_okta_hook_refused_total", "Refused requests to the event hook, by reason.",
                    MetricType::Counter);
  for (std::size_t kind = 0; kind < hook_refusals_count; ++kind) {
    add(refused, value_of(hooks.refused.at(kind)),
        {{"reason", std::string(name_of(static_cast<HookRefusal>(kind)))}});
  }
  add_spool(families, hooks, now);
  families.gauge("logzio_okta_hook_last_delivery_age_seconds", "Time since the last accepted delivery.",
                 age(hooks.last_received, now));
}

/// As Prometheus has it, each bucket counts those below it too.
void add_turns(Families& families, const TurnTimes& turns) {
  MetricFamily& to = families.open("logzio_okta_loop_turn_seconds",
                                   "What the loop does between two waits; meanwhile everything else waits.",
                                   MetricType::Histogram);
  prometheus::ClientMetric metric;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < turns.counts.size(); ++i) {
    count += turns.counts.at(i);
    const double bound = i < TurnTimes::bounds.size()
                             ? std::chrono::duration<double>(TurnTimes::bounds.at(i)).count()
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({.cumulative_count = count, .upper_bound = bound});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = std::chrono::duration<double>(turns.total).count();
  to.metric.push_back(std::move(metric));
}

void add_process(Families& families, const ProcessFacts& process) {
  families.counter("process_cpu_seconds_total", "User and system time spent.", process.cpu_seconds);
  families.gauge("process_resident_memory_bytes", "Resident memory.", value_of(process.resident_bytes));
  families.gauge("process_virtual_memory_bytes", "Virtual memory.", value_of(process.virtual_bytes));
  families.gauge("process_open_fds", "Open file descriptors.", value_of(process.open_fds));
  families.gauge("process_max_fds", "Maximum number of open file descriptors.", value_of(process.fds_max));
  families.gauge("process_start_time_seconds", "Start time of the process since 1970.",
                 process.start_time_seconds);
}

}  // namespace

std::string metrics_text(const Report& report, const ProcessFacts& process) {
  Families families;
  add_daemon(families, report, process);
  add_tenants(families, report);
  add_destinations(families, report);
  add_copies(families, report);
  add_fleet(families, report);
  add_hooks(families, report.hooks, report.at);
  add_turns(families, process.turns);
  add_process(families, process);
  return families.text();
}

}  // namespace logzio_okta
