// Bulk: lines of many tenants in one body for Logz.io, with the records needed to settle, mark, halve and set
// aside.
//
//     BulkBuilder builder;  // Collects, uncompressed.
//     builder.add(event, constants, Mark{}, extra_bytes, stream, page);
//     Bulk bulk = builder.seal();  // Compressed once; this is what waits and is sent.
//     for (std::string_view line : split_lines(bulk.unpack())) look_at(line);  // Rare: to halve or mark it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/logzio/event_line.hpp"

namespace logzio_okta {

/// One line of a bulk: where the event starts in it and how it is marked, so that the line can be rebuilt.
struct LineRecord {
  std::uint32_t event_at = 0;  ///< AppendedLine::event_at.
  Mark mark;
  bool reduced = false;
};

/// A run of lines from one page of one stream.
struct Piece {
  StreamId stream;
  std::uint64_t page = 0;  ///< The stream's own page number.
  std::uint32_t lines = 0;
};

/// Sealed lines. Copying shares the compressed body.
struct Bulk {
  std::shared_ptr<const std::string> packed;  ///< gzip of the lines, each ending in '\n'.
  std::size_t plain_bytes = 0;
  std::vector<LineRecord> lines;
  std::vector<Piece> pieces;  ///< In order; their lines add up to lines.size().

  [[nodiscard]] std::size_t held_bytes() const;
  /// The uncompressed lines. Never fails: we packed them ourselves.
  [[nodiscard]] std::string unpack() const;
};

/// The lines of a plain body, without their '\n'.
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view plain);

class BulkBuilder {
 public:
  /// Splices one event. Extends the last piece if stream and page are the same.
  AppendedLine add(const EventSlice& event, const LineConstants& constants, Mark mark,
                   std::size_t extra_bytes, StreamId stream, std::uint64_t page);
  /// Takes over a finished line (without '\n') from another bulk.
  void add_line(std::string_view line, LineRecord record, StreamId stream, std::uint64_t page);

  [[nodiscard]] bool empty() const { return records_.empty(); }
  [[nodiscard]] std::size_t lines() const { return records_.size(); }
  [[nodiscard]] std::size_t bytes() const { return plain_.size(); }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
  /// Compresses and empties the builder, which keeps its buffer for the next bulk.
  [[nodiscard]] Bulk seal();
  /// Gives away an empty builder's buffer, 4 MiB after a full bulk: fifty of them would use up the whole
  /// memory budget, so builders share one.
  [[nodiscard]] std::string give_room();
  void take_room(std::string&& room);

 private:
  void count(LineRecord record, StreamId stream, std::uint64_t page);

  std::string plain_;
  std::vector<LineRecord> records_;
  std::vector<Piece> pieces_;
};

}  // namespace logzio_okta
