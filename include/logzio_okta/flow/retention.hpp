// Retention: Okta keeps events for 90 days. Warns once an hour when a stream's backlog comes near that, and
// finds the gap if Okta no longer has events that were not read.
//
// A gap is recorded only by Okta's clock. Ours is good enough for a warning.
#pragma once

#include <optional>
#include <string>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/org_facts.hpp"
#include "logzio_okta/flow/place.hpp"

namespace logzio_okta {

class Retention {
 public:
  struct Gap {
    WallTime from;
    WallTime until;
  };
  struct Look {
    std::optional<Gap> gap;
    std::optional<std::string> alarm;  ///< For an ERROR about the tenant.
  };
  [[nodiscard]] Look look(Now now, const OrgFacts& org, const Place& place);

 private:
  Complaint backlog_{Complaint::Rhythm::hourly};
};

}  // namespace logzio_okta
