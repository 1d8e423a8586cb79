// The texts of --help and --version.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "shell/settings/command.hpp"

namespace logzio_okta {

/// Usage, commands, every flag of the first command (the default), variables without a flag, exit codes and
/// examples; lines of at most 100 columns, each ending in '\n'.
[[nodiscard]] std::string help_text(CommandTable commands);
/// Help for the given words: one command with its own flags, or every command that begins with them
/// ("set-aside"); empty if there is none.
[[nodiscard]] std::string help_text(CommandTable commands, std::span<const std::string> words);
/// "set-aside show ID...": the usage of a command, without its flags.
[[nodiscard]] std::string usage_of(const CommandRow& command);

/// The rest of the help besides commands and flags, also for the generated pages (pages/).
struct HelpRow {
  std::string_view name;
  std::string_view meaning;
};
[[nodiscard]] std::string_view help_summary();
[[nodiscard]] std::span<const HelpRow> help_variables();
[[nodiscard]] std::span<const HelpRow> help_exit_codes();
/// Lines indented by two spaces are explanations, lines indented by six are commands and their output.
[[nodiscard]] std::string_view help_examples();

/// "logzio-okta 1.0.0\n"
[[nodiscard]] std::string version_text();

}  // namespace logzio_okta
