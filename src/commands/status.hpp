// The command `status`: shows the status of the running daemon.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

/// 0 if the daemon works, exit_unavailable if it does not or cannot be asked.
[[nodiscard]] int status(Settings settings, const Environment& environment);

}  // namespace logzio_okta
