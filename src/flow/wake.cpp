#include "logzio_okta/flow/wake.hpp"

#include <algorithm>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

void Wake::hook_arrived(std::optional<WallTime> published, Duration pace) {
  const auto earlier = woken_ ? woken_->published : std::nullopt;
  woken_ = Woken{.published = std::max(earlier, published), .asked = 0, .pace = pace};
}

Instant Wake::first(Instant now) const {
  return std::max(now, asked_at_ + (woken_ ? woken_->pace : Duration::zero()));
}

void Wake::asked(Instant now) {
  asked_at_ = now;
  if (woken_) ++woken_->asked;
}

void Wake::read(std::optional<WallTime> newest) {
  newest_read_ = std::max(newest_read_, newest);
}

std::optional<Instant> Wake::again(Instant now, bool empty) {
  if (!woken_) return std::nullopt;
  const bool seen = woken_->published ? newest_read_ >= woken_->published : woken_->asked > 0 && !empty;
  if (seen || woken_->asked > limits::wakes_again_max) {
    woken_.reset();
    return std::nullopt;
  }
  const Duration wait =
      woken_->asked > 0 ? limits::wake_again_base * (1 << (woken_->asked - 1)) : Duration::zero();
  return std::max(now + wait, asked_at_ + woken_->pace);
}

}  // namespace logzio_okta
