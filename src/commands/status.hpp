// The command `status`: what the running daemon says of itself.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

/// 0 if the daemon works, exit_unavailable if it does not or cannot be asked.
[[nodiscard]] int status(Settings settings, const Environment& environment);

}  // namespace logzio_okta
