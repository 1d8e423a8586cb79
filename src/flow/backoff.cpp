#include "logzio_okta/flow/backoff.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

constexpr Duration error_pause = 60min;
constexpr std::array<Duration, 4> pauses = {1min, 5min, 15min, error_pause};
constexpr std::size_t kinds_max = 8;  // More are unlikely, but a listener's status may be anything.

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

Complaint::Kind& Complaint::meet(Instant now, std::string_view kind) {
  // Between failures far apart nothing was tried, so nothing is known to have lasted.
  if (now - std::exchange(failed_at_, now) > 2 * limits::patience_until_error) lasting_since_.reset();
  const bool begins = !since_.has_value();
  if (begins) since_ = now;
  auto known = std::ranges::find(kinds_, kind, &Kind::name);
  const bool lately =
      known != kinds_.end() && (kind == last_ || now - known->seen <= limits::trouble_remembered);
  if (known == kinds_.end()) {
    if (kinds_.size() == kinds_max) kinds_.erase(std::ranges::min_element(kinds_, {}, &Kind::seen));
    known = kinds_.insert(kinds_.end(), Kind{.name = std::string(kind)});
  } else if (!lately) {
    *known = {.name = std::string(kind)};
  }
  if (begins && !lately) next_error_ = {};
  known->seen = now;
  last_ = kind;
  return *known;
}

bool Complaint::stays_unsaid(Instant now) const {
  return !said_since_ && now - *since_ >= pauses.front();
}

bool Complaint::failed(Instant now, std::string_view kind) {
  Kind& met = meet(now, kind);
  if (now < met.next && !stays_unsaid(now)) return false;
  met.next =
      now + (rhythm_ == Rhythm::hourly ? pauses.back() : pauses[std::min(met.said, pauses.size() - 1)]);
  ++met.said;
  said_since_ = true;
  return true;
}

std::optional<Level> Complaint::failed(Instant now, std::string_view kind, Urgency urgency) {
  Kind& met = meet(now, kind);
  if (urgency == Urgency::lasting && !lasting_since_) lasting_since_ = now;
  const bool lasts = lasting_since_ && now - *lasting_since_ >= limits::patience_until_error;
  const bool error = urgency == Urgency::now || (urgency == Urgency::lasting && lasts);
  if (!error) return failed(now, kind) ? std::optional(Level::warn) : std::nullopt;
  // Once a failure is an error, it is reported hourly, however often its kind changes.
  const bool lasts_again = lasts && !error_since_;
  if (now < next_error_ && !stays_unsaid(now) && !lasts_again) return std::nullopt;
  met.next = next_error_ = now + error_pause;
  ++met.said;
  said_since_ = error_since_ = true;
  return Level::error;
}

std::string Complaint::so_far(Instant now) const {
  const auto minutes = std::chrono::floor<std::chrono::minutes>(now - since_.value_or(now));
  return minutes < 1min ? std::string() : ". It has lasted for " + describe(minutes);
}

std::optional<Duration> Complaint::healed(Instant now) {
  if (!since_) return std::nullopt;
  const Duration lasted = now - *since_;
  since_.reset();
  lasting_since_.reset();
  error_since_ = false;
  last_.clear();
  return std::exchange(said_since_, false) ? std::optional(lasted) : std::nullopt;
}

}  // namespace logzio_okta
