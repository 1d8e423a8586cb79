// cxxopts's own little parser of flags instead of one built from regular expressions at every start.
#define CXXOPTS_NO_REGEX

#include "shell/settings/settings.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include <cxxopts.hpp>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"

#include "shell/os/small_file.hpp"
#include "shell/output/did_you_mean.hpp"
#include "shell/settings/misnamed.hpp"
#include "shell/settings/secret_file.hpp"
#include "shell/settings/store_url.hpp"

namespace logzio_okta {
namespace {

/// Of "LOGZIO_TOKEN, LOGZIO_TOKEN_FILE" the one that means what the flag means.
std::string_view variable_of(const OptionRow& row) {
  const std::size_t comma = row.environment.rfind(' ');
  return comma == std::string_view::npos ? row.environment : row.environment.substr(comma + 1);
}

struct Value {
  std::string text;
  std::string from;  ///< "--since" or "LOGZIO_OKTA_SINCE".
  bool of_flag = false;
};

using Outcome = std::expected<void, SettingsError>;

std::unexpected<SettingsError> misuse(std::string text) {
  return std::unexpected(SettingsError{exit_usage, {std::move(text) + "; logzio-okta --help shows how"}});
}

// Misused flags.

/// The flag without its value, which may be a credential.
std::string flag_only(std::string_view argument) {
  return quotable(argument.substr(0, argument.find_first_of("=: ")));
}

bool names_a_credential(std::string_view flag) {
  const std::string name = ascii::lower(flag);
  return std::ranges::any_of(std::array{"token", "key", "secret", "password"},
                             [&](const char* word) { return name.contains(word); });
}

/// Every flag that some command takes, and whether it takes a value.
std::map<std::string, bool> all_flags(CommandTable commands) {
  std::map<std::string, bool> flags;
  for (const CommandRow& command : commands) {
    for (const OptionRow& row : flags_of(command)) {
      const auto [flag, added] = flags.emplace(name_of(row), takes_value(row));
      // One flag, one shape: otherwise the word after it would be a value or not, depending on the command.
      CHECK(added || flag->second == takes_value(row));
    }
  }
  return flags;
}

std::unexpected<SettingsError> unknown_flag(std::string_view argument, CommandTable commands) {
  std::vector<std::string_view> known = {"help", "version"};
  const auto flags = all_flags(commands);
  for (const auto& [known_flag, with_value] : flags) known.push_back(known_flag);
  const std::string flag = flag_only(argument);
  const std::string_view name =
      std::string_view(flag).substr(std::min(flag.find_first_not_of('-'), flag.size()));
  if (const auto meant = did_you_mean(name, known)) {
    return misuse("there is no flag " + flag + "; did you mean --" + std::string(*meant) + "?");
  }
  if (names_a_credential(name)) {
    return misuse(
        "there is no flag " + flag +
        ": every user of this machine can read a flag's value; put the shipping token into LOGZIO_TOKEN or "
        "the file of --token-file, an Okta key into the tenants file or OKTA_API_KEY");
  }
  return misuse("there is no flag " + flag);
}

/// cxxopts takes "-since" for the flags -s -i -n -c -e. Nobody means that here.
std::optional<std::string_view> one_dash_too_few(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--") break;
    if (argument.size() > 2 && argument[0] == '-' && argument[1] != '-') return argument;
  }
  return std::nullopt;
}

// Words: the command and what follows it.

std::string one_of(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

/// Whether the words begin with the command's name, of one word or two.
bool begin_with(std::span<const std::string> words, std::string_view name) {
  const std::size_t space = name.find(' ');
  if (space == std::string_view::npos) return !words.empty() && words[0] == name;
  return words.size() > 1 && words[0] == name.substr(0, space) && words[1] == name.substr(space + 1);
}

std::unexpected<SettingsError> no_such_command(std::span<const std::string> words, CommandTable commands) {
  std::vector<std::string_view> seconds;
  std::vector<std::string_view> known;
  for (const CommandRow& command : commands) {
    const std::size_t space = command.name.find(' ');
    known.push_back(command.name.substr(0, space));
    if (space != std::string_view::npos && known.back() == words[0]) {
      seconds.push_back(command.name.substr(space + 1));
    }
  }
  if (!seconds.empty()) return misuse(words[0] + " needs a second word, one of " + one_of(seconds));
  const std::string text = "there is no command \"" + quotable(words[0]) + "\"";
  const auto meant = did_you_mean(words[0], known);
  return misuse(meant ? text + "; did you mean " + std::string(*meant) + "?" : text);
}

/// "DIR", "[ID]", "ID...", "[ID]..." as the numbers of words they allow.
std::pair<std::size_t, std::size_t> words_allowed(std::string_view form) {
  std::size_t least = 0;
  std::size_t most = 0;
  while (!form.empty()) {
    const std::string_view word = form.substr(0, form.find(' '));
    if (!word.starts_with('[')) ++least;
    most = word.ends_with("...") ? std::string_view::npos : most + 1;
    form.remove_prefix(std::min(word.size() + 1, form.size()));
  }
  return {least, most};
}

// cxxopts, used here and nowhere else.

/// "--once" of "--once=yes".
std::string flag_with_needless_value(int argc, const char* const* argv, CommandTable commands) {
  const auto flags = all_flags(commands);
  for (const std::string_view argument : std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
    const std::string name = flag_only(argument);
    const bool takes_none = std::ranges::any_of(
        flags, [&](const auto& flag) { return !flag.second && name == "--" + std::string(flag.first); });
    if (takes_none && argument.contains('=')) return name;
  }
  return "a flag like --once or --help";
}

std::expected<cxxopts::ParseResult, SettingsError> parse_flags(int argc, const char* const* argv,
                                                               CommandTable commands) {
  if (const auto argument = one_dash_too_few(argc, argv)) return unknown_flag(*argument, commands);
  cxxopts::Options flags("logzio-okta");
  flags.allow_unrecognised_options().add_options()("h,help", "")("V,version", "");
  for (const auto& [name, with_value] : all_flags(commands)) {
    if (with_value) {
      flags.add_options()(name, "", cxxopts::value<std::string>());
    } else {
      flags.add_options()(name, "");
    }
  }
  try {
    return flags.parse(argc, argv);
  } catch (const cxxopts::exceptions::missing_argument&) {
    return misuse(flag_only(argv[argc - 1]) + " needs a value");
  } catch (const cxxopts::exceptions::exception&) {
    return misuse(flag_with_needless_value(argc, argv, commands) + " takes no value; write it alone");
  }
}

class Reader {
 public:
  Reader(const cxxopts::ParseResult& flags, const Environment& environment, WallTime now,
         CommandTable commands)
      : flags_(flags), environment_(environment), now_(now), commands_(commands) {}

  std::expected<Settings, SettingsError> read() {
    if (auto done = read_words(); !done) return std::unexpected(std::move(done.error()));
    if (flags_.count("help") > 0) return std::move(settings_);
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

  Outcome read_words() {
    std::vector<std::string> words;
    for (const std::string& word : flags_.unmatched()) {
      if (word.starts_with('-') && word.size() > 1) return unknown_flag(word, commands_);
      words.push_back(word);
    }
    if (flags_.count("help") > 0) {
      words.insert(words.begin(), "help");
    } else if (flags_.count("version") > 0) {
      words = {"version"};
    }
    if (words.empty()) {
      settings_.command = &commands_.front();
      return {};
    }
    const auto command =
        std::ranges::find_if(commands_, [&](const CommandRow& row) { return begin_with(words, row.name); });
    if (command == commands_.end()) return no_such_command(words, commands_);
    settings_.command = &*command;
    words.erase(words.begin(), words.begin() + 1 + std::ranges::count(command->name, ' '));
    const auto [least, most] = words_allowed(command->words);
    const std::string name(command->name);
    if (words.size() < least) return misuse("usage: logzio-okta " + name + " " + std::string(command->words));
    if (words.size() > most) {
      return misuse("the command " + name + " does not take \"" + quotable(words[most]) + "\"");
    }
    settings_.words = std::move(words);
    return {};
  }

  Outcome read_flags() {
    for (const auto& [name, with_value] : all_flags(commands_)) {
      if (flags_.count(name) > 0 && !takes(name)) return not_for_this_command(name);
    }
    for (const OptionRow& row : option_table()) {
      if (find_flag(*settings_.command, name_of(row)) != &row) continue;
      if (auto done = read_row(row); !done) return done;
    }
    for (const OptionRow& row : settings_.command->own) {
      if (auto done = read_own(row); !done) return done;
    }
    return {};
  }

  [[nodiscard]] std::unexpected<SettingsError> not_for_this_command(const std::string& flag) const {
    std::vector<std::string_view> takers;
    for (const CommandRow& command : commands_) {
      if (find_flag(command, flag) != nullptr) takers.push_back(command.name);
    }
    return misuse("the command " + std::string(settings_.command->name) + " takes no --" + flag + ", but " +
                  one_of(takers) + (takers.size() == 1 ? " does" : " do"));
  }

  Outcome read_row(const OptionRow& row) {
    if (!takes_value(row)) {
      CHECK(name_of(row) == "once");
      settings_.options.policy.once = flags_.count("once") > 0 && flags_["once"].as<bool>();
      return {};
    }
    auto value = value_of(row);
    if (!value) return std::unexpected(std::move(value.error()));
    if (!*value) {
      settings_.no_listener |= name_of(row) == "listener";
      return {};
    }
    if (Result<void> done = apply(name_of(row), **value); !done) {
      bad_value((*value)->from + ": " + done.error().text);
    }
    return {};
  }

  /// A flag that only this command knows keeps its text; the command reads it.
  Outcome read_own(const OptionRow& row) {
    const std::string name(name_of(row));
    if (!takes_value(row)) {
      if (flags_.count(name) > 0 && flags_[name].as<bool>()) settings_.own.emplace(name, "");
      return {};
    }
    auto value = value_of(row);
    if (!value) return std::unexpected(std::move(value.error()));
    if (*value) settings_.own.emplace(name, std::move((*value)->text));
    return {};
  }

  std::expected<std::optional<Value>, SettingsError> value_of(const OptionRow& row) const {
    const std::string name(name_of(row));
    if (flags_.count(name) == 0) {
      const auto value = environment_.get(variable_of(row));
      if (!value) return std::nullopt;
      // A line of an environment file may end in a carriage return.
      return Value{std::string(ascii::trim(*value)), std::string(variable_of(row)), false};
    }
    if (flags_.count(name) > 1) return misuse("--" + name + " is given twice; keep one");
    std::string text = flags_[name].as<std::string>();
    if (text.empty()) return misuse("--" + name + " needs a value");
    if (text.starts_with("--")) return misuse("--" + name + " needs a value, not another flag");
    return Value{std::move(text), "--" + name, true};
  }

  /// Takes over the value of the flag of this name.
  Result<void> apply(std::string_view name, const Value& value) {
    // Another word for the level is a warning, as in the old image.
    if (!value.of_flag && is_quoted(value.text) && name != "log-level") {
      return fail("it has quotes around it, which docker's --env-file keeps; write the value without them");
    }
    Options& options = settings_.options;
    if (name == "tenants") return keep(options.tenants, value);
    if (name == "token-file") return keep(options.token_file, value);
    if (name == "state-dir") return keep(options.state_dir, value);
    if (name == "store") return keep_store(value);
    if (name == "instance") return assign(options.instance.emplace(), parse_instance(value.text));
    if (name == "lease") return assign(options.lease, parse_lease(value.text));
    if (name == "copy-to") return keep(options.copy_to, value);
    if (name == "ca-file") return keep(options.ca_file, value);
    if (name == "listener") {
      options.listener_from = value.from;
      return assign(options.listener, Endpoint::parse(value.text));
    }
    if (name == "since") return assign(options.policy.since, parse_since(value.text, now_));
    if (name == "poll-interval") return assign(options.policy.poll_interval, parse_poll_interval(value.text));
    if (name == "rate-share") return assign(options.policy.rate_share, parse_rate_share(value.text));
    if (name == "admin") return assign(options.admin, parse_address(value.text, "127.0.0.1:9810"));
    if (name == "admin-hosts") return assign(options.admin_hosts, parse_hosts(value.text));
    if (name == "hooks") return assign(options.hooks, parse_address(value.text, "0.0.0.0:8443"));
    if (name == "hooks-cert") return keep(options.hooks_cert, value);
    if (name == "hooks-key") return keep(options.hooks_key, value);
    if (name == "hooks-orgs") return assign(options.hooks_orgs, parse_orgs(value.text));
    if (name == "hooks-proxies") names_proxies_ = true;
    if (name == "hooks-proxies") return assign(options.hooks_proxies, parse_proxies(value.text));
    if (name == "hooks-regions") return assign(options.hooks_regions.emplace(), parse_regions(value.text));
    if (name == "hooks-secrets") return keep(options.hooks_secrets, value);
    if (name == "user") return assign(options.user.emplace(), parse_user(value.text));
    if (name == "log-level") return apply_level(value);
    CHECK(name == "log-format");
    return apply_format(value);
  }

  static Result<void> keep(std::optional<std::string>& place, const Value& value) {
    place = value.text;
    return {};
  }
  template <class T>
  static Result<void> assign(T& place, Result<T> value) {
    if (!value) return std::unexpected(std::move(value.error()));
    place = std::move(*value);
    return {};
  }

  Result<void> keep_store(const Value& value) {
    const Result<void> good = check_store_url(value.text);
    settings_.no_store = !good;
    if (!good) return good;
    return keep(settings_.options.store, value);
  }

  static Result<Duration> parse_poll_interval(std::string_view text) {
    constexpr Duration poll_interval_max = 1h;
    Result<Duration> interval = parse_duration(text);
    if (interval && *interval > poll_interval_max)
      return fail(ascii::quote(text) + " is too long; write 1h or less");
    return interval;
  }

  Result<void> apply_level(const Value& value) {
    const std::optional<Level> level = parse_level(value.text);
    const std::string wrong =
        ascii::quote(value.text) + " is not a level; write trace, debug, info, warn, error or fatal";
    if (level) {
      settings_.options.level = *level;
    } else if (value.of_flag) {
      return fail(wrong);
    } else {
      settings_.options.warnings.push_back(value.from + ": " + wrong +
                                           "; info is used");  // As the old image did.
    }
    return {};
  }

  Result<void> apply_format(const Value& value) {
    const std::string word = ascii::lower(ascii::trim(value.text));
    if (word != "text" && word != "json")
      return fail(ascii::quote(value.text) + " is not a format; write text or json");
    settings_.options.format = word == "json" ? LogFormat::json : LogFormat::text;
    return {};
  }

  /// An image may set the variable of the directory; whoever writes the flag means it.
  void choose_state() {
    Options& options = settings_.options;
    if (!options.store) return;
    if (flags_.count("state-dir") > 0) {
      bad_value("--state-dir: the state is in the database that " +
                std::string(flags_.count("store") > 0 ? "--store" : "LOGZIO_OKTA_STORE") +
                " names; remove one of the two");
    }
    options.state_dir.reset();
  }

  void read_token() {
    Options& options = settings_.options;
    const auto variable = environment_.get("LOGZIO_TOKEN");
    if (variable && flags_.count("token-file") == 0) {
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
    const std::string from = flags_.count("token-file") > 0 ? "--token-file" : "LOGZIO_TOKEN_FILE";
    options.token_from = from;
    if (check_token(*options.token_file)) {
      return bad_value(from +
                       ": this looks like the token itself; write it into a file and name that file here");
    }
    Result<Secret> token = read_token_file(*options.token_file, options.warnings);
    if (!token) return bad_value(from + ": " + token.error().text);
    options.token = std::move(*token);
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
      const std::string from = flags_.count("listener") > 0 ? "--listener" : "LOGZIO_LISTENER_HOST";
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

  /// Deliveries carry a credential and personal data: beyond loopback only under TLS.
  void check_hooks() {
    const Options& options = settings_.options;
    if (options.hooks_cert.has_value() != options.hooks_key.has_value()) {
      bad_value("--hooks-cert and --hooks-key belong together; one of them is not set");
    } else if (!options.hooks && hooks_are_described()) {
      bad_value("--hooks is not set; give the address to listen on, for example --hooks 0.0.0.0:8443");
    } else if (options.hooks && !options.hooks_cert && !names_proxies_ && !is_loopback(options.hooks->host)) {
      bad_value(
          "--hooks " + options.hooks->host +
          ": without TLS only loopback is listened on; give --hooks-cert and --hooks-key, or put a reverse "
          "proxy in front and write 127.0.0.1, or name its address with --hooks-proxies");
    }
  }
  [[nodiscard]] bool hooks_are_described() const {
    const Options& options = settings_.options;
    return options.hooks_cert || options.hooks_secrets || !options.hooks_orgs.empty() || names_proxies_ ||
           options.hooks_regions;
  }

  const cxxopts::ParseResult& flags_;
  const Environment& environment_;
  WallTime now_;
  CommandTable commands_;
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
  const auto flags = parse_flags(argc, argv, commands);
  if (!flags) return std::unexpected(flags.error());
  return Reader(*flags, environment, now, commands).read();
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
    warnings.push_back(listener.text() +
                       " never answers: what it refuses, or with a wrong token everything, is lost unseen; " +
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
