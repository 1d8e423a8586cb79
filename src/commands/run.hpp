// The command `run`: deliver events until stopped, or with --once until caught up.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

/// The process's exit code.
[[nodiscard]] int run(Settings settings, const Environment& environment);

}  // namespace logzio_okta
