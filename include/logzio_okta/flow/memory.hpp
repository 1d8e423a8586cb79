// Memory: who may take how much of limits::memory_budget. What a destination holds and what answers on their
// way may bring are accounts by destination, with running sums, so that a question costs the same however
// many tenants there are.
//
//     memory.hold(destination, held_bytes, healthy);  // After every change.
//     if (memory.has_room_for(destination, bytes)) memory.reserve(destination, bytes);
//     memory.release(destination, bytes);             // With the answer.
//
// Shared fairly: of what a destination's tenants would have by their number, half is kept for them whatever
// the others hold (enough for one question at least), so that a destination that takes nothing for a while
// cannot eat the room of the others.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "logzio_okta/base/id.hpp"

namespace logzio_okta {

class Memory {
 public:
  /// The destinations of the tenants in the file, one entry a tenant.
  void serve(const std::vector<DestinationId>& of_tenants);
  /// What a destination holds now, and whether it takes what comes, so that this will change.
  void hold(DestinationId destination, std::size_t bytes, bool healthy);
  /// It holds nothing any more and is gone.
  void forget(DestinationId destination);

  void reserve(DestinationId destination, std::size_t bytes);
  void release(DestinationId destination, std::size_t bytes);

  /// A page that outgrew its share is admitted when nothing else moves that it could wait for.
  [[nodiscard]] bool has_room_for(DestinationId destination, std::size_t bytes) const;
  [[nodiscard]] std::size_t used() const { return used_; }
  /// An answer is on its way whose events go there.
  [[nodiscard]] bool expects_for(DestinationId destination) const;
  /// How many of them there are, for all destinations.
  [[nodiscard]] std::size_t reservations() const { return reservations_; }

 private:
  struct Account {
    bool open = false;  ///< The destination is there; else only an answer on its way remembers it.
    bool healthy = false;
    std::size_t held = 0;
    std::size_t reserved = 0;
    std::size_t reservations = 0;
    std::size_t kept = 0;  ///< For its tenants, whatever the others hold.

    [[nodiscard]] std::size_t used() const { return held + reserved; }
  };

  /// Changes one account and the sums with it.
  template <typename Change>
  void change(DestinationId destination, Change&& change_it);

  std::map<DestinationId, Account> accounts_;
  std::size_t used_ = 0;    ///< Of all accounts.
  std::size_t taken_ = 0;   ///< Likewise, with what is kept for them where that is more.
  std::size_t moving_ = 0;  ///< Of those that take what comes.
  std::size_t reservations_ = 0;
};

}  // namespace logzio_okta
