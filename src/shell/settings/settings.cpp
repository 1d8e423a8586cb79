#include "shell/settings/settings.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"

#include "shell/os/small_file.hpp"
#include "shell/settings/command_line.hpp"
#include "shell/settings/misnamed.hpp"
#include "shell/settings/readings.hpp"
#include "shell/settings/secret_file.hpp"

namespace logzio_okta {
namespace {

/// In "LOGZIO_TOKEN, LOGZIO_TOKEN_FILE", the variable that means the same as the flag.
std::string_view variable_of(const OptionRow& row) {
  const std::size_t comma = row.environment.rfind(' ');
  return comma == std::string_view::npos ? row.environment : row.environment.substr(comma + 1);
}

using Outcome = std::expected<void, SettingsError>;

std::unexpected<SettingsError> misuse(const Error& error) {
  return std::unexpected(SettingsError{
      exit_usage,
      {error.text + (error.text.ends_with('?') ? " See logzio-okta --help" : "; see logzio-okta --help")}});
}

class Reader {
 public:
  Reader(const CommandLine& line, const Environment& environment, WallTime now)
      : line_(line), environment_(environment), now_(now) {
    settings_.command = &line.command();
    settings_.words = line.words();
  }

  std::expected<Settings, SettingsError> read() {
    if (line_.has("help")) return std::move(settings_);
    if (auto done = read_flags(); !done) return std::unexpected(std::move(done.error()));
    if (takes("store")) choose_state();
    if (takes("token-file")) read_token();
    if (takes("listener")) read_region();
    if (takes("listener")) look_for_misnamed();
    if (takes("ca-file")) read_proxy();
    if (takes("hooks")) check_hooks();
    if (takes("listener") && !settings_.no_listener) {
      for (std::string& warning : warnings_about(settings_.options.listener))
        settings_.options.warnings.push_back(std::move(warning));
    }
    if (!settings_.problems.empty() && !settings_.command->judges_configuration) {
      for (std::string& problem : unsaid(settings_, nullptr)) bad_value(std::move(problem));
      return std::unexpected(SettingsError{exit_configuration, std::move(settings_.problems)});
    }
    return std::move(settings_);
  }

 private:
  [[nodiscard]] bool takes(std::string_view flag) const {
    return find_flag(*settings_.command, flag) != nullptr;
  }
  void bad_value(std::string text) { settings_.problems.push_back(std::move(text)); }

  Outcome read_flags() {
    for (const OptionRow& row : option_table()) {
      if (find_flag(*settings_.command, name_of(row)) != &row) continue;
      if (auto done = read_row(row); !done) return done;
    }
    for (const OptionRow& row : settings_.command->own) {
      if (auto done = read_own(row); !done) return done;
    }
    return {};
  }

  Outcome read_row(const OptionRow& row) {
    if (!takes_value(row)) {
      CHECK(name_of(row) == "once");
      settings_.options.policy.once = line_.is_on("once");
      return {};
    }
    auto value = value_of(row);
    if (!value) return std::unexpected(std::move(value.error()));
    if (!*value) {
      settings_.no_listener |= name_of(row) == "listener";
      return {};
    }
    names_proxies_ = names_proxies_ || name_of(row) == "hooks-proxies";
    if (Result<void> done = take_value(settings_.options, name_of(row), **value, now_); !done) {
      settings_.no_store = settings_.no_store || name_of(row) == "store";
      bad_value((*value)->from + ": " + done.error().text);
    }
    return {};
  }

  /// A flag that only this command knows keeps its text; the command reads it.
  Outcome read_own(const OptionRow& row) {
    const std::string name(name_of(row));
    if (!takes_value(row)) {
      if (line_.is_on(name)) settings_.own.emplace(name, "");
      return {};
    }
    auto value = value_of(row);
    if (!value) return std::unexpected(std::move(value.error()));
    if (*value) settings_.own.emplace(name, std::move((*value)->text));
    return {};
  }

  std::expected<std::optional<OptionValue>, SettingsError> value_of(const OptionRow& row) const {
    const std::string name(name_of(row));
    if (!line_.has(name)) {
      const auto value = environment_.get(variable_of(row));
      if (!value) return std::nullopt;
      // A line of an environment file may end in a carriage return.
      return OptionValue{std::string(ascii::trim(*value)), std::string(variable_of(row)), false};
    }
    auto text = line_.value_of(name);
    if (!text) return misuse(text.error());
    return OptionValue{std::move(**text), "--" + name, true};
  }

