// The report as one JSON object, for `status`, the live page and people's tools. A value that is not known is
// null, so that every key is always there.
#pragma once

#include <string>

#include "logzio_okta/flow/report.hpp"

namespace logzio_okta {

/// Valid UTF-8 whatever is in the report's texts.
[[nodiscard]] std::string status_json(const Report& report);

}  // namespace logzio_okta
