// Asks: the requests to Okta in flight, each with the memory reserved for its answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/memory.hpp"
#include "logzio_okta/flow/message.hpp"

namespace logzio_okta {

struct Ask {
  StreamId stream;
  CredentialId key;
  DestinationId destination;
  Instant asked;
  std::size_t reserve = 0;  ///< Part of the memory budget.
  bool keep_alive = false;  ///< Only to use the key; its page is ignored.
};

class Asks {
 public:
  explicit Asks(Memory& memory) : memory_(memory) {}

  [[nodiscard]] RequestId add(const Ask& ask);
  /// The request that was answered; nothing if it was cancelled.
  [[nodiscard]] std::optional<Ask> take(RequestId id);
  /// Cancels those of a stream, or all, with an output for each. Returns how many there were.
  std::size_t cancel(StreamId stream, std::deque<Output>& outputs);
  void cancel_all(std::deque<Output>& outputs);

 private:
  void forget(std::map<RequestId, Ask>::iterator ask);

  Memory& memory_;
  std::map<RequestId, Ask> asks_;
  std::uint64_t last_request_ = 0;
};

}  // namespace logzio_okta
