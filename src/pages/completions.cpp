#include "pages/completions.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string_view>
#include <vector>

namespace logzio_okta {
namespace {

// The tables' data, as completions need it.

constexpr std::string_view files = "FILE";
constexpr std::string_view directories = "DIR";

struct Values {
  std::string_view flag;
  std::string_view words;
};
// Not in any table: the words that some flags take.
constexpr std::array known_values = {Values{"log-level", "trace debug info warn error fatal"},
                                     Values{"log-format", "text json"}};

std::string_view values_of(const OptionRow& row) {
  const auto* const known = std::ranges::find(known_values, name_of(row), &Values::flag);
  return known == known_values.end() ? std::string_view() : known->words;
}

/// "FILE" of "--tenants FILE"; empty without a value.
std::string_view placeholder(const OptionRow& row) {
  return takes_value(row) ? row.flag.substr(row.flag.find(' ') + 1) : std::string_view();
}

/// Every flag of any command, once; a flag is the same in every command.
std::vector<OptionRow> all_flags(CommandTable commands) {
  std::vector<OptionRow> all;
  for (const CommandRow& command : commands) {
    for (const OptionRow& row : flags_of(command)) {
      if (std::ranges::find(all, name_of(row), [](const OptionRow& each) { return name_of(each); }) ==
          all.end()) {
        all.push_back(row);
      }
    }
  }
  return all;
}

/// The words that may follow the words typed so far: {"": {"run", "set-aside"}, "set-aside": {"list",
/// "show"}}.
std::map<std::string, std::vector<std::string>> next_words(CommandTable commands) {
  std::map<std::string, std::vector<std::string>> next;
  for (const CommandRow& command : commands) {
    const std::size_t space = std::min(command.name.find(' '), command.name.size());
    const std::string first(command.name.substr(0, space));
    if (std::ranges::find(next[""], first) == next[""].end()) next[""].push_back(first);
    if (space < command.name.size()) next[first].emplace_back(command.name.substr(space + 1));
  }
  return next;
}

/// For one-line lists: the first sentence of the meaning of a flag or a command.
std::string short_meaning(std::string_view meaning) {
  const std::size_t end = std::min({meaning.find(". "), meaning.find(": "), meaning.find("; ")});
  std::string text(meaning.substr(0, end));
  if (text.ends_with('.')) text.pop_back();
  return text;
}

void add(std::string& out, const auto&... pieces) {
  (out.append(pieces), ...);
}

std::string joined(const std::vector<std::string>& words, std::string_view between = " ") {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? "" : between).append(word);
  return out;
}

std::string dashed_flags(const CommandRow& command) {
  std::vector<std::string> flags;
  for (const OptionRow& row : flags_of(command)) flags.push_back("--" + std::string(name_of(row)));
  flags.emplace_back("--help");
  return joined(flags);
}

/// "--a | --b" of every flag with a value for which `wanted` holds.
std::string pattern_of(CommandTable commands, const std::function<bool(const OptionRow&)>& wanted) {
  std::vector<std::string> flags;
  for (const OptionRow& row : all_flags(commands)) {
    if (takes_value(row) && wanted(row)) flags.push_back("--" + std::string(name_of(row)));
  }
  return joined(flags, " | ");
}

std::string replaced(std::string text, char c, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(c, at)) != std::string::npos; at += by.size())
    text.replace(at, 1, by);
  return text;
}

/// In single quotes for bash and zsh, which have no escapes inside them.
std::string quoted(const std::string& text) {
  return "'" + replaced(text, '\'', "'\\''") + "'";
}

/// The loop that bash and zsh share: $said becomes the command's words, without flags and their values.
std::string find_what_was_said(CommandTable commands, std::string_view first, std::string_view end,
                               std::string_view word) {
  return "  for ((i = " + std::string(first) + "; i < " + std::string(end) + "; i++)); do\n    case ${" +
         std::string(word) + "} in\n      " + pattern_of(commands, [](const OptionRow&) { return true; }) +
         ") ((i++)) ;;\n      -*) ;;\n      *) said+=${said:+ }${" + std::string(word) +
         "} ;;\n    esac\n  done\n";
}

