// RunRecord: how the last run ended, and that this one has not ended.
//
// A run begins by noting, durably, that it has not ended; it ends in order by noting that. What may have been
// in flight at any other end is in doubt, and so is all of a state that is not as its last end left it: it
// was copied, or put back from a copy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "logzio_okta/base/time.hpp"

#include "shell/state/sqlite.hpp"

namespace logzio_okta {

struct RunBegun {
  std::int64_t started = 0;           ///< Names this run, in milliseconds since 1970.
  bool copied = false;                ///< The state is not as the last stop left it.
  std::uint64_t set_aside_bytes = 0;  ///< On disk, as charged.
};

/// A transaction of its own; nothing if the database fails, which then says why.
[[nodiscard]] std::optional<RunBegun> begin_run(Database& database, const std::string& dir,
                                                const std::string& path, WallTime now);

/// Whether an end has told the file beside the state what the state looked like (clean_end.hpp).
enum class Sealed : std::uint8_t { no, yes };
/// Notes an orderly end, durably.
[[nodiscard]] bool end_run(Database& database, Sealed sealed);

}  // namespace logzio_okta
