// InFlight: the events that were noted in flight when the last run ended, and which of them have come again.
// Only these are in doubt.
#pragma once

#include <cstddef>
#include <vector>

#include "logzio_okta/base/hash.hpp"

namespace logzio_okta {

class InFlight {
 public:
  explicit InFlight(std::vector<EventHash> noted);
  /// Whether it is one of them; if so, it counts as met. Compared by uuid, if it has one: it may come back
  /// changed.
  [[nodiscard]] bool meet(const EventHash& event);
  /// How many have not been met yet.
  [[nodiscard]] std::size_t left() const { return left_; }

 private:
  std::vector<EventHash> events_;  ///< In order, each once.
  std::vector<bool> met_;
  std::size_t left_ = 0;
};

}  // namespace logzio_okta
