// Settlements: what a shipper has settled, on its way to the sources. What is set aside needs room on disk;
// what finds none waits here, and so does its shipper.
//
//     if (settlements.add(std::move(settlement))) complain();  // The room has just become full.
//     while (auto next = settlements.next()) settle(*next);
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/flow/batch.hpp"

namespace logzio_okta {

class Settlements {
 public:
  /// `set_aside_bytes`: on disk and on its way there, for all destinations; outlives it.
  explicit Settlements(std::uint64_t& set_aside_bytes) : set_aside_bytes_(set_aside_bytes) {}

  /// True if it has to wait, and none did before.
  [[nodiscard]] bool add(Settlement&& settlement);
  /// There may be more room. True if it is still not enough.
  [[nodiscard]] bool try_again();
  [[nodiscard]] std::optional<Settlement> next();

  [[nodiscard]] bool full() const { return !held_.empty(); }
  [[nodiscard]] bool empty() const { return held_.empty() && ready_.empty(); }
  [[nodiscard]] bool have(StreamId stream) const;
  /// Streams of whose events here some were taken, or may have been.
  void add_doubtful(std::set<StreamId>& streams) const;
  /// What those that wait take in memory.
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  std::uint64_t& set_aside_bytes_;
  std::deque<Settlement> held_;  ///< Wait for room.
  std::deque<Settlement> ready_;
};

}  // namespace logzio_okta
