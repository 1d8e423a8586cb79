// Retention: Okta keeps events for 90 days. Says once an hour how far behind a stream is when that comes into
// reach, and finds the gap if Okta has forgotten what was not read.
//
// A gap is booked by Okta's clock alone. Ours will do to speak of one.
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
