// Hunts: a shipper's searches for lines that the listener refused without saying which (hunt.hpp), oldest
// first.
//
//     hunts.add(std::move(hunt));
//     if (auto lines = hunts.next(now, id)) send(id, *lines);  // As often as the shipper allows.
//     if (Hunt* hunt = hunts.waiting_for(answered)) hunt->heard(now, answered, verdict);
//     for (const Hunt& ended : hunts.take_ended(now)) settle(ended.settlements());
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <set>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/hunt.hpp"

namespace logzio_okta {

class Hunts {
 public:
  void add(Hunt&& hunt) { hunts_.push_back(std::move(hunt)); }
  /// The lines to send now under this id; nothing if no hunt has any at the moment.
  [[nodiscard]] std::optional<Bulk> next(Instant now, BulkId id);
  /// The hunt that sent lines under this id, or nothing.
  [[nodiscard]] Hunt* waiting_for(BulkId id);
  /// The hunts send nothing more and only wait for what is in flight.
  void end();
  /// Removes and returns the hunts that are over.
  [[nodiscard]] std::list<Hunt> take_ended(Instant now);

  /// When the time of a hunt with nothing in flight runs out.
  [[nodiscard]] Instant until() const;
  /// When `next` may have something again.
  [[nodiscard]] Instant goes_on_at() const;

  [[nodiscard]] bool holds(StreamId stream) const;
  /// Adds the streams with lines here: some of them were taken.
  void add_doubtful(std::set<StreamId>& streams) const;
  [[nodiscard]] bool empty() const { return hunts_.empty(); }
  [[nodiscard]] std::size_t size() const { return hunts_.size(); }
  [[nodiscard]] std::size_t in_flight() const;
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  std::list<Hunt> hunts_;
};

}  // namespace logzio_okta