constexpr std::string_view made_by = "made from the program's own tables when it is built.\n";

}  // namespace

std::string bash_completion(CommandTable commands) {
  std::string out = "# shellcheck shell=bash\n# bash completion for logzio-okta(1), " + std::string(made_by);
  out +=
      "_logzio_okta() {\n  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
      "  local said='' words='' flags='' i\n  COMPREPLY=()\n  case $previous in\n";
  const auto values = [&](std::string_view pattern, std::string_view how) {
    if (!pattern.empty()) out.append("    ").append(pattern).append(") ").append(how).append(" return ;;\n");
  };
  const std::string compgen = "mapfile -t COMPREPLY < <(compgen ";
  values(pattern_of(commands, [](const OptionRow& row) { return placeholder(row) == files; }),
         "compopt -o filenames 2>/dev/null; " + compgen + "-f -- \"$word\");");
  values(pattern_of(commands, [](const OptionRow& row) { return placeholder(row) == directories; }),
         "compopt -o filenames 2>/dev/null; " + compgen + "-d -- \"$word\");");
  for (const Values& known : known_values) {
    values("--" + std::string(known.flag), compgen + "-W '" + std::string(known.words) + "' -- \"$word\");");
  }
  values(pattern_of(commands,
                    [](const OptionRow& row) {
                      return placeholder(row) != files && placeholder(row) != directories &&
                             values_of(row).empty();
                    }),
         "");
  out += "  esac\n" + find_what_was_said(commands, "1", "COMP_CWORD", "COMP_WORDS[i]") + "  case $said in\n";
  for (const auto& [said, words] : next_words(commands)) {
    add(out, "    ", quoted(said), ") words='", joined(words), "' ;;\n");
  }
  out += "  esac\n  case $said in\n    '') flags='" + dashed_flags(commands.front()) + " --version' ;;\n";
  for (const CommandRow& command : commands) {
    const std::string name = quoted(std::string(command.name));
    add(out, "    ", name, " | ", name, "\\ *) flags='", dashed_flags(command), "'");
    if (command.words.contains(directories)) out += " words=$(compgen -d -- \"$word\")";
    out += " ;;\n";
  }
  out += "  esac\n  [[ $word == -* ]] && words=$flags\n  " + compgen +
         "-W \"$words\" -- \"$word\")\n}\n"
         "complete -F _logzio_okta logzio-okta\n";
  return out;
}

