// Settings: what flags and environment ask for, checked before anything is opened or sent.
//
//     auto settings = read_settings(argc, argv, Environment::of_process(), now);
//     if (!settings) { say(settings.error().text); return settings.error().exit_code; }
//
// A flag beats its variable; an empty variable is unset. Every error is one line that names the flag or the
// variable, what is wrong and what to write instead; none repeats a credential. The flags, their variables
// and their defaults are those of option_table().
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"

#include "shell/environment.hpp"
#include "shell/proxy.hpp"

namespace logzio_okta {

inline constexpr int exit_usage = 64;  ///< A flag or command that does not exist or is not used so.
inline constexpr int exit_configuration =
    78;  ///< A value, in a flag, a variable or a file, that cannot work.

enum class Command : std::uint8_t { run, help, version };

struct CommandRow {
  Command command;
  std::string_view name;
  std::string_view meaning;
};
inline constexpr std::array commands = {
    CommandRow{Command::run, "run", "Deliver events until stopped; what happens without a command."},
    CommandRow{Command::help, "help", "Show this text (also -h, --help)."},
    CommandRow{Command::version, "version", "Show the version (also -V, --version)."},
};

struct Settings {
  Command command = Command::run;
  Options options;  ///< Only the defaults for help and version, which look at nothing else.
  Proxy proxy;
};

struct SettingsError {
  int exit_code = exit_configuration;
  std::string text;
};

[[nodiscard]] std::expected<Settings, SettingsError> read_settings(int argc, const char* const* argv,
                                                                   const Environment& environment,
                                                                   WallTime now);

/// The shipping token in a file, a line end behind it forgiven; also for reading it anew after it was
/// refused. Adds a warning when every user of the machine can read the file. The error names the file and
/// never quotes what is in it.
[[nodiscard]] Result<Secret> read_token_file(const std::string& path, std::vector<std::string>& warnings);

}  // namespace logzio_okta
