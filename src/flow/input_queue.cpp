#include "logzio_okta/flow/input_queue.hpp"

#include <utility>
#include <variant>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

bool is_long(const Input& input) {
  const auto* answer = std::get_if<OktaAnswer>(&input);
  return answer != nullptr && answer->result && answer->result->body.size() > limits::short_answer_bytes_max;
}

}  // namespace

void InputQueue::push(Input&& input) {
  (is_long(input) ? long_ : short_).push_back(std::move(input));
}

std::optional<Input> InputQueue::pop() {
  if (empty()) return std::nullopt;
  const bool takes_long = short_.empty() || (!long_.empty() && in_a_row_ >= limits::inputs_before_page);
  in_a_row_ = takes_long ? 0 : in_a_row_ + 1;
  std::deque<Input>& queue = takes_long ? long_ : short_;
  Input input = std::move(queue.front());
  queue.pop_front();
  return input;
}

}  // namespace logzio_okta
