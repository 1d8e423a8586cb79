// Settings: what flags and environment ask for, checked before anything is opened or sent.
//
//     const Environment environment = Environment::of_process();
//     auto settings = read_settings(argc, argv, environment, now, commands);
//     if (!settings) return give_up(settings.error().problems, settings.error().exit_code);
//     return settings->command->perform(std::move(*settings), environment);
//
// A flag beats its variable; an empty variable is unset. Every problem is one line that names the flag or the
// variable, what is wrong and what to write instead; none repeats a credential. All problems of a
// configuration are told at once. The flags, their variables and their defaults are those of option_table()
// and of the command's row.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/config/tenants.hpp"

#include "shell/os/environment.hpp"
#include "shell/settings/command.hpp"
#include "shell/settings/proxy.hpp"

namespace logzio_okta {

inline constexpr int exit_usage = 64;        ///< A flag or command that does not exist or is not used so.
inline constexpr int exit_unavailable = 69;  ///< Somebody who had to answer did not, or refused.
inline constexpr int exit_configuration =
    78;  ///< A value, in a flag, a variable or a file, that cannot work.

struct Settings {
  const CommandRow* command = nullptr;  ///< Of the table that was given.
  std::vector<std::string> words;       ///< After the command, as many as its row allows.
  Options options;                      ///< What the command does not take has its default.
  bool no_token = false;                ///< Nobody gave one, so each tenant needs its own: see unsaid().
  bool no_listener = false;             ///< Likewise.
  std::string misnamed_token;     ///< What was set instead, for the end of that error; see misnamed.hpp.
  std::string misnamed_listener;  ///< Likewise.
  Proxy proxy;                    ///< Read for a command that takes `ca-file`, as others open no TLS.
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

/// What is said neither here nor by each of these tenants, although nothing can be delivered without it: one
/// line each. Null: the tenants could not be read.
[[nodiscard]] std::vector<std::string> unsaid(const Settings& settings, const Tenants* tenants);

/// What an operator should know of a listener that does not speak HTTPS, one line each.
[[nodiscard]] std::vector<std::string> warnings_about(const Endpoint& listener);

/// The shipping token in a file, a line end after it forgiven; also for reading it anew after it was refused.
/// Adds a warning when every user of the machine can read the file. The error names the file and never quotes
/// what is in it.
[[nodiscard]] Result<Secret> read_token_file(const std::string& path, std::vector<std::string>& warnings);

}  // namespace logzio_okta
