#include "logzio_okta/flow/backoff.hpp"

#include <algorithm>
#include <array>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

constexpr Duration error_pause = 60min;

}  // namespace

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
  constexpr std::array<Duration, 4> pauses = {1min, 5min, 15min, error_pause};
  const bool changed = since_.has_value() && kind != kind_;
  if (since_ && !changed && now < next_) return false;
  if (!since_) {
    since_ = now;
    const bool again = kind == said_kind_ && now < said_at_ + limits::trouble_remembered;
    if (rhythm_ == Rhythm::forgiving && again) {
      kind_ = kind;
      next_ = now + pauses.front();
      return false;
    }
  }
  if (changed) said_ = 0;
  kind_ = kind;
  next_ = now + (rhythm_ == Rhythm::hourly ? pauses.back() : pauses[std::min(said_, pauses.size() - 1)]);
  ++said_;
  said_kind_ = kind;
  said_at_ = now;
  return true;
}

std::optional<Level> Complaint::failed(Instant now, std::string_view kind, Urgency urgency) {
  const bool lasts = since_.has_value() && now - *since_ >= limits::patience_until_error;
  const bool error = urgency == Urgency::now || (urgency == Urgency::lasting && lasts);
  // What has become an error is said then, and from then on hourly, however often its kind changes.
  const bool becomes_error = error && !said_as_error_;
  if (error && !becomes_error && now < next_) return std::nullopt;
  if (!failed(now, kind) && !becomes_error) return std::nullopt;
  said_as_error_ = said_as_error_ || error;
  if (error) next_ = now + error_pause;
  return error ? Level::error : Level::warn;
}

std::optional<Duration> Complaint::healed(Instant now) {
  if (!since_) return std::nullopt;
  const Duration lasted = now - *since_;
  const bool was_said = said_ > 0 || said_as_error_;
  since_.reset();
  kind_.clear();
  said_ = 0;
  said_as_error_ = false;
  return was_said ? std::optional(lasted) : std::nullopt;
}

}  // namespace logzio_okta
