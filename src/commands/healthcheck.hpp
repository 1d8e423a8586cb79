// The command `healthcheck`: whether the local daemon is alive. An image without a shell needs a program for
// this.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

/// 0 or 1, the only exit codes allowed for a container's health check. If the admin server is off, nothing
/// can be known, and the result is 0.
[[nodiscard]] int healthcheck(Settings settings, const Environment& environment);

}  // namespace logzio_okta
