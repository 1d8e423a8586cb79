// Memory: divides limits::memory_budget among the destinations. What a destination holds and what answers in
// flight may bring is accounted for by destination, with running sums, so the cost of a query does not depend
// on the number of tenants.
//
//     memory.hold(destination, held_bytes, healthy);  // After every change.
//     if (memory.has_room_for(destination, bytes)) memory.reserve(destination, bytes);
//     memory.release(destination, bytes);             // With the answer.
//
// Fairness: half of a destination's proportional share (by number of tenants, and enough for one request at
// least) is reserved for it, whatever the others hold, so a destination that takes nothing for a while cannot
// use up the memory of the others.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "logzio_okta/base/id.hpp"

namespace logzio_okta {

class Memory {
 public:
  /// The destinations of the tenants in the file, one entry per tenant.
  void serve(const std::vector<DestinationId>& of_tenants);
  /// What a destination holds now, and whether it accepts events, so that this will shrink.
  void hold(DestinationId destination, std::size_t bytes, bool healthy);
  /// The destination holds nothing now and is gone.
  void forget(DestinationId destination);

  void reserve(DestinationId destination, std::size_t bytes);
  void release(DestinationId destination, std::size_t bytes);

  /// A page that outgrew its share is admitted if nothing else that moves could free memory.
  [[nodiscard]] bool has_room_for(DestinationId destination, std::size_t bytes) const;
  [[nodiscard]] std::size_t used() const { return used_; }
  /// An answer in flight has events for this destination.
  [[nodiscard]] bool expects_for(DestinationId destination) const;
  /// The number of answers in flight, for all destinations.
  [[nodiscard]] std::size_t reservations() const { return reservations_; }

 private:
  struct Account {
    bool open = false;  ///< The destination exists; else only an answer in flight refers to it.
    bool healthy = false;
    std::size_t held = 0;
    std::size_t reserved = 0;
    std::size_t reservations = 0;
    std::size_t kept = 0;  ///< Reserved for its tenants, whatever the others hold.

    [[nodiscard]] std::size_t used() const { return held + reserved; }
  };

  /// Changes one account and the sums with it.
  template <typename Change>
  void change(DestinationId destination, Change&& change_it);

  std::map<DestinationId, Account> accounts_;
  std::size_t used_ = 0;    ///< By all accounts.
  std::size_t taken_ = 0;   ///< The same, but with their reserve if that is more.
  std::size_t moving_ = 0;  ///< By those that accept events.
  std::size_t reservations_ = 0;
};

}  // namespace logzio_okta
