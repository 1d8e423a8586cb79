// Settlements: a shipper's settlements on their way to the sources. Events set aside need room on disk, of
// which the second half is divided evenly: a tenant that exceeds its share then waits here alone. If there is
// no room for any tenant, the whole shipper waits.
//
//     if (settlements.add(std::move(settlement)) == Settlements::News::all_wait) complain();
//     while (auto next = settlements.next()) settle(*next);
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/flow/batch.hpp"

namespace logzio_okta {

class Settlements {
 public:
  /// `set_aside_bytes`: on disk or about to be, for all destinations; it must outlive this object.
  explicit Settlements(std::uint64_t& set_aside_bytes) : set_aside_bytes_(set_aside_bytes) {}

  enum class News : std::uint8_t { none, stream_waits, all_wait };
  /// Adds one; returns what changes if it has to wait.
  [[nodiscard]] News add(Settlement&& settlement);
  /// There may be more room. True if that is still not enough for all.
  [[nodiscard]] bool try_again();
  [[nodiscard]] std::optional<Settlement> next();
  /// Forgets what waits for room in this stream: no one will save it.
  void forget(StreamId stream);

  /// One waits for which no stream would have room.
  [[nodiscard]] bool full() const { return full_; }
  /// One of this stream waits for room.
  [[nodiscard]] bool waits(StreamId stream) const;
  [[nodiscard]] bool empty() const { return held_.empty() && ready_.empty(); }
  [[nodiscard]] bool have(StreamId stream) const;
  /// Adds the streams with events here that were taken, or may have been.
  void add_doubtful(std::set<StreamId>& streams) const;
  /// The memory that waiting settlements use.
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  [[nodiscard]] bool has_room(StreamId stream, std::uint64_t bytes) const;

  std::uint64_t& set_aside_bytes_;
  std::map<StreamId, std::uint64_t> taken_;  ///< Bytes set aside by each stream since the start.
  std::deque<Settlement> held_;              ///< Waiting for room.
  bool full_ = false;
  std::deque<Settlement> ready_;
};

}  // namespace logzio_okta