  /// An image may set the variable for the directory; a flag is always intended.
  void choose_state() {
    Options& options = settings_.options;
    if (!options.store) return;
    if (line_.has("state-dir")) {
      bad_value("--state-dir: the state is in the database that " +
                std::string(line_.has("store") ? "--store" : "LOGZIO_OKTA_STORE") +
                " names; remove one of the two");
    }
    options.state_dir.reset();
  }

  void read_token() {
    Options& options = settings_.options;
    const auto variable = environment_.get("LOGZIO_TOKEN");
    if (variable && !line_.has("token-file")) {
      if (options.token_file)
        options.warnings.emplace_back("LOGZIO_TOKEN is used, not LOGZIO_TOKEN_FILE, which is set too");
      options.token_file.reset();
      const Result<std::string_view> token = bare_credential(*variable);
      if (!token) return bad_value("LOGZIO_TOKEN: " + token.error().text);
      if (Result<void> good = check_token(*token); !good)
        return bad_value("LOGZIO_TOKEN: " + good.error().text);
      options.token = Secret(std::string(*token));
      return;
    }
    settings_.no_token = !options.token_file;
    if (!options.token_file) return;
    const std::string from = line_.has("token-file") ? "--token-file" : "LOGZIO_TOKEN_FILE";
    if (check_token(*options.token_file)) {
      return bad_value(from +
                       ": this looks like the token itself; write it into a file and name that file here");
    }
    Result<Secret> token = read_token_file(*options.token_file, options.warnings);
    if (!token) return bad_value(from + ": " + token.error().text);
    options.token = std::move(*token);
    options.token_from = from + " (" + *options.token_file + ")";
  }

  /// The other way to name one of Logz.io's own listeners.
  void read_region() {
    const auto text = environment_.get("LOGZIO_REGION");
    if (!text) return;
    Endpoint& listener = settings_.options.listener;
    const bool no_other = std::exchange(settings_.no_listener, false);
    if (is_quoted(*text)) {
      return bad_value(
          "LOGZIO_REGION: it has quotes around it, which docker's --env-file keeps; write it without them");
    }
    Result<Endpoint> said = Endpoint::of_region(*text);
    if (!said) return bad_value("LOGZIO_REGION: " + said.error().text);
    if (no_other) {
      listener = std::move(*said);
    } else if (!listener.host.empty() && listener.host != said->host) {
      const std::string from = line_.has("listener") ? "--listener" : "LOGZIO_LISTENER_HOST";
      bad_value("LOGZIO_REGION means " + said->host + ", and " + from + " says " + listener.host +
                "; remove one of the two");
    }
  }

  void look_for_misnamed() {
    if (settings_.no_token) settings_.misnamed_token = misnamed("LOGZIO_TOKEN", environment_);
    if (settings_.no_listener) settings_.misnamed_listener = misnamed("LOGZIO_LISTENER_HOST", environment_);
    for (std::string& warning : warnings_of_misnamed(environment_))
      settings_.options.warnings.push_back(std::move(warning));
  }

  void read_proxy() {
    const auto either_case = [&](std::string_view upper) {
      const auto value = environment_.get(ascii::lower(upper));
      return ascii::trim((value ? value : environment_.get(upper)).value_or(""));
    };
    for (const char* name : {"HTTPS_PROXY", "NO_PROXY"}) {
      if (!is_quoted(either_case(name))) continue;
      return bad_value(std::string(name) +
                       ": it has quotes around it, which docker's --env-file keeps; write it without them");
    }
    Result<Proxy> proxy = Proxy::from(either_case("HTTPS_PROXY"), either_case("NO_PROXY"));
    if (!proxy) return bad_value(std::move(proxy.error().text));
    settings_.proxy = std::move(*proxy);
  }

