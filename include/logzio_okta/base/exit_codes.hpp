// The exit codes of the daemon and its commands, with the meanings of sysexits.h.
#pragma once

namespace logzio_okta {

inline constexpr int exit_ok = 0;
inline constexpr int exit_usage = 64;        ///< A flag or command that does not exist or is misused.
inline constexpr int exit_unavailable = 69;  ///< A required answer did not come, or was a refusal.
inline constexpr int exit_state = 74;        ///< The state, or an output, cannot be read or written.
inline constexpr int exit_temporary = 75;  ///< Later it may work: state held, a bulk unanswered at the stop.
inline constexpr int exit_configuration =
    78;  ///< A value, in a flag, a variable or a file, that cannot work.

}  // namespace logzio_okta
