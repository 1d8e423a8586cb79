// cxxopts's own little parser of flags instead of one built from regular expressions at every start.
#define CXXOPTS_NO_REGEX

#include "shell/settings.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include <cxxopts.hpp>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/logzio/quote.hpp"

#include "shell/did_you_mean.hpp"
#include "shell/small_file.hpp"

namespace logzio_okta {
namespace {

// ---- The flags, as option_table() has them

/// "poll-interval" of "--poll-interval D".
std::string_view name_of(const OptionRow& row) {
  const std::string_view flag = row.flag.substr(2);
  return flag.substr(0, flag.find(' '));
}

bool takes_value(const OptionRow& row) {
  return row.flag.contains(' ');
}

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
  return std::unexpected(SettingsError{exit_usage, std::move(text) + "; logzio-okta --help shows how"});
}
std::unexpected<SettingsError> bad_value(std::string text) {
  return std::unexpected(SettingsError{exit_configuration, std::move(text)});
}

// ---- Misused flags

/// The flag without its value, which may be a credential.
std::string flag_only(std::string_view argument) {
  return quotable(argument.substr(0, argument.find_first_of("=: ")));
}

bool names_a_credential(std::string_view flag) {
  const std::string name = ascii::lower(flag);
  return std::ranges::any_of(std::array{"token", "key", "secret", "password"},
                             [&](const char* word) { return name.contains(word); });
}

std::unexpected<SettingsError> unknown_flag(std::string_view argument) {
  std::vector<std::string_view> known = {"help", "version"};
  for (const OptionRow& row : option_table()) known.push_back(name_of(row));
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

std::expected<Command, SettingsError> read_command(const std::vector<std::string>& words) {
  if (words.empty()) return Command::run;
  const auto* const row = std::ranges::find(commands, words.front(), &CommandRow::name);
  if (row != commands.end()) {
    if (words.size() == 1) return row->command;
    return misuse("the command " + words.front() + " takes no word behind it, \"" + quotable(words[1]) +
                  "\" stands there");
  }
  std::vector<std::string_view> known;
  for (const CommandRow& each : commands) known.push_back(each.name);
  std::string text = "there is no command \"" + quotable(words.front()) + "\"";
  if (const auto meant = did_you_mean(words.front(), known))
    text += "; did you mean " + std::string(*meant) + "?";
  return misuse(text);
}

// ---- cxxopts, used here and nowhere else

std::expected<cxxopts::ParseResult, SettingsError> parse_flags(int argc, const char* const* argv) {
  if (const auto argument = one_dash_too_few(argc, argv)) return unknown_flag(*argument);
  cxxopts::Options flags("logzio-okta");
  flags.allow_unrecognised_options().add_options()("h,help", "")("V,version", "");
  for (const OptionRow& row : option_table()) {
    const std::string name(name_of(row));
    if (takes_value(row)) {
      flags.add_options()(name, "", cxxopts::value<std::string>());
    } else {
      flags.add_options()(name, "");
    }
  }
  try {
    return flags.parse(argc, argv);
  } catch (const cxxopts::exceptions::missing_argument&) {
    return misuse(flag_only(argv[argc - 1]) + " needs a value behind it");
  } catch (const cxxopts::exceptions::exception&) {
    return misuse("a flag that takes no value, like --once or --help, has one");
  }
}

class Reader {
 public:
  Reader(const cxxopts::ParseResult& flags, const Environment& environment, WallTime now)
      : flags_(flags), environment_(environment), now_(now) {}

  std::expected<Settings, SettingsError> read() {
    if (auto done = read_words(); !done) return std::unexpected(std::move(done.error()));
    if (settings_.command != Command::run) return std::move(settings_);
    for (const OptionRow& row : option_table()) {
      if (auto done = read_row(row); !done) return std::unexpected(std::move(done.error()));
    }
    if (auto done = read_token(); !done) return std::unexpected(std::move(done.error()));
    if (auto done = read_proxy(); !done) return std::unexpected(std::move(done.error()));
    warn_of_the_listener();
    return std::move(settings_);
  }

 private:
  Outcome read_words() {
    std::vector<std::string> words;
    for (const std::string& word : flags_.unmatched()) {
      if (word.starts_with('-') && word.size() > 1) return unknown_flag(word);
      words.push_back(word);
    }
    auto command = read_command(words);
    if (!command) return std::unexpected(std::move(command.error()));
    settings_.command = *command;
    if (flags_.count("version") > 0) settings_.command = Command::version;
    if (flags_.count("help") > 0) settings_.command = Command::help;
    return {};
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
      if (name_of(row) != "listener") return {};
      return bad_value(
          "LOGZIO_LISTENER_HOST (or --listener) is not set; write your region's listener, for example "
          "listener.logz.io");
    }
    if (Result<void> done = apply(name_of(row), **value); !done) {
      return bad_value((*value)->from + ": " + done.error().text);
    }
    return {};
  }

  std::expected<std::optional<Value>, SettingsError> value_of(const OptionRow& row) const {
    const std::string name(name_of(row));
    if (flags_.count(name) == 0) {
      const auto value = environment_.get(variable_of(row));
      if (!value) return std::nullopt;
      return Value{std::string(*value), std::string(variable_of(row)), false};
    }
    if (flags_.count(name) > 1) return misuse("--" + name + " stands there twice; keep one");
    std::string text = flags_[name].as<std::string>();
    if (text.empty()) return misuse("--" + name + " needs a value behind it");
    if (text.starts_with("--")) return misuse("--" + name + " needs a value, not another flag, behind it");
    return Value{std::move(text), "--" + name, true};
  }

  /// Takes over the value of the flag of this name.
  Result<void> apply(std::string_view name, const Value& value) {
    Options& options = settings_.options;
    if (name == "tenants") return keep(options.tenants, value);
    if (name == "token-file") return keep(options.token_file, value);
    if (name == "state-dir") return keep(options.state_dir, value);
    if (name == "ca-file") return keep(options.ca_file, value);
    if (name == "listener") return assign(options.listener, Endpoint::parse(value.text));
    if (name == "since") return assign(options.policy.since, parse_since(value.text, now_));
    if (name == "poll-interval") return assign(options.policy.poll_interval, parse_poll_interval(value.text));
    if (name == "rate-share") return assign(options.policy.rate_share, parse_rate_share(value.text));
    if (name == "admin") return assign(options.admin, parse_admin(value.text));
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

  Outcome read_token() {
    Options& options = settings_.options;
    const auto variable = environment_.get("LOGZIO_TOKEN");
    if (variable && flags_.count("token-file") == 0) {
      if (options.token_file)
        options.warnings.emplace_back("LOGZIO_TOKEN is used, not LOGZIO_TOKEN_FILE, which is set too");
      options.token_file.reset();
      const std::string_view token = ascii::trim(*variable);
      if (Result<void> good = check_token(token); !good)
        return bad_value("LOGZIO_TOKEN: " + good.error().text);
      options.token = Secret(std::string(token));
      return {};
    }
    if (!options.token_file) {
      return bad_value(
          "LOGZIO_TOKEN is not set; put your Logz.io shipping token there, or into the file of --token-file");
    }
    const std::string from = flags_.count("token-file") > 0 ? "--token-file" : "LOGZIO_TOKEN_FILE";
    if (check_token(*options.token_file)) {
      return bad_value(from +
                       ": this looks like the token itself; write it into a file and name that file here");
    }
    Result<Secret> token = read_token_file(*options.token_file, options.warnings);
    if (!token) return bad_value(from + ": " + token.error().text);
    options.token = std::move(*token);
    return {};
  }

  Outcome read_proxy() {
    const auto either_case = [&](std::string_view upper) {
      const auto value = environment_.get(ascii::lower(upper));
      return (value ? value : environment_.get(upper)).value_or("");
    };
    Result<Proxy> proxy = Proxy::from(either_case("HTTPS_PROXY"), either_case("NO_PROXY"));
    if (!proxy) return bad_value(std::move(proxy.error().text));
    settings_.proxy = std::move(*proxy);
    return {};
  }

  void warn_of_the_listener() {
    const Endpoint& listener = settings_.options.listener;
    std::vector<std::string>& warnings = settings_.options.warnings;
    if (is_cleartext(listener.protocol) && !is_loopback(listener.host)) {
      warnings.push_back("the token and every event go unencrypted to " + listener.text() + "; " +
                         listener.host + ":8071 would be HTTPS");
    }
    if (is_lines(listener.protocol)) {
      warnings.push_back(
          listener.text() +
          " never answers: what it refuses, or with a wrong token everything, is lost unseen; " +
          listener.host + ":8071 answers");
    }
  }

  const cxxopts::ParseResult& flags_;
  const Environment& environment_;
  WallTime now_;
  Settings settings_;
};

}  // namespace

std::expected<Settings, SettingsError> read_settings(int argc, const char* const* argv,
                                                     const Environment& environment, WallTime now) {
  const auto flags = parse_flags(argc, argv);
  if (!flags) return std::unexpected(flags.error());
  return Reader(*flags, environment, now).read();
}

Result<Secret> read_token_file(const std::string& path, std::vector<std::string>& warnings) {
  Result<SmallFile> file = read_small_file(path, limits::secret_bytes_max);
  if (!file) return fail(path + " " + file.error().text);
  Secret whole(std::move(file->bytes));
  const std::string_view token = ascii::trim(whole.expose());
  if (token.empty()) return fail(path + " is empty; write the shipping token into it");
  if (Result<void> good = check_token(token); !good) return fail(path + ": " + good.error().text);
  if (file->readable_by_others) {
    warnings.push_back(path + ", which holds the shipping token, can be read by every user; chmod 600 it");
  }
  return Secret(std::string(token));
}

}  // namespace logzio_okta
