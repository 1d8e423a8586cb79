// The report as Prometheus text.
//
// Metrics are named logzio_okta_* in base units (seconds, bytes), counters end in _total, and what concerns a
// tenant carries the label `tenant`. The process's own carry Prometheus's common names (process_*), so that
// ready-made dashboards find them. For every tenant, at every moment:
//     events_fetched_total = sum of events_settled_total over `outcome` + events_in_flight
// A value that is not known (no event yet, no limit shown) is left out rather than invented.
#pragma once

#include <string>

#include "logzio_okta/flow/report.hpp"

#include "shell/serve/process_facts.hpp"

namespace logzio_okta {

/// Prometheus text format 0.0.4.
[[nodiscard]] std::string metrics_text(const Report& report, const ProcessFacts& process);

}  // namespace logzio_okta