  /// Deliveries carry a credential and personal data: beyond loopback, only TLS is allowed.
  void check_hooks() {
    const Options& options = settings_.options;
    if (options.hooks_cert.has_value() != options.hooks_key.has_value()) {
      const bool cert = options.hooks_cert.has_value();
      bad_value(std::string(cert ? "--hooks-cert" : "--hooks-key") + " is set, but " +
                (cert ? "--hooks-key" : "--hooks-cert") + " is not; set both");
    } else if (!options.hooks && hooks_are_described()) {
      bad_value("--hooks is not set; give the address to listen on, for example --hooks 0.0.0.0:8443");
    } else if (options.hooks && !options.hooks_cert && !names_proxies_ && !is_loopback(options.hooks->host)) {
      bad_value(
          "--hooks " + options.hooks->host +
          ": without TLS it may listen only on loopback; give --hooks-cert and --hooks-key, or put a reverse "
          "proxy in front and write 127.0.0.1, or name its address with --hooks-proxies");
    }
  }
  [[nodiscard]] bool hooks_are_described() const {
    const Options& options = settings_.options;
    return options.hooks_cert || options.hooks_secrets || !options.hooks_orgs.empty() || names_proxies_ ||
           options.hooks_regions;
  }

  const CommandLine& line_;
  const Environment& environment_;
  WallTime now_;
  Settings settings_;
  bool names_proxies_ = false;  ///< Even if what is written there is wrong.
};

}  // namespace

std::optional<std::string_view> Settings::value_of(std::string_view flag) const {
  const auto found = own.find(flag);
  if (found == own.end()) return std::nullopt;
  return found->second;
}

std::expected<Settings, SettingsError> read_settings(int argc, const char* const* argv,
                                                     const Environment& environment, WallTime now,
                                                     CommandTable commands) {
  const Result<CommandLine> line = CommandLine::parse(argc, argv, commands);
  if (!line) return misuse(line.error());
  return Reader(*line, environment, now).read();
}

std::vector<std::string> unsaid(const Settings& settings, const Tenants* tenants) {
  const std::span<const TenantEntry> entries =
      tenants == nullptr ? std::span<const TenantEntry>() : tenants->entries;
  std::vector<std::string> problems;
  const auto judge = [&](const std::string& what, const std::string& key, const auto& has_own,
                         const std::string& cure, const std::string& misnamed) {
    const auto without = std::ranges::find_if_not(entries, has_own);
    const auto say = [&](const std::string& text) {
      problems.push_back(what + " is not set" + text + misnamed);
    };
    if (entries.empty()) {
      say("; " + cure + ", unless every tenant has a " + key + " of its own");
    } else if (std::ranges::none_of(entries, has_own)) {
      say("; " + cure);
    } else if (without != entries.end()) {
      say(", and " + without->domain.name() + " (" + tenants->source + ":" + std::to_string(without->line) +
          ") has no " + key + " of its own; " + cure);
    } else if (!settings.options.hooks_orgs.empty()) {
      say(", and what --hooks-orgs push goes there; " + cure);
    }
  };
  if (settings.no_listener) {
    judge(
        "LOGZIO_LISTENER_HOST (or --listener)", "logzio_listener_host",
        [](const TenantEntry& entry) { return entry.listener.has_value(); },
        "write your region's listener, for example listener.logz.io, or the region into LOGZIO_REGION",
        settings.misnamed_listener);
  }
  if (settings.no_token) {
    judge(
        "LOGZIO_TOKEN", "logzio_token", [](const TenantEntry& entry) { return !entry.token.empty(); },
        "put your Logz.io shipping token there, or into the file of --token-file", settings.misnamed_token);
  }
  return problems;
}

std::vector<std::string> warnings_about(const Endpoint& listener) {
  std::vector<std::string> warnings;
  if (is_cleartext(listener.protocol) && !is_loopback(listener.host)) {
    warnings.push_back("the token and every event go unencrypted to " + listener.text() + "; " +
                       listener.host + ":8071 would be HTTPS");
  }
  if (is_lines(listener.protocol)) {
    warnings.push_back(
        listener.text() +
        " never answers: lines that it refuses (all of them if the token is wrong) are lost unseen; " +
        listener.host + ":8071 answers");
  }
  return warnings;
}

Result<Secret> read_token_file(const std::string& path, std::vector<std::string>& warnings) {
  Result<SmallFile> file = read_small_file(path, limits::secret_bytes_max);
  if (!file) return fail(path + " " + file.error().text);
  Secret whole(std::move(file->bytes));
  const Result<std::string_view> token = bare_credential(whole.expose());
  if (!token) return fail(path + ": " + token.error().text);
  if (token->empty()) return fail(path + " is empty; write the shipping token into it");
  if (Result<void> good = check_token(*token); !good) return fail(path + ": " + good.error().text);
  warn_of_modes(path, *file, "the shipping token", warnings);
  return Secret(std::string(*token));
}

}  // namespace logzio_okta
