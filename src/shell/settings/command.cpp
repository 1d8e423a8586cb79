#include "shell/settings/command.hpp"

#include <algorithm>

namespace logzio_okta {
namespace {

const OptionRow* find_row(std::span<const OptionRow> rows, std::string_view name) {
  const auto found = std::ranges::find_if(rows, [&](const OptionRow& row) { return name_of(row) == name; });
  return found == rows.end() ? nullptr : &*found;
}

/// Whether the word is in the list.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace

std::string_view name_of(const OptionRow& row) {
  const std::string_view flag = row.flag.substr(2);
  return flag.substr(0, flag.find(' '));
}

bool takes_value(const OptionRow& row) {
  return row.flag.contains(' ');
}

std::vector<OptionRow> flags_of(const CommandRow& command) {
  std::vector<OptionRow> flags;
  for (const OptionRow& row : option_table()) {
    if (find_flag(command, name_of(row)) == &row) flags.push_back(row);
  }
  flags.insert(flags.end(), command.own.begin(), command.own.end());
  return flags;
}

const OptionRow* find_flag(const CommandRow& command, std::string_view name) {
  if (const OptionRow* own = find_row(command.own, name)) return own;
  return lists(command.takes, name) ? find_row(option_table(), name) : nullptr;
}

}  // namespace logzio_okta
