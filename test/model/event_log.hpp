// EventLog: an org's System Log as Okta keeps it: append-only, in the order events were persisted.
//
// An event is persisted after it was published, mostly, so the log is out of order by `published`. A place in
// it never changes its meaning: an event cannot be added before one that a reader may have seen. Several orgs
// may share one log (a measurement with 50 tenants need not hold 50 copies).
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta::model {

struct LoggedEvent {
  std::string bytes;
  WallTime published;
  WallTime persisted;
};

class EventLog {
 public:
  /// `persisted` must not lie before any moment the log was read at.
  void append(LoggedEvent event);
  /// From now on nothing may be persisted before this moment.
  void seen_at(WallTime moment);
  /// The earliest moment at which an event may still be persisted.
  [[nodiscard]] WallTime open_from() const { return seen_at_; }

  [[nodiscard]] const std::vector<LoggedEvent>& events() const { return events_; }
  /// How many events are persisted before `moment`.
  [[nodiscard]] std::size_t count_before(WallTime moment) const;
  /// Likewise, up to and including it.
  [[nodiscard]] std::size_t count_until(WallTime moment) const;

  /// The cursor for the place after `count` events, "<ms>_<n>": the n-th event of that millisecond was the
  /// last.
  [[nodiscard]] std::string cursor_at(std::size_t count) const;
  /// The place a cursor means; nothing if it is not one of ours.
  [[nodiscard]] std::optional<std::size_t> place_of(std::string_view cursor) const;

  /// The events [begin, end) as a JSON array.
  [[nodiscard]] std::string page(std::size_t begin, std::size_t end) const;
  /// Likewise in gzip. Pages of a thousand events are kept for the next reader, up to a bound.
  [[nodiscard]] std::shared_ptr<const std::string> packed_page(std::size_t begin, std::size_t end);

 private:
  std::vector<LoggedEvent> events_;
  WallTime seen_at_ = WallTime::min();
  std::map<std::pair<std::size_t, std::size_t>, std::shared_ptr<const std::string>> packed_;
};

}  // namespace logzio_okta::model
