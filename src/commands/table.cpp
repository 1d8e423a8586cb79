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
    OptionRow{"--offline", "", "",
              "Contact no server: check only the configuration, the files and the state."},
    OptionRow{"--strict", "", "", "Treat warnings as failures (exit code 69), for a pipeline."},
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
    CommandRow{
        .name = "check",
        .takes = "tenants token-file listener state-dir store instance lease copy-to since "
                 "poll-interval rate-share ca-file "
                 "admin admin-hosts hooks hooks-cert hooks-key hooks-secrets hooks-orgs hooks-proxies "
                 "hooks-regions user log-level log-format",
        .own = check_flags,
        .meaning = "Look for everything that is wrong: configuration, tenants, listener, state.",
        .details =
            "Takes the flags and variables of run, and lists what is wrong with what to do about it. Each "
            "key is used once, to request the newest event of the last week, and the listener is sent an "
            "empty bulk, all at the same time. Nothing is shipped, no cursor is moved, and a running daemon "
            "is not disturbed. A token that one region's listener does not know is tried at the listeners of "
            "the other regions. A daemon that runs with this state is asked for its status, and if a key "
            "works, it retries refused keys at once.\n"
            "Exit codes: 0 nothing is wrong (there may be warnings, but not with --strict), 78 the "
            "configuration cannot work, 74 the state cannot be used, 69 a remote service does not work.",
        .judges_configuration = true,
        .perform = check},
    CommandRow{
        .name = "status",
        .takes = "admin state-dir store",
        .own = status_flags,
        .meaning = "Show what the running daemon does: each tenant, the listener, totals.",
        .details =
            "Asks the daemon's admin server and changes nothing. Exit codes: 0 it works for every "
            "tenant, 69 it does not, it does not answer, or its state is not the one that --state-dir names.",
        .perform = status},
    CommandRow{
        .name = "events",
        .takes = "tenants since poll-interval rate-share ca-file user",
        .own = events_flags,
        .meaning = "Print a tenant's events as Okta holds them, one per line; nothing is delivered or saved.",
        .details =
            "Moves no cursor and takes no lock, so it can run beside the daemon: for a look, a dry "
            "run or an export. Okta may show an event only some seconds after it happened. Exit "
            "codes: 0 the whole span was printed, 69 Okta refused or there was no progress for 5 minutes, "
            "74 the output could not be written.",
        .perform = events},
    CommandRow{.name = "cursor show",
               .takes = "state-dir store",
               .meaning = "Show each tenant's cursor: how far its log has been delivered.",
               .details = "Works while the daemon runs.",
               .perform = cursor_show},
    CommandRow{.name = "cursor set",
               .words = "TENANT T",
               .takes = "tenants state-dir store",
               .meaning = "Make a tenant start again from a time, written as for --since.",
               .details =
                   "Events published before now are marked backfill when they are delivered. Exit codes: 0 "
                   "done, 64 not a valid time, 74 the state cannot be used, 75 a daemon holds it, 78 the "
                   "tenant is not in the tenants file.",
               .perform = cursor_set},
    CommandRow{.name = "set-aside list",
               .takes = "state-dir store",
               .meaning = "List what was set aside instead of delivered.",
               .details = "Works while the daemon runs.",
               .perform = set_aside_list},
    CommandRow{
        .name = "set-aside show",
        .words = "ID...",
        .takes = "state-dir store",
        .meaning = "Print the bytes that were set aside.",
        .details =
            "Works while the daemon runs. What is known about them goes to standard error. Exit codes: "
            "0 all were printed, 64 no such number, 74 the state cannot be read or the bytes cannot be "
            "written.",
        .perform = set_aside_show},
    CommandRow{
        .name = "set-aside retry",
        .words = "ID...",
        .takes = "tenants token-file listener state-dir store ca-file",
        .meaning = "Resend what was set aside, all for everything; what is taken is no longer set aside.",
        .details = "Each event is marked possible_duplicate. Exit codes: 0 all were taken, 64 no such "
                   "number, 69 some were not, 75 a daemon holds the state.",
        .perform = set_aside_retry},
    CommandRow{.name = "set-aside drop",
               .words = "ID...",
               .takes = "state-dir store",
               .meaning = "Delete what was set aside; all for everything.",
               .details = "Exit codes: 0 done, 64 no such number, 75 a daemon holds the state.",
               .perform = set_aside_drop},
    CommandRow{.name = "state copy",
               .takes = "store ca-file",
               .own = copy_flags,
               .meaning = "Copy the state of one daemon into a store that replicas share, or back.",
               .details =
                   "Give one of --from and --to. The store must be empty for --from, the directory for --to, "
                   "and nothing may be using either. Everything is copied unchanged. Exit codes: 0 done, 64 "
                   "wrong flags, 74 a state cannot be used, 75 a daemon holds the directory.",
               .perform = state_copy},
    CommandRow{.name = "import-logstash",
               .words = "DIR",
               .takes = "tenants state-dir store since",
               .own = import_flags,
               .meaning = "Continue from where the Logstash image stopped, with a copy of its state files.",
               .details =
                   "DIR is a copy of the old container's directory: docker cp "
                   "Okta:/usr/share/logstash/data/plugins/inputs/okta_system_log DIR. The next request to "
                   "Okta is the saved URL, byte for byte. Exit codes: 0 every tenant goes on, 69 some were "
                   "skipped, each with its reason, 75 a daemon holds the state.",
               .perform = import_logstash},
    CommandRow{.name = "healthcheck",
               .takes = "admin",
               .meaning = "Ask whether the daemon is alive, for a container's health check.",
               .details = "Whether it delivers is shown by status: a restart would not help a daemon that "
                          "waits for Okta or Logz.io. Exit codes: 0 it is alive, 1 it does not answer.",
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