std::string zsh_completion(CommandTable commands) {
  const auto escaped = [](std::string text) {
    for (const char c : {'\\', '[', ']', ':'}) text = replaced(std::move(text), c, std::string("\\") + c);
    return text;
  };
  const auto spec = [&](const OptionRow& row) {
    std::string text = "--" + std::string(name_of(row)) + "[" + escaped(short_meaning(row.meaning)) + "]";
    if (takes_value(row)) text += ":" + escaped(std::string(placeholder(row))) + ":";
    if (placeholder(row) == files) text += "_files";
    if (placeholder(row) == directories) text += "_files -/";
    if (!values_of(row).empty()) text += "(" + std::string(values_of(row)) + ")";
    return quoted(text);
  };
  const auto specs = [&](const CommandRow& command) {
    std::string out;
    for (const OptionRow& row : flags_of(command)) out += "      " + spec(row) + "\n";
    return out + "      '--help[Show what the command does and takes]'\n";
  };
  const auto meaning_of = [&](const std::string& name) {
    const auto row = std::ranges::find(commands, std::string_view(name), &CommandRow::name);
    return row == commands.end() ? std::string() : escaped(short_meaning(row->meaning));
  };

  std::string out = "#compdef logzio-okta\n# zsh completion for logzio-okta(1), " + std::string(made_by);
  out += "local said=''\nlocal -a next flags\ninteger i\n" +
         find_what_was_said(commands, "2", "CURRENT", "words[i]") + "case $said in\n";
  for (const auto& [said, words] : next_words(commands)) {
    add(out, "  ", quoted(said), ") next=(\n");
    for (const std::string& word : words) {
      std::string name = said;
      add(name, said.empty() ? "" : " ", word);
      std::string item = word;
      add(item, ":", meaning_of(name));
      add(out, "      ", quoted(item), "\n");
    }
    out += "    ) ;;\n";
  }
  out += "esac\ncase $said in\n  '') flags=(\n" + specs(commands.front()) +
         "      '--version[Show the version]'\n    ) ;;\n";
  for (const CommandRow& command : commands) {
    const std::string name = quoted(std::string(command.name));
    add(out, "  ", name, " | ", name, "\\ *) flags=(\n", specs(command), "    ) ;;\n");
  }
  // The loop has gone one too far if the word before the cursor needs a value.
  return out +
         "esac\nif (( $#next && i == CURRENT )) && [[ $PREFIX != -* ]]; then\n  _describe -t commands "
         "command next && "
         "return\nfi\n"
         "_arguments $flags '*: :_files'\n";
}

std::string fish_completion(CommandTable commands) {
  const auto escaped = [](const std::string& text) {
    return "'" + replaced(replaced(text, '\\', "\\\\"), '\'', "\\'") + "'";
  };
  const auto next = next_words(commands);
  std::string out =
      "# fish completion for logzio-okta(1), " + std::string(made_by) + "complete -c logzio-okta -f\n";
  const auto seen = [](const std::string& words) { return "__fish_seen_subcommand_from " + words; };
  // A command is recognised by its word, or both of its words; `run` also by the absence of any.
  const auto condition = [&](const CommandRow& command) {
    const std::string name(command.name);
    const std::size_t space = name.find(' ');
    if (space != std::string::npos)
      return seen(name.substr(0, space)) + "; and " + seen(name.substr(space + 1));
    if (command.name != commands.front().name) return seen(name);
    std::vector<std::string> others = next.at("");
    std::erase(others, name);
    return "not " + seen(joined(others));
  };
  for (const CommandRow& command : commands) {
    const std::string name(command.name);
    const std::size_t space = name.find(' ');
    const std::string first = name.substr(0, space);
    const std::string before = space == std::string::npos
                                   ? "not " + seen(joined(next.at("")))
                                   : seen(first) + "; and not " + seen(joined(next.at(first)));
    const std::string word = space == std::string::npos ? name : name.substr(space + 1);
    add(out, "complete -c logzio-okta -n '", before, "' -a ", word, " -d ",
        escaped(short_meaning(command.meaning)), "\n");
    if (space != std::string::npos && next.at(first).front() == word) {
      add(out, "complete -c logzio-okta -n 'not ", seen(joined(next.at(""))), "' -a ", first, "\n");
    }
    for (const OptionRow& row : flags_of(command)) {
      out += "complete -c logzio-okta -n '" + condition(command) + "' -l " + std::string(name_of(row));
      if (takes_value(row))
        out += placeholder(row) == files || placeholder(row) == directories ? " -r -F" : " -x";
      if (!values_of(row).empty()) out += " -a '" + std::string(values_of(row)) + "'";
      out += " -d " + escaped(short_meaning(row.meaning)) + "\n";
    }
    if (command.words.contains(directories)) {
      out += "complete -c logzio-okta -n '" + condition(command) + "' -a '(__fish_complete_directories)'\n";
    }
  }
  return out +
         "complete -c logzio-okta -l help -d 'Show what a command does and takes'\n"
         "complete -c logzio-okta -l version -d 'Show the version'\n";
}

}  // namespace logzio_okta
