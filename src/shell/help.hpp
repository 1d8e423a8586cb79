// What --help and --version say.
#pragma once

#include <span>
#include <string>

#include "shell/command.hpp"

namespace logzio_okta {

/// Usage, commands, every flag of the first command (which is what happens without one), variables without a
/// flag, exit codes and examples; lines of at most 100 columns, each ending in '\n'.
[[nodiscard]] std::string help_text(CommandTable commands);
/// What the words name: one command with its own flags, or every command that begins so ("set-aside"); empty
/// if there is none.
[[nodiscard]] std::string help_text(CommandTable commands, std::span<const std::string> words);
/// "logzio-okta 1.0.0\n"
[[nodiscard]] std::string version_text();

}  // namespace logzio_okta
