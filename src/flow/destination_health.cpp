#include "logzio_okta/flow/destination_health.hpp"

#include <algorithm>
#include <variant>

#include "logzio_okta/flow/backoff.hpp"

namespace logzio_okta {

void DestinationHealth::took() {
  ++passed_;
  refused_in_a_row_ = 0;
  recovers();
}

void DestinationHealth::recovers() {
  failures_ = 0;
  token_refused_ = false;
  not_before_ = {};
}

void DestinationHealth::refused_token(Instant now) {
  token_refused_ = true;
  not_before_ = now + limits::token_retry;
}

bool DestinationHealth::refuses_everything() {
  return ++refused_in_a_row_ > limits::refused_in_a_row_max;
}

void DestinationHealth::wait(Instant now, Duration at_least, Random& random) {
  const Duration own = backoff(limits::bulk_backoff_base, limits::bulk_backoff_max, failures_ - 1, random);
  not_before_ = now + std::max(own, at_least);
}

void DestinationHealth::end_patience(Instant now) {
  if (now >= patient_until_) patience_ = 1;
}

// It grows from the bulk's own timeout, so several that time out together count once.
void DestinationHealth::learn_patience(Instant now, const WaitingBulk& bulk, const BulkResult& result) {
  const auto* error = std::get_if<TransportError>(&result);
  const bool timed_out = error != nullptr && error->sent && error->fault == TransportFault::timed_out;
  if (timed_out) patience_ = std::max(patience_, std::min(2 * bulk.patience, limits::bulk_patience_max));
  if (timed_out || now - bulk.sent_at > limits::bulk_stall_timeout)
    patient_until_ = now + limits::bulk_patience_kept;
}

}  // namespace logzio_okta
