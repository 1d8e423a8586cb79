// The command `healthcheck`: whether the daemon beside us is alive. An image without a shell needs a program
// to ask.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

/// 0 or 1, the two that a container's health check may end with. With the admin server off nothing can be
/// known, and nothing is held against the daemon.
[[nodiscard]] int healthcheck(Settings settings, const Environment& environment);

}  // namespace logzio_okta
