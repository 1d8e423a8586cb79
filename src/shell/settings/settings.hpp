// Settings: flags and environment, checked before anything is opened or sent.
//
//     const Environment environment = Environment::of_process();
//     auto settings = read_settings(argc, argv, environment, now, commands);
//     if (!settings) return give_up(settings.error().problems, settings.error().exit_code);
//     return settings->command->perform(std::move(*settings), environment);
//
// A flag overrides its variable; an empty variable counts as unset. Every problem is one line that names the
// flag or the variable, what is wrong and what to write instead; none repeats a credential. All problems of a
// configuration are reported at once. The flags, their variables and their defaults are those of
// option_table() and of the command's row.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/config/tenants.hpp"

#include "shell/os/environment.hpp"
#include "shell/settings/command.hpp"
#include "shell/settings/proxy.hpp"

namespace logzio_okta {

struct Settings {
  const CommandRow* command = nullptr;  ///< A row of the given table.
  std::vector<std::string> words;       ///< After the command, as many as its row allows.
  Options options;                      ///< Those that the command does not take have their defaults.
  bool no_token = false;                ///< None is set, so each tenant needs its own: see unsaid().
  bool no_listener = false;             ///< The same.
  bool no_store = false;                ///< --store was given and cannot be used: see problems.
  std::string misnamed_token;     ///< What was set instead, for the end of that error; see misnamed.hpp.
  std::string misnamed_listener;  ///< The same.
  Proxy proxy;                    ///< Read only for a command that takes `ca-file`; others do not use TLS.
  std::map<std::string, std::string, std::less<>> own;  ///< The command's own flags; "" without a value.
  std::vector<std::string> problems;                    ///< Only for a command that judges the configuration.

  [[nodiscard]] bool has(std::string_view flag) const { return own.contains(flag); }
  [[nodiscard]] std::optional<std::string_view> value_of(std::string_view flag) const;
};

struct SettingsError {
  int exit_code = exit_configuration;
  std::vector<std::string> problems;  ///< One line each, at least one.
};

[[nodiscard]] std::expected<Settings, SettingsError> read_settings(int argc, const char* const* argv,
                                                                   const Environment& environment,
                                                                   WallTime now, CommandTable commands);

/// Required settings that are set neither here nor by each of these tenants, one line each. Null: the tenants
/// could not be read.
[[nodiscard]] std::vector<std::string> unsaid(const Settings& settings, const Tenants* tenants);

/// Warnings about a listener without HTTPS, one line each.
[[nodiscard]] std::vector<std::string> warnings_about(const Endpoint& listener);

/// The shipping token in a file, with or without a line end; also for reading it again after it was refused.
/// Adds a warning if every user of the machine can read the file. The error names the file and never quotes
/// its content.
[[nodiscard]] Result<Secret> read_token_file(const std::string& path, std::vector<std::string>& warnings);

}  // namespace logzio_okta
