#include "logzio_okta/flow/commit_pace.hpp"

#include <algorithm>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

Duration rest_after(Duration took, int times) {
  return std::min<Duration>(times * took, limits::commit_rest_max);
}

}  // namespace

void CommitPace::queued(Instant now) {
  due_ = now + limits::commit_delay;
}

void CommitPace::loop_will_block(Instant now) {
  due_ = std::min(due_, now);
}

Instant CommitPace::next(bool delivery_waits) const {
  return std::max(due_, delivery_waits ? deliveries_not_before_ : not_before_);
}

void CommitPace::committed(Instant now, Duration took, bool saves) {
  failing_ = false;
  if (saves) not_before_ = now + took + rest_after(took, limits::commit_rest);
  deliveries_not_before_ = now + took + rest_after(took, limits::spool_commit_rest);
}

void CommitPace::failed(Instant now) {
  failing_ = true;
  not_before_ = deliveries_not_before_ = now + limits::save_retry;
}

void CommitPace::held(Instant now) {
  not_before_ = now + limits::save_retry;
}

void CommitPace::shrunk(Instant now, Duration took, bool done) {
  const Duration rest = std::max<Duration>(rest_after(took, limits::commit_rest), limits::shrink_rest_min);
  shrink_at_ = now + took + (done ? rest : limits::shrink_retry);
  not_before_ = std::max(not_before_, now + took);
}

}  // namespace logzio_okta
