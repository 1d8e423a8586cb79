#include "commands/table.hpp"

#include <array>

#include "commands/help.hpp"
#include "commands/run.hpp"
#include "commands/status.hpp"

namespace logzio_okta {
namespace {

constexpr std::array status_flags = {
    OptionRow{"--json", "", "", "The same as JSON, for programs."},
    OptionRow{"--watch", "", "", "Again every two seconds, until interrupted."},
};

constexpr std::array commands = {
    CommandRow{.name = "run",
               .takes = "tenants token-file listener state-dir since poll-interval rate-share once ca-file "
                        "admin hooks hooks-cert hooks-key hooks-secrets log-level log-format",
               .meaning = "Deliver events until stopped; what happens without a command.",
               .perform = run},
    CommandRow{.name = "status",
               .takes = "admin",
               .own = status_flags,
               .meaning = "Show what the running daemon does: each tenant, the listener, totals.",
               .details = "Asks the daemon's admin server and changes nothing. Exit codes: 0 it works, 69 it "
                          "does not work or cannot be asked.",
               .perform = status},
    CommandRow{.name = "help",
               .words = "[COMMAND]...",
               .meaning = "Show this text, or a command's own (also -h, --help).",
               .perform = help},
    CommandRow{.name = "version", .meaning = "Show the version (also -V, --version).", .perform = version},
};

}  // namespace

CommandTable command_table() {
  return commands;
}

}  // namespace logzio_okta
