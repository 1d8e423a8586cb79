// The command `check`: the doctor. Reads the configuration, then asks each tenant and the listener once.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

/// 0 nothing is wrong (there may be warnings, but not with --strict); 78 the configuration cannot work; 74
/// the state cannot be used; 69 something out there does not work. The first of these that applies.
[[nodiscard]] int check(Settings settings, const Environment& environment);

}  // namespace logzio_okta
