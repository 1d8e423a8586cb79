// Beginning: where a new stream begins to read.
#pragma once

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/org_facts.hpp"
#include "logzio_okta/flow/place.hpp"

namespace logzio_okta {

/// The first place of a stream: `since`, resolved by Okta's clock, within what Okta keeps and not after now.
/// "An hour ago" counts from when the stream was opened; `waited`: how long ago that was, because Okta may
/// not have answered until now. If Okta has sent no date in this run, `org.offset` and our clock are used.
///
/// Okta's clock is taken as of its answer at the latest, so the beginning is early rather than late: what is
/// read once too often is marked or recognised, and what is never asked for is lost.
[[nodiscard]] Place first_place(const Since& since, Duration waited, Now now, const OrgFacts& org);

}  // namespace logzio_okta
