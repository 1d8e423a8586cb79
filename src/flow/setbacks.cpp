#include "logzio_okta/flow/setbacks.hpp"

#include <algorithm>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

std::optional<Level> Setbacks::failed(Instant now, const Failure& failure) {
  const auto level = trouble_.failed(now, failure.kind, failure.urgency);
  return level ? std::optional(std::max(*level, failure.level)) : std::nullopt;
}

Duration Setbacks::wait() {
  return backoff(limits::ask_backoff_base, limits::ask_backoff_max, tries_++, random_);
}

void Setbacks::link_refused() {
  tries_ = std::max(tries_, links_refused_++);
}

std::optional<Duration> Setbacks::healed(Instant now) {
  begin_anew();
  return trouble_.healed(now);
}

}  // namespace logzio_okta
