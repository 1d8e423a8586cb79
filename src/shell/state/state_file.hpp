// StateFile: opens the state. What is sound is opened, what is missing is made, what is damaged is moved
// aside.
//
// Nothing here is quiet about a loss: whoever opens a state learns in words that it was missing or is lost. A
// file that the system does not let us at is not damaged, and stays where it is.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "logzio_okta/base/time.hpp"

#include "shell/state/sqlite.hpp"

namespace logzio_okta {

constexpr int state_unusable = 74;  ///< Exit code.
constexpr int state_held = 75;      ///< Likewise: another instance holds it.

struct StoreError {
  int exit_code = state_unusable;  ///< Or state_held.
  std::string text;                ///< One line: what, where, what to do.
};
[[nodiscard]] std::unexpected<StoreError> unusable(std::string text);

/// What becomes of a file that is damaged or not ours: a person's command leaves it to the daemon, which says
/// what is lost.
enum class OnDamage : std::uint8_t { move_aside, refuse };

struct OpenedState {
  bool lost = false;                  ///< There was one; every stream begins anew.
  std::vector<std::string> warnings;  ///< Lines for the log.
};

/// Opens `path` in `dir`, of whose lock we are the owner: examined, of our schema, and durable by default.
[[nodiscard]] std::expected<OpenedState, StoreError> open_state_file(Database& database,
                                                                     const std::string& dir,
                                                                     const std::string& path, WallTime now,
                                                                     OnDamage on_damage);

}  // namespace logzio_okta
