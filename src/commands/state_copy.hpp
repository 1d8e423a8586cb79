// The command `state copy`: from a state directory into a store that replicas share, or back.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

[[nodiscard]] int state_copy(Settings settings, const Environment& environment);

}  // namespace logzio_okta
