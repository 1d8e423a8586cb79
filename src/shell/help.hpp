// What --help and --version say.
#pragma once

#include <string>

namespace logzio_okta {

/// Usage, commands, every flag of option_table(), variables without a flag, exit codes and examples; lines of
/// at most 100 columns, each ending in '\n'.
[[nodiscard]] std::string help_text();
/// "logzio-okta 1.0.0\n"
[[nodiscard]] std::string version_text();

}  // namespace logzio_okta
