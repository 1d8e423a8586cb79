#include "logzio_okta/flow/backoff.hpp"

#include <algorithm>
#include <array>

namespace logzio_okta {

Duration doubled(Duration base, Duration max, int tries) {
  constexpr int doublings_max = 30;  // Past any cap in use; keeps the shift defined.
  const auto factor = std::int64_t{1} << std::clamp(tries, 0, doublings_max);
  return factor > max / base ? max : base * factor;
}

Duration backoff(Duration base, Duration max, int tries, Random& random) {
  const Duration ceiling = doubled(base, max, tries);
  return random.between(std::min(base / 10, ceiling), ceiling);
}

bool Complaint::failed(Instant now, std::string_view kind) {
  constexpr std::array<Duration, 4> pauses = {1min, 5min, 15min, 60min};
  const bool changed = since_.has_value() && kind != kind_;
  if (since_ && !changed && now < next_) return false;
  if (!since_) since_ = now;
  if (changed) said_ = 0;
  kind_ = kind;
  next_ = now + (rhythm_ == Rhythm::hourly ? pauses.back() : pauses[std::min(said_, pauses.size() - 1)]);
  ++said_;
  return true;
}

std::optional<Duration> Complaint::healed(Instant now) {
  if (!since_) return std::nullopt;
  const Duration lasted = now - *since_;
  since_.reset();
  kind_.clear();
  said_ = 0;
  return lasted;
}

}  // namespace logzio_okta
