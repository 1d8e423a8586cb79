// OrgFacts: what a source is told about its org, with an answer or on its own. The Org decided it.
#pragma once

#include <chrono>
#include <optional>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/org.hpp"

namespace logzio_okta {

struct OrgFacts {
  Standing standing = Standing::fine;
  bool all_keys_refused = false;
  std::optional<WallTime> quiet_until;  ///< By Okta's clock.
  std::chrono::milliseconds offset{0};  ///< Okta's clock minus ours.
  std::optional<Now> clock{};           ///< Okta's clock at an answer of this run, never ahead of it.
  std::optional<WallTime> date{};       ///< This answer's date, if it is believed.
  bool service_app = false;             ///< The request used an access token.
};

}  // namespace logzio_okta
