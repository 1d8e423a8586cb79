// InputQueue: inputs that the scheduler has not handled yet. A page of a tenant that catches up takes
// milliseconds to read; everything else, including a few events at another tenant's tail, takes microseconds
// and goes first.
//
// Promises
// - Short inputs are handled in order of arrival, and so are long ones. A stream has one request in flight at
//   a time, so its inputs never overtake each other.
// - A long input waits for at most limits::inputs_before_page short ones.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "logzio_okta/flow/message.hpp"

namespace logzio_okta {

class InputQueue {
 public:
  void push(Input&& input);
  [[nodiscard]] std::optional<Input> pop();
  [[nodiscard]] bool empty() const { return short_.empty() && long_.empty(); }

 private:
  std::deque<Input> short_;
  std::deque<Input> long_;
  std::size_t in_a_row_ = 0;  ///< Short ones, while a long one waited.
};

}  // namespace logzio_okta
