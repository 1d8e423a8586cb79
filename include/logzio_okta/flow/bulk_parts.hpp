// Transforms a bulk that cannot be sent again unchanged: halves it, marks it, removes lines that the listener
// will never take, or the lines of one stream. Pure: a bulk in, bulks and settlements out; each line is in
// exactly one of them.
//
//     const auto [first, second] = halved(bulk);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/logzio/bulk.hpp"
#include "logzio_okta/logzio/line_constants.hpp"

namespace logzio_okta {

/// The bulk must have at least two lines; with an odd number, the second half is larger.
[[nodiscard]] std::pair<Bulk, Bulk> halved(const Bulk& bulk);

struct MarkedBulk {
  Bulk bulk;                        ///< Every line of it has possible_duplicate.
  std::vector<Settlement> reduced;  ///< Whole copies of events that the mark made too long.
};
/// `token_bytes`: what the transport adds to a line; `constants_of`: the constants of a stream's lines.
[[nodiscard]] MarkedBulk marked(const Bulk& bulk, std::size_t token_bytes,
                                const std::function<const LineConstants&(StreamId)>& constants_of);

/// The lines to set aside at once after a 400 that took nothing: those that a strict parser rejects, or that
/// are too long.
struct Culprits {
  std::vector<Settlement> set_aside;  ///< One per piece with such lines; none: no line is plainly wrong.
  std::optional<Bulk> fine;           ///< The others, in order; nothing if there are none, or no culprits.
};
/// `answer`: what the listener said.
[[nodiscard]] Culprits find_culprits(const Bulk& bulk, const std::string& answer);

[[nodiscard]] bool has_lines_of(const std::vector<Piece>& pieces, StreamId stream);
/// No line is of another stream than these.
[[nodiscard]] bool has_only_lines_of(const std::vector<Piece>& pieces, const std::set<StreamId>& streams);

/// A line that one shipper gives back for another to take over.
struct GivenLine {
  std::uint64_t page = 0;
  std::string line;  ///< Without its '\n'.
  LineRecord record;
};
struct Parted {
  std::optional<Bulk> kept;  ///< The lines of the other streams.
  std::vector<GivenLine> given;
};
/// `perhaps_taken`: the stream's lines are marked possible_duplicate from now on.
[[nodiscard]] Parted without_stream(const Bulk& bulk, StreamId stream, bool perhaps_taken);

}  // namespace logzio_okta
