// RunRecord: records how the last run ended, and that this one has not ended.
//
// A run begins by recording durably that it has not ended, and ends cleanly by recording that. After any
// other end, events that may have been in flight are in doubt; and so is all of a state that is not as its
// last end left it, because it was copied or restored from a copy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "logzio_okta/base/time.hpp"

#include "shell/state/sqlite.hpp"

namespace logzio_okta {

struct RunBegun {
  std::int64_t started = 0;           ///< Identifies this run, in milliseconds since 1970.
  bool copied = false;                ///< The state is not as the last stop left it.
  std::uint64_t set_aside_bytes = 0;  ///< On disk, as charged.
};

/// Runs its own transaction; nothing if the database fails, which then has the reason.
[[nodiscard]] std::optional<RunBegun> begin_run(Database& database, const std::string& dir,
                                                const std::string& path, WallTime now);

/// Whether the end recorded the state file's attributes in the file beside it (clean_end.hpp).
enum class Sealed : std::uint8_t { no, yes };
/// Records a clean end, durably.
[[nodiscard]] bool end_run(Database& database, Sealed sealed);

}  // namespace logzio_okta
