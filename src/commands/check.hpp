// The command `check`: reads the configuration, then sends one request to each tenant and the listener.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

/// 0 nothing is wrong (warnings are allowed, except with --strict); 78 the configuration cannot work; 74 the
/// state cannot be used; 69 a remote service does not work. If several apply, the order is 78, 74, 69.
[[nodiscard]] int check(Settings settings, const Environment& environment);

}  // namespace logzio_okta
