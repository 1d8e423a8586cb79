// The man page logzio-okta(1), made of the tables that --help is made of, so that the two cannot differ.
#pragma once

#include <string>

#include "shell/settings/command.hpp"

namespace logzio_okta {

/// In the man(7) macros. Has no date in it: the same sources give the same page.
[[nodiscard]] std::string man_page(CommandTable commands);

}  // namespace logzio_okta
