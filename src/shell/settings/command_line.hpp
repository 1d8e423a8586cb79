// CommandLine: the command that was typed, the words after it, and its flags, as the table of commands has
// them.
//
//     const Result<CommandLine> line = CommandLine::parse(argc, argv, commands);
//     if (!line) return complain(line.error().text);  // One line that never quotes a flag's value.
//     const bool once = line->is_on("once");
//     const Result<std::optional<std::string>> since = line->value_of("since");
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"

#include "shell/settings/command.hpp"

namespace logzio_okta {

class CommandLine {
 public:
  /// The command takes each flag, unless help is asked for.
  static Result<CommandLine> parse(int argc, const char* const* argv, CommandTable commands);

  /// A row of the given table.
  [[nodiscard]] const CommandRow& command() const { return *command_; }
  /// As many as its row allows.
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

  /// Whether the flag is given, with any value.
  [[nodiscard]] bool has(std::string_view flag) const { return flags_.contains(flag); }
  /// Whether a flag without a value is set.
  [[nodiscard]] bool is_on(std::string_view flag) const;
  /// Nothing if it is not given; an error if it is misused.
  [[nodiscard]] Result<std::optional<std::string>> value_of(std::string_view flag) const;

 private:
  struct Flag {
    std::size_t times = 0;
    std::string text{};
    bool on = false;
  };
  CommandLine() = default;
  Result<void> read_words(std::vector<std::string> unmatched, CommandTable commands);

  const CommandRow* command_ = nullptr;
  std::vector<std::string> words_;
  std::map<std::string, Flag, std::less<>> flags_;
};

}  // namespace logzio_okta
