#include "commands/table.hpp"

#include <array>

#include "commands/check.hpp"
#include "commands/events.hpp"
#include "commands/healthcheck.hpp"
#include "commands/help.hpp"
#include "commands/import_logstash.hpp"
#include "commands/run.hpp"
#include "commands/state.hpp"
#include "commands/state_copy.hpp"
#include "commands/status.hpp"

namespace logzio_okta {
namespace {

constexpr std::array check_flags = {
    OptionRow{"--json", "", "", "The same as JSON, for programs."},
    OptionRow{"--offline", "", "", "Ask nobody: only the configuration, the files and the state."},
    OptionRow{"--strict", "", "", "A warning is a failure too, for a pipeline: exit code 69."},
};
constexpr std::array status_flags = {
    OptionRow{"--json", "", "", "The same as JSON, for programs."},
    OptionRow{"--watch", "", "", "Repeat every two seconds until interrupted."},
};

constexpr std::array events_flags = {
    OptionRow{"--tenant DOMAIN", "", "", "The tenant; needed where the tenants file has several."},
    OptionRow{"--until T", "", "now", "Where they end, written as for `--since`."},
    OptionRow{"--filter EXPR", "", "", "Only events that match this filter of Okta's System Log API."},
    OptionRow{"--keywords TEXT", "", "", "Only events with these keywords (its `q`)."},
    OptionRow{"--follow", "", "", "Follow new events until interrupted."},
};

constexpr std::array copy_flags = {
    OptionRow{"--from DIR", "", "", "The state directory to copy into the store."},
    OptionRow{"--to DIR", "", "", "The directory to copy the store's state into."},
};

constexpr std::array import_flags = {
    OptionRow{"--force", "", "", "Replace cursors that the state already has."},
};

constexpr std::array commands = {
    CommandRow{
        .name = "run",
        .takes =
            "tenants token-file listener state-dir store instance lease copy-to since poll-interval "
            "rate-share once "
            "ca-file admin admin-hosts hooks hooks-cert hooks-key hooks-secrets hooks-orgs hooks-proxies "
            "hooks-regions user log-level log-format",
        .meaning = "Deliver events until stopped; the default command.",
        .perform = run},
    CommandRow{.name = "check",
               .takes = "tenants token-file listener state-dir store instance lease copy-to since "
                        "poll-interval rate-share ca-file "
                        "admin admin-hosts hooks hooks-cert hooks-key hooks-secrets hooks-orgs hooks-proxies "
                        "hooks-regions user log-level log-format",
               .own = check_flags,
               .meaning = "Look for everything that is wrong: configuration, tenants, listener, state.",
               .details =
                   "Takes the flags and variables of run and tells every problem with what to do about "
                   "it. Each key and the listener are asked once, at the same time: a key for the "
                   "newest event of the last week, the listener to take an empty bulk. Nothing is "
                   "shipped, no cursor is moved, and a running daemon is not disturbed. A token that the "
                   "listener of one region does not know is shown to those of the others. A daemon that runs "
                   "with this state is asked how it does, and when a key works, it tries those again at once "
                   "that Okta has refused.\n"
                   "Exit codes: 0 nothing is wrong (there may be warnings, but not with --strict), 78 the "
                   "configuration cannot work, 74 the state cannot be used, 69 something out there does not "
                   "work.",
               .judges_configuration = true,
               .perform = check},
    CommandRow{.name = "status",
               .takes = "admin state-dir store",
               .own = status_flags,
               .meaning = "Show what the running daemon does: each tenant, the listener, totals.",
               .details =
                   "Asks the daemon's admin server and changes nothing. Exit codes: 0 it works for every "
                   "tenant, 69 it does not, cannot be asked, or keeps another state than --state-dir names, "
                   "if that is given.",
               .perform = status},
    CommandRow{
        .name = "events",
        .takes = "tenants since poll-interval rate-share ca-file user",
        .own = events_flags,
        .meaning = "Print a tenant's events as Okta holds them, a line each; nothing is delivered or saved.",
        .details = "Moves no cursor and takes no lock: for a look, a dry run or an export, beside a running "
                   "daemon too. Okta may be some seconds late with what just happened. Exit codes: 0 all "
                   "of the span was printed, 69 Okta refused or gave nothing for 5 minutes, 74 it could not "
                   "be written.",
        .perform = events},
    CommandRow{.name = "cursor show",
               .takes = "state-dir store",
               .meaning = "Show each tenant's cursor, up to where its log is delivered.",
               .details = "Also while a daemon runs.",
               .perform = cursor_show},
    CommandRow{.name = "cursor set",
               .words = "TENANT T",
               .takes = "tenants state-dir store",
               .meaning = "Have a tenant start again from a moment, written as for --since.",
               .details =
                   "What was published before now says backfill when it comes. Exit codes: 0 done, 64 not a "
                   "moment, 74 the state cannot be used, 75 a daemon holds it.",
               .perform = cursor_set},
    CommandRow{.name = "set-aside list",
               .takes = "state-dir store",
               .meaning = "List what was set aside instead of delivered.",
               .details = "Also while a daemon runs.",
               .perform = set_aside_list},
    CommandRow{.name = "set-aside show",
               .words = "ID...",
               .takes = "state-dir store",
               .meaning = "Print the bytes that were set aside.",
               .details =
                   "Also while a daemon runs. What is known of them goes to standard error. Exit codes: "
                   "0 all were printed, 64 no such number, 74 the state cannot be read or the bytes not "
                   "written.",
               .perform = set_aside_show},
    CommandRow{
        .name = "set-aside retry",
        .words = "ID...",
        .takes = "tenants token-file listener state-dir store ca-file",
        .meaning = "Send events that were set aside once more, all for everything; what is taken is set "
                   "aside no longer.",
        .details =
            "Each says possible_duplicate. Exit codes: 0 all were taken, 64 no such number, 69 some were "
            "not, 75 a daemon holds the state.",
        .perform = set_aside_retry},
    CommandRow{.name = "set-aside drop",
               .words = "ID...",
               .takes = "state-dir store",
               .meaning = "Forget what was set aside; all for everything.",
               .details = "Exit codes: 0 done, 64 no such number, 75 a daemon holds the state.",
               .perform = set_aside_drop},
    CommandRow{
        .name = "state copy",
        .takes = "store ca-file",
        .own = copy_flags,
        .meaning = "Copy the state of one daemon into a store that replicas share, or back.",
        .details =
            "Give one of --from and --to. The store must be empty for --from, the directory for --to, "
            "and nobody may work with either. Everything comes along, as it is. Exit codes: 0 done, 64 "
            "not used so, 74 a state cannot be used, 75 a daemon holds the directory.",
        .perform = state_copy},
    CommandRow{.name = "import-logstash",
               .words = "DIR",
               .takes = "tenants state-dir store since",
               .own = import_flags,
               .meaning = "Go on where the Logstash image stopped, from a copy of its state files.",
               .details =
                   "DIR is a copy of the old container's directory: docker cp "
                   "Okta:/usr/share/logstash/data/plugins/inputs/okta_system_log DIR. The next question to "
                   "Okta is the saved URL, byte for byte. Exit codes: 0 every tenant goes on, 69 some were "
                   "skipped, each with its reason, 75 a daemon holds the state.",
               .perform = import_logstash},
    CommandRow{.name = "healthcheck",
               .takes = "admin",
               .meaning = "Ask the running daemon for a sign of life: for a container's health check.",
               .details =
                   "Whether it works is another question, which status answers: a restart would not help "
                   "a daemon that waits for Okta or Logz.io. Exit codes: 0 it lives, 1 it does not answer.",
               .perform = healthcheck},
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
