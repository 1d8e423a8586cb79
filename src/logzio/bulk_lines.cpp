#include "logzio_okta/logzio/bulk_lines.hpp"

#include "logzio_okta/base/check.hpp"

namespace logzio_okta {

BulkLines::BulkLines(const Bulk& bulk) : bulk_(bulk), plain_(bulk.unpack()), texts_(split_lines(plain_)) {
  std::size_t lines = 0;
  for (const Piece& piece : bulk.pieces) {
    CHECK(piece.lines > 0);
    lines += piece.lines;
  }
  CHECK(lines == texts_.size() && lines == bulk.lines.size());
}

BulkLine BulkLines::Iterator::operator*() const {
  return {.index = index_,
          .text = lines_.texts_[index_],
          .record = lines_.bulk_.lines[index_],
          .piece = lines_.bulk_.pieces[piece_]};
}

BulkLines::Iterator& BulkLines::Iterator::operator++() {
  const std::size_t lines = lines_.bulk_.pieces[piece_].lines;
  if (++index_ - before_ == lines) {
    ++piece_;
    before_ += lines;
  }
  return *this;
}

}  // namespace logzio_okta
