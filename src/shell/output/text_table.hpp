// A table for people: columns as wide as their widest cell, two spaces between them.
#pragma once

#include <string>
#include <vector>

namespace logzio_okta {

enum class Align : std::uint8_t { left, right };

class TextTable {
 public:
  explicit TextTable(std::vector<Align> columns) : columns_(std::move(columns)) {}

  /// The number of cells must be the number of columns.
  void add(std::vector<std::string> cells);
  /// One line per row, without trailing spaces.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace logzio_okta
