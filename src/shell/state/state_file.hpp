// StateFile: opens the state. A sound file is opened, a missing one created, a damaged one moved aside.
//
// No loss is silent: the caller gets a text that says that the state was missing or is lost. A file to which
// the system refuses access is not damaged, and stays where it is.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/time.hpp"

#include "shell/state/sqlite.hpp"

namespace logzio_okta {

struct StoreError {
  int exit_code = exit_state;  ///< Or exit_temporary: another instance holds it.
  std::string text;            ///< One line: what, where, what to do.
};
[[nodiscard]] std::unexpected<StoreError> unusable(std::string text);

/// What to do with a file that is damaged or not ours: commands leave it to the daemon, which reports the
/// loss.
enum class OnDamage : std::uint8_t { move_aside, refuse };

struct OpenedState {
  bool lost = false;                  ///< There was one; every stream starts afresh.
  std::vector<std::string> warnings;  ///< Lines for the log.
};

/// Opens `path` in `dir`, whose lock we must own: examined, with our schema, and durable by default.
[[nodiscard]] std::expected<OpenedState, StoreError> open_state_file(Database& database,
                                                                     const std::string& dir,
                                                                     const std::string& path, WallTime now,
                                                                     OnDamage on_damage);

}  // namespace logzio_okta
