// What becomes of requests and bulks, each with its count in the report: the names that metrics and JSON
// share.
#pragma once

#include <cstdint>
#include <iterator>

#include "logzio_okta/flow/report.hpp"

namespace logzio_okta {

struct RequestOutcome {
  const char* outcome;
  std::uint64_t RequestCounts::* count;
};
inline constexpr RequestOutcome request_outcomes[] = {
    {"ok", &RequestCounts::ok},
    {"limited", &RequestCounts::limited},
    {"unauthorized", &RequestCounts::unauthorized},
    {"forbidden", &RequestCounts::forbidden},
    {"client_error", &RequestCounts::client_error},
    {"server_error", &RequestCounts::server_error},
    {"transport", &RequestCounts::transport},
    {"unusable", &RequestCounts::unusable},
};
static_assert(std::size(request_outcomes) * sizeof(std::uint64_t) == sizeof(RequestCounts),
              "a count is missing in request_outcomes");

struct BulkOutcome {
  const char* outcome;
  std::uint64_t DestinationReport::* count;
};
inline constexpr BulkOutcome bulk_outcomes[] = {
    {"taken", &DestinationReport::bulks_taken},
    {"partly", &DestinationReport::bulks_partly},
    {"retried", &DestinationReport::bulks_retried},
    {"halved", &DestinationReport::bulks_halved},
};

}  // namespace logzio_okta
