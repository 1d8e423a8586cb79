// ProcessFacts: what the report cannot know: facts about the process around the core.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "logzio_okta/base/turn_times.hpp"

namespace logzio_okta {

struct ProcessFacts {
  double cpu_seconds = 0;  ///< User and system.
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t fds_max = 0;
  double start_time_seconds = 0;  ///< Since 1970.
  TurnTimes turns;                ///< Of the daemon's loop.
  std::uint64_t log_lines_dropped = 0;
  std::uint64_t reloads_taken = 0;    ///< Tenants or token file read again and put in force,
  std::uint64_t reloads_refused = 0;  ///< or found to be unusable.
  std::vector<std::string> refused;   ///< Why files, as they are on disk, are not in force.
};

/// The facts of this process, from /proc; what cannot be read is 0. The log counts its dropped lines.
[[nodiscard]] ProcessFacts read_process_facts(std::uint64_t log_lines_dropped);

}  // namespace logzio_okta
