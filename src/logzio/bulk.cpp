#include "logzio_okta/logzio/bulk.hpp"

#include <expected>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"

namespace logzio_okta {

std::size_t Bulk::held_bytes() const {
  return (packed ? packed->size() : 0) + lines.size() * sizeof(LineRecord) + pieces.size() * sizeof(Piece);
}

std::string Bulk::unpack() const {
  CHECK(packed != nullptr);
  std::expected<std::string, GzipFault> plain = gunzip(*packed, plain_bytes);
  CHECK(plain.has_value() && plain->size() == plain_bytes);
  return std::move(*plain);
}

std::vector<std::string_view> split_lines(std::string_view plain) {
  std::vector<std::string_view> lines;
  while (!plain.empty()) {
    const std::size_t end = plain.find('\n');
    lines.push_back(plain.substr(0, end));
    plain.remove_prefix(end == std::string_view::npos ? plain.size() : end + 1);
  }
  return lines;
}

AppendedLine BulkBuilder::add(const EventSlice& event, const LineConstants& constants, Mark mark,
                              std::size_t extra_bytes, StreamId stream, std::uint64_t page) {
  const AppendedLine line = append_line(plain_, event, constants, mark, extra_bytes);
  count({static_cast<std::uint32_t>(line.event_at), mark, line.reduced}, stream, page);
  return line;
}

void BulkBuilder::add_line(std::string_view line, LineRecord record, StreamId stream, std::uint64_t page) {
  CHECK(!line.contains('\n') && record.event_at < line.size());
  (plain_ += line) += '\n';
  count(record, stream, page);
}

void BulkBuilder::count(LineRecord record, StreamId stream, std::uint64_t page) {
  records_.push_back(record);
  if (pieces_.empty() || pieces_.back().stream != stream || pieces_.back().page != page) {
    pieces_.push_back({stream, page, 0});
  }
  ++pieces_.back().lines;
}

Bulk BulkBuilder::seal() {
  // As a copy: a bulk may wait for hours and must not keep spare capacity.
  Bulk bulk{std::make_shared<const std::string>(std::string_view(gzip(plain_))), plain_.size(),
            std::exchange(records_, {}), std::exchange(pieces_, {})};
  plain_.clear();
  return bulk;
}

std::string BulkBuilder::give_room() {
  CHECK(empty());
  return std::exchange(plain_, {});
}

void BulkBuilder::take_room(std::string&& room) {
  CHECK(empty());
  plain_ = std::move(room);
  plain_.clear();
}

}  // namespace logzio_okta
