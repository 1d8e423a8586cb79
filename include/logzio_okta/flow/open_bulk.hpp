// OpenBulk: the bulk that a shipper is filling, since when, and whether it is urgent.
//
//     if (!open.has_room_for(*event.event)) queue.push(open.seal());
//     open.add(now, event, batch, token_bytes);
//     if (open.due(now)) queue.push(open.seal());
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/flow/bulk_parts.hpp"
#include "logzio_okta/flow/waiting_bulk.hpp"
#include "logzio_okta/logzio/bulk.hpp"

namespace logzio_okta {

class OpenBulk {
 public:
  /// `buffer`: left by the last sealed bulk of any shipper, for the next one; it must outlive this object.
  explicit OpenBulk(std::string& buffer) : buffer_(buffer) {}

  /// An empty bulk has room for any event.
  [[nodiscard]] bool has_room_for(const EventSlice& event) const;
  AppendedLine add(Instant now, const BatchEvent& event, const Batch& batch, std::size_t token_bytes);
  /// Takes over a finished line of another shipper.
  void add_line(Instant now, const GivenLine& given, StreamId stream);
  /// The bulk must not be empty.
  [[nodiscard]] WaitingBulk seal();
  void drop();

  /// Full, or old enough to be sent as it is.
  [[nodiscard]] bool due(Instant now) const;
  /// When it will be old enough; `never` while it is empty.
  [[nodiscard]] Instant due_at() const;
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return lines_.bytes(); }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return lines_.pieces(); }

 private:
  void begin(Instant now);

  std::string& buffer_;
  BulkBuilder lines_;
  std::optional<Instant> since_;  ///< Set if and only if it has lines.
  bool urgent_ = false;
};

}  // namespace logzio_okta
