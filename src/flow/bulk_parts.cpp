#include "logzio_okta/flow/bulk_parts.hpp"

#include <algorithm>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/hunt.hpp"
#include "logzio_okta/logzio/bulk_lines.hpp"
#include "logzio_okta/logzio/line_again.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {
namespace {

void copy(const BulkLine& line, BulkBuilder& into) {
  into.add_line(line.text, line.record, line.piece.stream, line.piece.page);
}

/// The record of a marked line of `bytes` bytes, changed only before its event.
LineRecord moved(const BulkLine& line, std::size_t bytes) {
  LineRecord record = line.record;
  record.event_at += static_cast<std::uint32_t>(bytes - line.text.size());
  record.mark.possible_duplicate = true;
  return record;
}

std::optional<Bulk> sealed(BulkBuilder& builder) {
  return builder.empty() ? std::nullopt : std::optional(builder.seal());
}

}  // namespace

std::pair<Bulk, Bulk> halved(const Bulk& bulk) {
  CHECK(bulk.lines.size() > 1);
  const std::size_t middle = bulk.lines.size() / 2;
  Bulk first;
  BulkBuilder builder;
  for (const BulkLine& line : BulkLines(bulk)) {
    if (line.index == middle) first = builder.seal();
    copy(line, builder);
  }
  return {std::move(first), builder.seal()};
}

MarkedBulk marked(const Bulk& bulk, std::size_t token_bytes,
                  const std::function<const LineConstants&(StreamId)>& constants_of) {
  MarkedBulk all;
  BulkBuilder builder;
  for (const BulkLine& line : BulkLines(bulk)) {
    const Piece& piece = line.piece;
    std::string text;
    if (!line.record.mark.possible_duplicate) text = marked_line(line.text, line.record);
    if (text.empty()) {
      copy(line, builder);
      continue;
    }
    const LineRecord record = moved(line, text.size());
    if (text.size() + token_bytes <= limits::line_bytes_max) {
      builder.add_line(text, record, piece.stream, piece.page);
      continue;
    }
    // The mark makes this line too long: it is delivered reduced, like any other such line.
    EventSlice event;
    std::string bytes = event_in(line.text, line.record);
    CHECK(PageCutter::cut_one(bytes, event));
    static_cast<void>(
        builder.add(event, constants_of(piece.stream), record.mark, token_bytes, piece.stream, piece.page));
    Settlement reduced{.stream = piece.stream, .page = piece.page};
    reduced.kept.push_back({.reason = "over 500,000 bytes with its mark; delivered reduced",
                            .answer = {},
                            .events = 0,
                            .bytes = std::move(bytes)});
    all.reduced.push_back(std::move(reduced));
  }
  all.bulk = builder.seal();
  return all;
}

Culprits find_culprits(const Bulk& bulk, const std::string& answer) {
  const auto is_fine = [](std::string_view line) {
    return line.size() <= limits::line_bytes_max && is_strict_json_object(line);
  };
  Culprits culprits;
  BulkBuilder fine;
  const Piece* last = nullptr;
  for (const BulkLine& line : BulkLines(bulk)) {
    if (is_fine(line.text)) {
      copy(line, fine);
      continue;
    }
    if (last != &line.piece)
      culprits.set_aside.push_back({.stream = line.piece.stream, .page = line.piece.page});
    last = &line.piece;
    Settlement& settlement = culprits.set_aside.back();
    ++settlement.set_aside;
    settlement.kept.push_back({.reason = Hunt::plain_reason,
                               .answer = answer,
                               .events = 1,
                               .bytes = event_in(line.text, line.record)});
  }
  if (!culprits.set_aside.empty()) culprits.fine = sealed(fine);
  return culprits;
}

bool has_lines_of(const std::vector<Piece>& pieces, StreamId stream) {
  return std::ranges::find(pieces, stream, &Piece::stream) != pieces.end();
}

bool has_only_lines_of(const std::vector<Piece>& pieces, const std::set<StreamId>& streams) {
  return std::ranges::all_of(pieces, [&](const Piece& each) { return streams.contains(each.stream); });
}

Parted without_stream(const Bulk& bulk, StreamId stream, bool perhaps_taken) {
  Parted parted;
  BulkBuilder kept;
  for (const BulkLine& line : BulkLines(bulk)) {
    if (line.piece.stream != stream) {
      copy(line, kept);
      continue;
    }
    GivenLine given{.page = line.piece.page, .line = std::string(line.text), .record = line.record};
    if (perhaps_taken && !given.record.mark.possible_duplicate) {
      if (given.record.reduced) given.line = marked_line(line.text, line.record);
      given.record = moved(line, given.line.size());
    }
    parted.given.push_back(std::move(given));
  }
  parted.kept = sealed(kept);
  return parted;
}

}  // namespace logzio_okta
