// The man page logzio-okta(1), generated from the same tables as --help, so that the two cannot differ.
#pragma once

#include <string>

#include "shell/settings/command.hpp"

namespace logzio_okta {

/// In the man(7) macros, without a date: the same sources give the same page.
[[nodiscard]] std::string man_page(CommandTable commands);

}  // namespace logzio_okta
