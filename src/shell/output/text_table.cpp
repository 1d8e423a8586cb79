#include "shell/output/text_table.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "logzio_okta/base/check.hpp"

namespace logzio_okta {

void TextTable::add(std::vector<std::string> cells) {
  CHECK(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths(columns_.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      const std::size_t padding = widths[i] - row[i].size();
      if (columns_[i] == Align::right) line.append(padding, ' ');
      line += row[i];
      if (columns_[i] == Align::left) line.append(padding, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace logzio_okta
