// The command `events`: a tenant's events on standard output, exactly as Okta holds them.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

/// The process's exit code.
[[nodiscard]] int events(Settings settings, const Environment& environment);

}  // namespace logzio_okta
