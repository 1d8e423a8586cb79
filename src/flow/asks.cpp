#include "logzio_okta/flow/asks.hpp"

#include "logzio_okta/base/check.hpp"

namespace logzio_okta {

RequestId Asks::add(const Ask& ask) {
  const RequestId id{++last_request_};
  asks_.emplace(id, ask);
  memory_.reserve(ask.destination, ask.reserve);
  CHECK(memory_.reservations() == asks_.size());
  return id;
}

void Asks::forget(std::map<RequestId, Ask>::iterator ask) {
  memory_.release(ask->second.destination, ask->second.reserve);
  asks_.erase(ask);
  CHECK(memory_.reservations() == asks_.size());
}

std::optional<Ask> Asks::take(RequestId id) {
  const auto found = asks_.find(id);
  if (found == asks_.end()) return std::nullopt;
  const Ask ask = found->second;
  forget(found);
  return ask;
}

std::size_t Asks::cancel(StreamId stream, std::deque<Output>& outputs) {
  std::size_t cancelled = 0;
  for (auto ask = asks_.begin(); ask != asks_.end();) {
    const auto next = std::next(ask);
    if (ask->second.stream == stream) {
      outputs.emplace_back(CancelAsk{ask->first});
      forget(ask);
      ++cancelled;
    }
    ask = next;
  }
  return cancelled;
}

void Asks::cancel_all(std::deque<Output>& outputs) {
  while (!asks_.empty()) {
    outputs.emplace_back(CancelAsk{asks_.begin()->first});
    forget(asks_.begin());
  }
}

}  // namespace logzio_okta
