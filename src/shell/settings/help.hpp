// What --help and --version say.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "shell/settings/command.hpp"

namespace logzio_okta {

/// Usage, commands, every flag of the first command (which is what happens without one), variables without a
/// flag, exit codes and examples; lines of at most 100 columns, each ending in '\n'.
[[nodiscard]] std::string help_text(CommandTable commands);
/// What the words name: one command with its own flags, or every command that begins so ("set-aside"); empty
/// if there is none.
[[nodiscard]] std::string help_text(CommandTable commands, std::span<const std::string> words);
/// "set-aside show ID...": how a command is called, without its flags.
[[nodiscard]] std::string usage_of(const CommandRow& command);

/// What the help shows beside commands and flags, for the pages made of the same (pages/).
struct HelpRow {
  std::string_view name;
  std::string_view meaning;
};
[[nodiscard]] std::string_view help_summary();
[[nodiscard]] std::span<const HelpRow> help_variables();
[[nodiscard]] std::span<const HelpRow> help_exit_codes();
/// Lines indented by two spaces say what follows, lines indented by six are commands and what they print.
[[nodiscard]] std::string_view help_examples();

/// "logzio-okta 1.0.0\n"
[[nodiscard]] std::string version_text();

}  // namespace logzio_okta
