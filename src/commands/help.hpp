// The commands `help` and `version`.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

[[nodiscard]] int help(Settings settings, const Environment& environment);
[[nodiscard]] int version(Settings settings, const Environment& environment);

}  // namespace logzio_okta
