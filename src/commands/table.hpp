// The commands there are. A new one is a row here and a file beside this one.
#pragma once

#include "shell/settings/command.hpp"

namespace logzio_okta {

/// The first is what happens without a command.
[[nodiscard]] CommandTable command_table();

}  // namespace logzio_okta
