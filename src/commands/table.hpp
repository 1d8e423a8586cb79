// The table of commands. A new one needs a row here and a file beside this one.
#pragma once

#include "shell/settings/command.hpp"

namespace logzio_okta {

/// The first one is the default.
[[nodiscard]] CommandTable command_table();

}  // namespace logzio_okta
