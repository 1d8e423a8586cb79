// Commands: the name, arguments and flags of each, and the function that performs it.
//
//     const CommandRow row{.name = "set-aside show", .words = "ID...", .takes = "state-dir",
//                          .own = set_aside_flags, .meaning = "Show what was set aside.",
//                          .perform = set_aside_show};
//
// The table is in commands/table.cpp, one row per command; flag parsing, help and main() know no command by
// name. A command takes some of option_table()'s flags, whose values arrive in Options, and its own flags,
// whose values it parses itself. Required flags are required only by commands that take them: a command that
// takes `listener` cannot start without one, any other ignores LOGZIO_LISTENER_HOST.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "logzio_okta/config/options.hpp"

#include "shell/os/environment.hpp"

namespace logzio_okta {

struct Settings;

struct CommandRow {
  std::string_view name;        ///< "status"; two words if a verb needs its object: "set-aside show".
  std::string_view words = {};  ///< The words after it: "DIR", "[ID]", "ID..." (one or more), "[ID]...".
  std::string_view takes = {};  ///< The flags of option_table(), without dashes: "tenants ca-file".
  std::span<const OptionRow> own = {};  ///< Its own flags; they override those of the same name above.
  std::string_view meaning;             ///< One line for the list of commands.
  std::string_view details = {};        ///< Paragraphs for its own help, and its exit codes.
  /// Whether the command itself reports a configuration that cannot work (Settings::problems), instead of an
  /// error exit.
  bool judges_configuration = false;
  /// The process's exit code.
  int (*perform)(Settings settings, const Environment& environment);
};
using CommandTable = std::span<const CommandRow>;

/// "poll-interval" of "--poll-interval D".
[[nodiscard]] std::string_view name_of(const OptionRow& row);
/// Whether it takes a value.
[[nodiscard]] bool takes_value(const OptionRow& row);
/// Every flag of the command: those it shares, in option_table()'s order, then its own.
[[nodiscard]] std::vector<OptionRow> flags_of(const CommandRow& command);
/// The row of that flag for this command; nullptr if it does not take it.
[[nodiscard]] const OptionRow* find_flag(const CommandRow& command, std::string_view name);

}  // namespace logzio_okta
