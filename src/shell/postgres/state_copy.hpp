// StateCopy: a state moved from a directory into an empty store, or back, whole or not at all.
//
// Everything comes along: places, windows, what was set aside, the spool and what it remembers. An unclean
// end stays one. Notes of what was in flight do not: the stores differ in them, and without them all of it is
// in doubt.
#pragma once

#include <cstdint>
#include <string>

#include "logzio_okta/base/error.hpp"

#include "shell/postgres/session.hpp"
#include "shell/state/sqlite.hpp"

namespace logzio_okta {

struct Copied {
  std::uint64_t streams = 0;
  std::uint64_t set_aside = 0;
  std::uint64_t spooled = 0;
};
/// Nobody else may hold the directory. The tables are made if they are missing.
[[nodiscard]] Result<Copied> copy_into_store(Database& from, const std::string& dir, PgSession& to);
/// No replica may be alive. The directory's state is empty.
[[nodiscard]] Result<Copied> copy_from_store(PgSession& from, Database& to, const std::string& dir);

}  // namespace logzio_okta
