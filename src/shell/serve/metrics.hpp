// What people's tools see: the report as Prometheus text and as JSON. Pure, but for read_process_facts().
//
// Metrics are named logzio_okta_* in base units (seconds, bytes), counters end in _total, and what concerns a
// tenant carries the label `tenant`. The process's own carry Prometheus's common names (process_*), so that
// ready-made dashboards find them. For every tenant, at every moment:
//     events_fetched_total = sum of events_settled_total over `outcome` + events_in_flight
// A value that is not known (no event yet, no limit shown) is left out rather than invented; in the JSON it
// is null, so that every key is always there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "logzio_okta/flow/report.hpp"

namespace logzio_okta {

/// What the report cannot know: the process around the core.
struct ProcessFacts {
  double cpu_seconds = 0;  ///< User and system.
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t fds_max = 0;
  double start_time_seconds = 0;  ///< Since 1970.
  std::uint64_t log_lines_dropped = 0;
  std::uint64_t reloads_taken = 0;    ///< Tenants or token file read again and put in force,
  std::uint64_t reloads_refused = 0;  ///< or found to be unusable.
  std::vector<std::string> refused;   ///< Why files, as they are on disk, are not in force.
};

/// Of this process, from /proc; what cannot be read is 0. The log knows its dropped lines.
[[nodiscard]] ProcessFacts read_process_facts(std::uint64_t log_lines_dropped);

/// Prometheus text format 0.0.4.
[[nodiscard]] std::string metrics_text(const Report& report, const ProcessFacts& process);
/// One JSON object, valid UTF-8 whatever is in the report's texts.
[[nodiscard]] std::string status_json(const Report& report);

}  // namespace logzio_okta
