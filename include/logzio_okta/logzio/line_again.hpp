// Functions on a finished line of a bulk: restore the event in it, and mark it as a possible repeat.
#pragma once

#include <string>
#include <string_view>

#include "logzio_okta/logzio/bulk.hpp"

namespace logzio_okta {

/// Okta's bytes of the event in a line (its line breaks between tokens have become spaces).
[[nodiscard]] std::string event_in(std::string_view line, const LineRecord& record);

/// The line with "possible_duplicate" added. Empty if the event has its own key logzio_okta.
[[nodiscard]] std::string marked_line(std::string_view line, const LineRecord& record);

}  // namespace logzio_okta
