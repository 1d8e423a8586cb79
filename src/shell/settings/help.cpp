#include "shell/settings/help.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "logzio_okta/config/options.hpp"

namespace logzio_okta {
namespace {

constexpr std::size_t columns = 100;

constexpr std::string_view summary =
    "logzio-okta follows the System Log of up to 50 Okta tenants and delivers every event to Logz.io.";

constexpr std::array variables = {
    HelpRow{"LOGZIO_TOKEN", "The shipping token itself; LOGZIO_TOKEN_FILE names a file that contains it."},
    HelpRow{"OKTA_API_KEY",
            "With OKTA_DOMAIN (or the older OKTA_TENANT): one tenant, if there is no tenants file."},
    HelpRow{"LOGZIO_OKTA_TENANTS_YAML",
            "The content of a tenants file, where none can be mounted; --tenants overrides it."},
    HelpRow{"LOGZIO_REGION", "us, eu, uk, ca or au: the region's own listener, instead of --listener."},
    HelpRow{"ENV_ID", "A constant field env_id of every line, unless a tenant's fields have their own."},
    HelpRow{"HTTPS_PROXY", "A proxy for all TLS connections: http://user:password@proxy.example.com:3128."},
    HelpRow{"NO_PROXY", "Hosts that are reached without it, comma-separated."},
};

constexpr std::array exits = {
    HelpRow{"0", "stopped as asked, or --once has finished"},
    HelpRow{"1", "healthcheck got no answer"},
    HelpRow{"64", "a flag or command was misused, or names something that does not exist"},
    HelpRow{"69", "--once or a command could not finish, or status or check found a problem"},
    HelpRow{"70", "a bug was found; please report it with the last log line"},
    HelpRow{"74", "the state cannot be used, or the output cannot be written"},
    HelpRow{"75", "another instance uses the state, or a bulk was unanswered at the stop"},
    HelpRow{"78", "the configuration cannot work; the line says what to change"},
};

constexpr std::string_view examples = R"(  Two tenants, the token in the environment:
      cat tenants-credentials.yml
      tenants_credentials:
        - okta_api_key: 00aBcDeF...
          okta_domain: acme.okta.com
        - okta_api_key: 00gHiJkL...
          okta_domain: acme-emea.okta-emea.com
      LOGZIO_TOKEN=... logzio-okta --listener listener-eu.logz.io --tenants tenants-credentials.yml
  One tenant, once, the last day:
      export LOGZIO_TOKEN=... OKTA_API_KEY=... OKTA_DOMAIN=acme.okta.com
      logzio-okta --listener listener.logz.io --once --since 24h
)";

/// `text` indented by `indent` spaces and broken at spaces, but not before a flag, because a line that begins
/// with a flag explains it.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  const std::size_t width = columns - indent;
  while (!text.empty()) {
    std::size_t end = text.size() <= width ? text.size() : text.rfind(' ', width);
    while (end < text.size() && text.substr(end + 1).starts_with("--")) end = text.rfind(' ', end - 1);
    if (end == std::string_view::npos) end = std::min(text.find(' '), text.size());
    out.append(indent, ' ').append(text.substr(0, end)).append("\n");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string line(std::string_view name, std::size_t name_columns, std::string_view meaning) {
  std::string out = wrapped(meaning, name_columns + 4);
  return out.replace(2, name.size(), name);
}

std::size_t widest_name(std::span<const HelpRow> rows) {
  std::size_t widest = 0;
  for (const HelpRow& row : rows) widest = std::max(widest, row.name.size());
  return widest;
}

std::string flag(const OptionRow& row) {
  std::string behind(row.meaning);
  if (!row.environment.empty()) behind += " Variable: " + std::string(row.environment) + ".";
  if (row.fallback == "required") {
    behind += " It is required.";
  } else if (!row.fallback.empty()) {
    behind += " Default: " + std::string(row.fallback) + ".";
  }
  return "  " + std::string(row.flag) + "\n" + wrapped(behind, 6);
}

std::string command_help(const CommandRow& command) {
  std::string out = "Usage: logzio-okta " + usage_of(command) + " [FLAG]...\n\n";
  out += wrapped(command.meaning, 0);
  std::string_view details = command.details;
  while (!details.empty()) {
    const std::string_view paragraph = details.substr(0, details.find('\n'));
    out += "\n" + wrapped(paragraph, 0);
    details.remove_prefix(std::min(paragraph.size() + 1, details.size()));
  }
  const std::vector<OptionRow> flags = flags_of(command);
  if (!flags.empty()) out += "\nFlags\n";
  for (const OptionRow& row : flags) out += flag(row);
  return out;
}

}  // namespace

std::string help_text(CommandTable commands) {
  std::string out(summary);
  out +=
      "\n\n"
      "Usage: logzio-okta [COMMAND] [FLAG]...\n\n"
      "Commands (logzio-okta COMMAND --help shows the flags of each)\n";
  std::size_t widest = 0;
  for (const CommandRow& row : commands) widest = std::max(widest, usage_of(row).size());
  for (const CommandRow& row : commands) out += line(usage_of(row), widest, row.meaning);
  out += "\nFlags of " + std::string(commands.front().name) +
         " (a flag overrides its variable; an empty variable counts as unset)\n";
  for (const OptionRow& row : flags_of(commands.front())) out += flag(row);
  out += "\nVariables without a flag\n";
  for (const HelpRow& row : variables) out += line(row.name, widest_name(variables), row.meaning);
  out += "\nExit codes\n";
  for (const HelpRow& row : exits) out += line(row.name, 4, row.meaning);
  return out.append("\nExamples\n").append(examples);
}

std::string help_text(CommandTable commands, std::span<const std::string> words) {
  std::string wanted;
  for (const std::string& word : words) wanted += (wanted.empty() ? "" : " ") + word;
  std::string out;
  for (const CommandRow& command : commands) {
    const bool family = command.name.starts_with(wanted + " ");
    // Words after a command's name are its arguments: "import-logstash DIR --help" asks about
    // import-logstash.
    if (!family && !(wanted + " ").starts_with(std::string(command.name) + " ")) continue;
    if (!out.empty()) out += "\n";
    out += command_help(command);
  }
  return out;
}

std::string usage_of(const CommandRow& command) {
  std::string text(command.name);
  if (!command.words.empty()) text.append(" ").append(command.words);
  return text;
}

std::string_view help_summary() {
  return summary;
}
std::span<const HelpRow> help_variables() {
  return variables;
}
std::span<const HelpRow> help_exit_codes() {
  return exits;
}
std::string_view help_examples() {
  return examples;
}

std::string version_text() {
  return "logzio-okta " LOGZIO_OKTA_VERSION "\n";
}

}  // namespace logzio_okta
