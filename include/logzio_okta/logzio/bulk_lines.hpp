// BulkLines: the lines of a sealed bulk, each with its record and the piece it belongs to.
//
//     for (const BulkLine& line : BulkLines(bulk)) look_at(line.text, line.record, line.piece);
//
// Used rarely, because it unpacks the bulk: to halve it, to mark it, or to remove lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/logzio/bulk.hpp"

namespace logzio_okta {

struct BulkLine {
  std::size_t index = 0;
  std::string_view text;  ///< Without its '\n'; valid as long as the BulkLines.
  const LineRecord& record;
  const Piece& piece;
};

/// Refers to the bulk.
class BulkLines {
 public:
  explicit BulkLines(const Bulk& bulk);
  BulkLines(const BulkLines&) = delete;
  BulkLines& operator=(const BulkLines&) = delete;

  class Iterator {
   public:
    Iterator(const BulkLines& lines, std::size_t index) : lines_(lines), index_(index) {}
    [[nodiscard]] BulkLine operator*() const;
    Iterator& operator++();
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.index_ == b.index_; }

   private:
    const BulkLines& lines_;
    std::size_t index_;
    std::size_t piece_ = 0;
    std::size_t before_ = 0;  ///< Lines of the pieces before this one.
  };
  [[nodiscard]] Iterator begin() const { return {*this, 0}; }
  [[nodiscard]] Iterator end() const { return {*this, texts_.size()}; }
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

 private:
  const Bulk& bulk_;
  std::string plain_;
  std::vector<std::string_view> texts_;
};

}  // namespace logzio_okta
