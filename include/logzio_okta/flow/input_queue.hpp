// InputQueue: what the scheduler has not handled yet. A page of a tenant that catches up takes milliseconds
// to read; everything else, the few events at the tail of another among it, takes microseconds and goes
// first.
//
// Promises
// - What is short is handled in the order it came, and so is what is long. A stream has one question on its
//   way at a time, so nothing overtakes within it.
// - What is long waits for limits::inputs_before_page of the others at most.
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
