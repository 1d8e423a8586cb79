// cxxopts's own little parser of flags instead of one built from regular expressions at every start.
#define CXXOPTS_NO_REGEX

#include "shell/settings/command_line.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include <cxxopts.hpp>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/output/did_you_mean.hpp"

namespace logzio_okta {
namespace {

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

std::unexpected<Error> unknown_flag(std::string_view argument, CommandTable commands) {
  std::vector<std::string_view> known = {"help", "version"};
  const auto flags = all_flags(commands);
  for (const auto& [known_flag, with_value] : flags) known.push_back(known_flag);
  const std::string flag = flag_only(argument);
  const std::string_view name =
      std::string_view(flag).substr(std::min(flag.find_first_not_of('-'), flag.size()));
  if (const auto meant = did_you_mean(name, known)) {
    return fail("there is no flag " + flag + "; did you mean --" + std::string(*meant) + "?");
  }
  if (names_a_credential(name)) {
    return fail(
        "there is no flag " + flag +
        ": every user of this machine can read a flag's value; put the shipping token into LOGZIO_TOKEN or "
        "the file of --token-file, an Okta key into the tenants file or OKTA_API_KEY");
  }
  return fail("there is no flag " + flag);
}

/// cxxopts takes "-since" for the flags -s -i -n -c -e. That is never meant here.
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

std::unexpected<Error> no_such_command(std::span<const std::string> words, CommandTable commands) {
  std::vector<std::string_view> seconds;
  std::vector<std::string_view> known;
  for (const CommandRow& command : commands) {
    const std::size_t space = command.name.find(' ');
    known.push_back(command.name.substr(0, space));
    if (space != std::string_view::npos && known.back() == words[0]) {
      seconds.push_back(command.name.substr(space + 1));
    }
  }
  if (seconds.size() == 1) return fail("did you mean " + words[0] + " " + std::string(seconds[0]) + "?");
  if (!seconds.empty()) return fail(words[0] + " needs a second word, one of " + one_of(seconds));
  const std::string text = "there is no command \"" + quotable(words[0]) + "\"";
  const auto meant = did_you_mean(words[0], known);
  return fail(meant ? text + "; did you mean " + std::string(*meant) + "?" : text);
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

Result<cxxopts::ParseResult> parsed_flags(int argc, const char* const* argv, CommandTable commands) {
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
    return fail(flag_only(argv[argc - 1]) + " needs a value");
  } catch (const cxxopts::exceptions::exception&) {
    return fail(flag_with_needless_value(argc, argv, commands) + " takes no value; write it alone");
  }
}

std::unexpected<Error> not_for(const CommandRow& row, const std::string& flag, CommandTable commands) {
  std::vector<std::string_view> takers;
  for (const CommandRow& command : commands) {
    if (find_flag(command, flag) != nullptr) takers.push_back(command.name);
  }
  const auto flags = all_flags(commands);
  std::vector<std::string_view> own;
  for (const auto& [name, with_value] : flags) {
    if (find_flag(row, name) != nullptr) own.push_back(name);
  }
  const auto meant = did_you_mean(flag, own);
  return fail("the command " + std::string(row.name) + " takes no --" + flag + ", but " + one_of(takers) +
              (takers.size() == 1 ? " does" : " do") +
              (meant ? "; did you mean --" + std::string(*meant) + "?" : ""));
}

}  // namespace

Result<CommandLine> CommandLine::parse(int argc, const char* const* argv, CommandTable commands) {
  const auto parsed = parsed_flags(argc, argv, commands);
  if (!parsed) return std::unexpected(parsed.error());
  CommandLine line;
  auto flags = all_flags(commands);
  flags.insert({{"help", false}, {"version", false}});
  for (const auto& [name, with_value] : flags) {
    const std::size_t times = parsed->count(name);
    if (times == 0) continue;
    const auto& value = (*parsed)[name];
    const std::string text = with_value ? value.as<std::string>() : "";
    // Before the words are read: an empty variable in a script turns the next flag into a value, and the
    // value of that one into a word.
    if (text.starts_with("--"))
      return fail("--" + name + " needs a value, but the flag " + quotable(flag_only(text)) + " comes next");
    line.flags_.emplace(name, Flag{.times = times, .text = text, .on = !with_value && value.as<bool>()});
  }
  if (auto read = line.read_words(parsed->unmatched(), commands); !read) return std::unexpected(read.error());
  if (line.has("help")) return line;
  for (const auto& [name, flag] : line.flags_) {
    if (name != "version" && find_flag(*line.command_, name) == nullptr)
      return not_for(*line.command_, name, commands);
  }
  return line;
}

Result<void> CommandLine::read_words(std::vector<std::string> unmatched, CommandTable commands) {
  std::vector<std::string> words;
  for (const std::string& word : unmatched) {
    if (word.starts_with('-') && word.size() > 1) return unknown_flag(word, commands);
    words.push_back(word);
  }
  if (has("help")) {
    words.insert(words.begin(), "help");
  } else if (has("version")) {
    words = {"version"};
  }
  if (words.empty()) {
    command_ = &commands.front();
    return {};
  }
  const auto command =
      std::ranges::find_if(commands, [&](const CommandRow& row) { return begin_with(words, row.name); });
  if (command == commands.end()) return no_such_command(words, commands);
  command_ = &*command;
  words.erase(words.begin(), words.begin() + 1 + std::ranges::count(command->name, ' '));
  const auto [least, most] = words_allowed(command->words);
  const std::string name(command->name);
  if (words.size() < least) return fail("usage: logzio-okta " + name + " " + std::string(command->words));
  if (words.size() > most) {
    return fail("the command " + name + " does not take \"" + quotable(words[most]) + "\"");
  }
  words_ = std::move(words);
  return {};
}

bool CommandLine::is_on(std::string_view flag) const {
  const auto found = flags_.find(flag);
  return found != flags_.end() && found->second.on;
}

Result<std::optional<std::string>> CommandLine::value_of(std::string_view flag) const {
  const auto found = flags_.find(flag);
  if (found == flags_.end()) return std::nullopt;
  const std::string name(flag);
  const auto& [times, text, on] = found->second;
  if (times > 1) return fail("--" + name + " is given twice; keep one");
  if (text.empty()) return fail("--" + name + " needs a value");
  return text;
}

}  // namespace logzio_okta
